// SPDX-License-Identifier: Apache-2.0
//
// Advanced SIMD floating-point multiplication by one element of a register (Arm ARM, "A64 instruction set encoding").
#include "engine/translator/frontend/aarch64/fp_helpers.hpp"
#include "engine/translator/frontend/aarch64/insn_helpers.hpp"

namespace gimbal::translator::aarch64 {
namespace {

using floating::Shape;
using ir::Value;
using ir::VecOp;

struct Element {
    unsigned reg;
    unsigned index;
};

/// The index is H, H:L or H:L:M, the fewer the longer the elements; M is part of the register's number otherwise.
Element decode_element(Insn i, unsigned element_bits)
{
    const unsigned h = i.field(11, 1);
    const unsigned l = i.field(21, 1);
    const unsigned m = i.field(20, 1);
    if (element_bits == 16) return {i.field(16, 4), h << 2 | l << 1 | m};
    return {i.rm(), element_bits == 32 ? h << 1 | l : h};
}

enum class Addend : u8 { none, vd };

void by_element(Translator& t, Insn i, Shape shape, VecOp op, Addend addend)
{
    const bool l_is_reserved = shape.element_bits == 64 && i.test(21);
    if (!floating::begin(t, shape.bytes != 0 && !l_is_reserved)) return;
    const Element element = decode_element(i, shape.element_bits);
    const unsigned element_bytes = shape.element_bits / 8;
    const unsigned size_log2 = element_bytes == 2 ? 1 : element_bytes == 4 ? 2 : 3;
    const Value a = t.v(i.rn());
    const Value scalar =
        t.ir.read(integer_type_of(size_log2), Translator::vector_offset(element.reg) + element.index * element_bytes);
    const Value b = shape.is_scalar ? t.ir.vec_scalar(scalar, shape.element_bits)
                                    : t.ir.vec_duplicate(scalar, shape.element_bits, shape.bytes);
    const Value c = addend == Addend::vd ? t.v(i.rd()) : Value{};
    t.set_v(i.rd(), t.ir.vec(op, shape.element_bits, shape.bytes, a, b, c));
}

} // namespace

namespace insn {

GIMBAL_FP_VECTOR_AND_SIMD(fmul_by_element, by_element, VecOp::fp_mul, Addend::none)
GIMBAL_FP_VECTOR_AND_SIMD(fmulx_by_element, by_element, VecOp::fp_mulx, Addend::none)
GIMBAL_FP_VECTOR_AND_SIMD(fmla_by_element, by_element, VecOp::fp_fma, Addend::vd)
GIMBAL_FP_VECTOR_AND_SIMD(fmls_by_element, by_element, VecOp::fp_fms, Addend::vd)

} // namespace insn
} // namespace gimbal::translator::aarch64
