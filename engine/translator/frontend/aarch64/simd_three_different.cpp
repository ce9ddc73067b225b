// SPDX-License-Identifier: Apache-2.0
//
// Advanced SIMD three registers of different types, vector by element and their scalar forms, integer part (Arm ARM
// "A64 instruction set encoding"). The "2" forms (Q = 1) read the upper halves of long sources and write the upper half
// of narrow results.

#include "engine/translator/frontend/aarch64/simd_common.hpp"

namespace gimbal::translator::aarch64 {
namespace {

using namespace simd;

/// The second multiplicand, in all the elements that are used, and what it is multiplied with.
struct Operands {
    unsigned bits{};  ///< element size of the multiplicands
    unsigned bytes{}; ///< length of a result that has their element size
    Value n{};
    Value m{};
};

Value widened(Translator& t, Insn insn, VecOp widen, unsigned n)
{
    return t.ir.vec(widen, 8U << insn.field(22, 2), 16, t.v(n), {}, {}, insn.q() ? 1 : 0);
}

/// `op` on elements of twice the size: of Rm and, if `wide`, of Rn as it is, else widened too. `add` accumulates.
void long_form(Translator& t, Insn insn, VecOp widen, VecOp op, bool wide = false, bool accumulate = false)
{
    const unsigned bits = 8U << insn.field(22, 2);
    if (refused(t, bits > 32)) return;
    const Value n = wide ? t.v(insn.rn()) : widened(t, insn, widen, insn.rn());
    Value result = t.ir.vec(op, bits * 2, 16, n, widened(t, insn, widen, insn.rm()));
    if (accumulate) result = t.ir.vec(VecOp::add, bits * 2, 16, t.v(insn.rd()), result);
    t.set_v(insn.rd(), result);
}

/// The high halves of sums or differences.
void narrow_high(Translator& t, Insn insn, VecOp op, bool rounding)
{
    const unsigned bits = 8U << insn.field(22, 2);
    if (refused(t, bits > 32)) return;
    const Value sums = t.ir.vec(op, bits * 2, 16, t.v(insn.rn()), t.v(insn.rm()));
    set_narrowed(t, insn, t.ir.vec(VecOp::narrow, bits, 8, sums, {}, {}, u64{bits} | u64{rounding} << 8));
}

Operands vector_operands(Translator& t, Insn insn)
{
    const Shape shape = vector_shape(insn);
    return {shape.bits, shape.bytes, t.v(insn.rn()), t.v(insn.rm())};
}

Operands scalar_operands(Translator& t, Insn insn)
{
    const Shape shape = scalar_shape(insn);
    return {shape.bits, shape.bytes, t.v(insn.rn()), t.v(insn.rm())};
}

/// Element and register from H, L, M and Rm: halves have H:L:M of v0..v15, words H:L of M:Rm.
Operands element_operands(Translator& t, Insn insn, Shape shape)
{
    const unsigned h_l = insn.field(11, 1) << 1 | insn.field(21, 1);
    if (shape.bits == 16)
        return {16, shape.bytes, t.v(insn.rn()), broadcast(t, insn.field(16, 4), 16, h_l << 1 | insn.field(20, 1), 16)};
    return {32, shape.bytes, t.v(insn.rn()), broadcast(t, insn.rm(), 32, h_l, 16)};
}

/// Multiplications exist for elements of 16 and 32 bits, and as vectors of not by element also for 8.
bool reserved_size(Insn insn, unsigned smallest)
{
    return insn.field(22, 2) == 3 || 8U << insn.field(22, 2) < smallest;
}

/// What happens to the product.
enum class Use : u8 { keep, add, sub };

/// Products of twice the size; `saturating` is for the doubling ones, whose accumulation saturates too.
void long_product(Translator& t, Insn insn, const Operands& in, VecOp op, Use use, bool is_scalar = false)
{
    const bool saturating = op == VecOp::doubling_mul_long;
    const unsigned bits = in.bits * 2;
    const unsigned bytes = is_scalar ? bits / 8 : 16;
    const u64 upper = !is_scalar && insn.q() ? 1 : 0;
    Value result = t.ir.vec(op, in.bits, bytes, in.n, in.m, {}, upper);
    if (use != Use::keep) {
        const VecOp add = saturating ? VecOp::saturating_add_s : VecOp::add;
        const VecOp sub = saturating ? VecOp::saturating_sub_s : VecOp::sub;
        result = t.ir.vec(use == Use::add ? add : sub, bits, bytes, t.v(insn.rd()), result);
    }
    t.set_v(insn.rd(), result);
}

void long_vector(Translator& t, Insn insn, VecOp op, Use use, unsigned smallest = 8)
{
    if (!refused(t, reserved_size(insn, smallest))) long_product(t, insn, vector_operands(t, insn), op, use);
}

void long_scalar(Translator& t, Insn insn, Use use)
{
    if (!refused(t, reserved_size(insn, 16)))
        long_product(t, insn, scalar_operands(t, insn), VecOp::doubling_mul_long, use, true);
}

void long_by_element(Translator& t, Insn insn, VecOp op, Use use)
{
    if (!refused(t, reserved_size(insn, 16)))
        long_product(t, insn, element_operands(t, insn, vector_shape(insn)), op, use);
}

void long_scalar_by_element(Translator& t, Insn insn, Use use)
{
    if (!refused(t, reserved_size(insn, 16)))
        long_product(t, insn, element_operands(t, insn, scalar_shape(insn)), VecOp::doubling_mul_long, use, true);
}

void product_by_element(Translator& t, Insn insn, Use use)
{
    if (refused(t, reserved_size(insn, 16))) return;
    const Operands in = element_operands(t, insn, vector_shape(insn));
    Value result = t.ir.vec(VecOp::mul, in.bits, in.bytes, in.n, in.m);
    if (use != Use::keep)
        result = t.ir.vec(use == Use::add ? VecOp::add : VecOp::sub, in.bits, in.bytes, t.v(insn.rd()), result);
    t.set_v(insn.rd(), result);
}

void high_by_element(Translator& t, Insn insn, Shape shape, bool rounding)
{
    if (refused(t, reserved_size(insn, 16))) return;
    const Operands in = element_operands(t, insn, shape);
    t.set_v(insn.rd(), t.ir.vec(VecOp::doubling_mul_high, in.bits, in.bytes, in.n, in.m, {}, rounding ? 1 : 0));
}

void high_accumulate_by_element(Translator& t, Insn insn, Shape shape, VecOp op)
{
    if (refused(t, reserved_size(insn, 16))) return;
    const Operands in = element_operands(t, insn, shape);
    t.set_v(insn.rd(), t.ir.vec(op, in.bits, in.bytes, in.n, in.m, t.v(insn.rd())));
}

/// The element is a group of four bytes.
void dot_by_element(Translator& t, Insn insn, VecOp op)
{
    if (t.fp_trapped()) return;
    const Operands in = element_operands(t, insn, {32, insn.q() ? 16U : 8U});
    t.set_v(insn.rd(), t.ir.vec(op, 32, in.bytes, in.n, in.m, t.v(insn.rd())));
}

constexpr auto doubling = VecOp::doubling_mul_long;

} // namespace

namespace insn {

void saddl(Translator& t, Insn insn) { long_form(t, insn, VecOp::widen_s, VecOp::add); }
void uaddl(Translator& t, Insn insn) { long_form(t, insn, VecOp::widen_u, VecOp::add); }
void saddw(Translator& t, Insn insn) { long_form(t, insn, VecOp::widen_s, VecOp::add, true); }
void uaddw(Translator& t, Insn insn) { long_form(t, insn, VecOp::widen_u, VecOp::add, true); }
void ssubl(Translator& t, Insn insn) { long_form(t, insn, VecOp::widen_s, VecOp::sub); }
void usubl(Translator& t, Insn insn) { long_form(t, insn, VecOp::widen_u, VecOp::sub); }
void ssubw(Translator& t, Insn insn) { long_form(t, insn, VecOp::widen_s, VecOp::sub, true); }
void usubw(Translator& t, Insn insn) { long_form(t, insn, VecOp::widen_u, VecOp::sub, true); }
void sabdl(Translator& t, Insn insn) { long_form(t, insn, VecOp::widen_s, VecOp::absolute_difference_s); }
void uabdl(Translator& t, Insn insn) { long_form(t, insn, VecOp::widen_u, VecOp::absolute_difference_u); }
void sabal(Translator& t, Insn insn) { long_form(t, insn, VecOp::widen_s, VecOp::absolute_difference_s, false, true); }
void uabal(Translator& t, Insn insn) { long_form(t, insn, VecOp::widen_u, VecOp::absolute_difference_u, false, true); }

void addhn(Translator& t, Insn insn) { narrow_high(t, insn, VecOp::add, false); }
void raddhn(Translator& t, Insn insn) { narrow_high(t, insn, VecOp::add, true); }
void subhn(Translator& t, Insn insn) { narrow_high(t, insn, VecOp::sub, false); }
void rsubhn(Translator& t, Insn insn) { narrow_high(t, insn, VecOp::sub, true); }

void smull_vector(Translator& t, Insn insn) { long_vector(t, insn, VecOp::mul_long_s, Use::keep); }
void umull_vector(Translator& t, Insn insn) { long_vector(t, insn, VecOp::mul_long_u, Use::keep); }
void smlal_vector(Translator& t, Insn insn) { long_vector(t, insn, VecOp::mul_long_s, Use::add); }
void umlal_vector(Translator& t, Insn insn) { long_vector(t, insn, VecOp::mul_long_u, Use::add); }
void smlsl_vector(Translator& t, Insn insn) { long_vector(t, insn, VecOp::mul_long_s, Use::sub); }
void umlsl_vector(Translator& t, Insn insn) { long_vector(t, insn, VecOp::mul_long_u, Use::sub); }
void pmull_8(Translator& t, Insn insn) { long_vector(t, insn, VecOp::polynomial_mul_long, Use::keep); }
void sqdmull_vector(Translator& t, Insn insn) { long_vector(t, insn, doubling, Use::keep, 16); }
void sqdmlal_vector(Translator& t, Insn insn) { long_vector(t, insn, doubling, Use::add, 16); }
void sqdmlsl_vector(Translator& t, Insn insn) { long_vector(t, insn, doubling, Use::sub, 16); }
void sqdmull_scalar(Translator& t, Insn insn) { long_scalar(t, insn, Use::keep); }
void sqdmlal_scalar(Translator& t, Insn insn) { long_scalar(t, insn, Use::add); }
void sqdmlsl_scalar(Translator& t, Insn insn) { long_scalar(t, insn, Use::sub); }

void smull_by_element(Translator& t, Insn insn) { long_by_element(t, insn, VecOp::mul_long_s, Use::keep); }
void umull_by_element(Translator& t, Insn insn) { long_by_element(t, insn, VecOp::mul_long_u, Use::keep); }
void smlal_by_element(Translator& t, Insn insn) { long_by_element(t, insn, VecOp::mul_long_s, Use::add); }
void umlal_by_element(Translator& t, Insn insn) { long_by_element(t, insn, VecOp::mul_long_u, Use::add); }
void smlsl_by_element(Translator& t, Insn insn) { long_by_element(t, insn, VecOp::mul_long_s, Use::sub); }
void umlsl_by_element(Translator& t, Insn insn) { long_by_element(t, insn, VecOp::mul_long_u, Use::sub); }
void sqdmull_by_element(Translator& t, Insn insn) { long_by_element(t, insn, doubling, Use::keep); }
void sqdmlal_by_element(Translator& t, Insn insn) { long_by_element(t, insn, doubling, Use::add); }
void sqdmlsl_by_element(Translator& t, Insn insn) { long_by_element(t, insn, doubling, Use::sub); }
void sqdmull_scalar_by_element(Translator& t, Insn insn) { long_scalar_by_element(t, insn, Use::keep); }
void sqdmlal_scalar_by_element(Translator& t, Insn insn) { long_scalar_by_element(t, insn, Use::add); }
void sqdmlsl_scalar_by_element(Translator& t, Insn insn) { long_scalar_by_element(t, insn, Use::sub); }

void mul_by_element(Translator& t, Insn insn) { product_by_element(t, insn, Use::keep); }
void mla_by_element(Translator& t, Insn insn) { product_by_element(t, insn, Use::add); }
void mls_by_element(Translator& t, Insn insn) { product_by_element(t, insn, Use::sub); }

void sqdmulh_by_element(Translator& t, Insn insn) { high_by_element(t, insn, vector_shape(insn), false); }
void sqdmulh_scalar_by_element(Translator& t, Insn insn) { high_by_element(t, insn, scalar_shape(insn), false); }
void sqrdmulh_by_element(Translator& t, Insn insn) { high_by_element(t, insn, vector_shape(insn), true); }
void sqrdmulh_scalar_by_element(Translator& t, Insn insn) { high_by_element(t, insn, scalar_shape(insn), true); }

void sqrdmlah_by_element(Translator& t, Insn insn)
{
    high_accumulate_by_element(t, insn, vector_shape(insn), VecOp::doubling_mul_add_high);
}
void sqrdmlah_scalar_by_element(Translator& t, Insn insn)
{
    high_accumulate_by_element(t, insn, scalar_shape(insn), VecOp::doubling_mul_add_high);
}
void sqrdmlsh_by_element(Translator& t, Insn insn)
{
    high_accumulate_by_element(t, insn, vector_shape(insn), VecOp::doubling_mul_sub_high);
}
void sqrdmlsh_scalar_by_element(Translator& t, Insn insn)
{
    high_accumulate_by_element(t, insn, scalar_shape(insn), VecOp::doubling_mul_sub_high);
}

void sdot_by_element(Translator& t, Insn insn) { dot_by_element(t, insn, VecOp::dot_s); }
void udot_by_element(Translator& t, Insn insn) { dot_by_element(t, insn, VecOp::dot_u); }

} // namespace insn
} // namespace gimbal::translator::aarch64
