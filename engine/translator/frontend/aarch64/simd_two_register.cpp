// SPDX-License-Identifier: Apache-2.0
//
// Advanced SIMD two-register miscellaneous, across lanes and scalar pairwise, integer part (Arm ARM, "A64 instruction
// set encoding").

#include "engine/translator/frontend/aarch64/simd_common.hpp"

namespace gimbal::translator::aarch64 {
namespace {

using namespace simd;

void unary(Translator& t, Insn insn, VecOp op, Shape shape, bool reserved, u64 imm = 0)
{
    if (!refused(t, reserved)) t.set_v(insn.rd(), t.ir.vec(op, shape.bits, shape.bytes, t.v(insn.rn()), {}, {}, imm));
}

/// Of elements up to 64 bits.
void vector(Translator& t, Insn insn, VecOp op)
{
    const Shape shape = vector_shape(insn);
    unary(t, insn, op, shape, single_element(shape));
}

void scalar(Translator& t, Insn insn, VecOp op) { unary(t, insn, op, scalar_shape(insn), false); }

/// Of elements up to 32 bits.
void vector_to_32(Translator& t, Insn insn, VecOp op)
{
    const Shape shape = vector_shape(insn);
    unary(t, insn, op, shape, shape.bits > 32);
}

/// REV16, REV32, REV64: of elements smaller than the unit.
void reverse(Translator& t, Insn insn, unsigned unit_bytes)
{
    const Shape shape = vector_shape(insn);
    unary(t, insn, VecOp::reverse_elements, shape, shape.bits >= unit_bytes * 8, unit_bytes);
}

/// CNT, NOT and RBIT work on bytes; the size field is part of the opcode.
void bytes(Translator& t, Insn insn, VecOp op) { unary(t, insn, op, {8, insn.q() ? 16U : 8U}, false); }

/// SADALP, UADALP
void pairwise_accumulate(Translator& t, Insn insn, VecOp op)
{
    const Shape shape = vector_shape(insn);
    if (refused(t, shape.bits > 32)) return;
    const Value sums = t.ir.vec(op, shape.bits, shape.bytes, t.v(insn.rn()));
    t.set_v(insn.rd(), t.ir.vec(VecOp::add, shape.bits * 2, shape.bytes, t.v(insn.rd()), sums));
}

/// SUQADD, USQADD: the accumulator is Rd.
void accumulate(Translator& t, Insn insn, VecOp op, Shape shape)
{
    if (!refused(t, single_element(shape) && insn.test(28) == 0))
        t.set_v(insn.rd(), t.ir.vec(op, shape.bits, shape.bytes, t.v(insn.rd()), t.v(insn.rn())));
}

void narrow_vector(Translator& t, Insn insn, VecOp op)
{
    const Shape shape = vector_shape(insn);
    if (!refused(t, shape.bits > 32)) set_narrowed(t, insn, t.ir.vec(op, shape.bits, 8, t.v(insn.rn())));
}

void narrow_scalar(Translator& t, Insn insn, VecOp op)
{
    const Shape shape = scalar_shape(insn);
    unary(t, insn, op, shape, shape.bits > 32);
}

/// Elements of 32 bits only in a whole register.
void across(Translator& t, Insn insn, VecOp op)
{
    const Shape shape = vector_shape(insn);
    unary(t, insn, op, shape, shape.bits > 32 || (shape.bits == 32 && shape.bytes == 8));
}

} // namespace

namespace insn {

void rev64(Translator& t, Insn insn) { reverse(t, insn, 8); }
void rev32_vector(Translator& t, Insn insn) { reverse(t, insn, 4); }
void rev16_vector(Translator& t, Insn insn) { reverse(t, insn, 2); }
void saddlp(Translator& t, Insn insn) { vector_to_32(t, insn, VecOp::add_pairwise_long_s); }
void uaddlp(Translator& t, Insn insn) { vector_to_32(t, insn, VecOp::add_pairwise_long_u); }
void sadalp(Translator& t, Insn insn) { pairwise_accumulate(t, insn, VecOp::add_pairwise_long_s); }
void uadalp(Translator& t, Insn insn) { pairwise_accumulate(t, insn, VecOp::add_pairwise_long_u); }
void suqadd_vector(Translator& t, Insn insn) { accumulate(t, insn, VecOp::saturating_add_su, vector_shape(insn)); }
void suqadd_scalar(Translator& t, Insn insn) { accumulate(t, insn, VecOp::saturating_add_su, scalar_shape(insn)); }
void usqadd_vector(Translator& t, Insn insn) { accumulate(t, insn, VecOp::saturating_add_us, vector_shape(insn)); }
void usqadd_scalar(Translator& t, Insn insn) { accumulate(t, insn, VecOp::saturating_add_us, scalar_shape(insn)); }
void cls_vector(Translator& t, Insn insn) { vector_to_32(t, insn, VecOp::count_leading_sign); }
void clz_vector(Translator& t, Insn insn) { vector_to_32(t, insn, VecOp::count_leading_zeros); }
void cnt(Translator& t, Insn insn) { bytes(t, insn, VecOp::count_ones); }
void not_vector(Translator& t, Insn insn) { bytes(t, insn, VecOp::not_); }
void rbit_vector(Translator& t, Insn insn) { bytes(t, insn, VecOp::reverse_bits); }
void sqabs_vector(Translator& t, Insn insn) { vector(t, insn, VecOp::saturating_abs); }
void sqabs_scalar(Translator& t, Insn insn) { scalar(t, insn, VecOp::saturating_abs); }
void sqneg_vector(Translator& t, Insn insn) { vector(t, insn, VecOp::saturating_neg); }
void sqneg_scalar(Translator& t, Insn insn) { scalar(t, insn, VecOp::saturating_neg); }
void cmgt_zero_vector(Translator& t, Insn insn) { vector(t, insn, VecOp::compare_greater_zero); }
void cmgt_zero_scalar(Translator& t, Insn insn) { scalar(t, insn, VecOp::compare_greater_zero); }
void cmge_zero_vector(Translator& t, Insn insn) { vector(t, insn, VecOp::compare_greater_equal_zero); }
void cmge_zero_scalar(Translator& t, Insn insn) { scalar(t, insn, VecOp::compare_greater_equal_zero); }
void cmeq_zero_vector(Translator& t, Insn insn) { vector(t, insn, VecOp::compare_equal_zero); }
void cmeq_zero_scalar(Translator& t, Insn insn) { scalar(t, insn, VecOp::compare_equal_zero); }
void cmle_zero_vector(Translator& t, Insn insn) { vector(t, insn, VecOp::compare_less_equal_zero); }
void cmle_zero_scalar(Translator& t, Insn insn) { scalar(t, insn, VecOp::compare_less_equal_zero); }
void cmlt_zero_vector(Translator& t, Insn insn) { vector(t, insn, VecOp::compare_less_zero); }
void cmlt_zero_scalar(Translator& t, Insn insn) { scalar(t, insn, VecOp::compare_less_zero); }
void abs_vector(Translator& t, Insn insn) { vector(t, insn, VecOp::abs); }
void abs_scalar(Translator& t, Insn insn) { scalar(t, insn, VecOp::abs); }
void neg_vector(Translator& t, Insn insn) { vector(t, insn, VecOp::neg); }
void neg_scalar(Translator& t, Insn insn) { scalar(t, insn, VecOp::neg); }
void xtn(Translator& t, Insn insn) { narrow_vector(t, insn, VecOp::narrow); }
void sqxtn_vector(Translator& t, Insn insn) { narrow_vector(t, insn, VecOp::narrow_saturating_s); }
void sqxtn_scalar(Translator& t, Insn insn) { narrow_scalar(t, insn, VecOp::narrow_saturating_s); }
void uqxtn_vector(Translator& t, Insn insn) { narrow_vector(t, insn, VecOp::narrow_saturating_u); }
void uqxtn_scalar(Translator& t, Insn insn) { narrow_scalar(t, insn, VecOp::narrow_saturating_u); }
void sqxtun_vector(Translator& t, Insn insn) { narrow_vector(t, insn, VecOp::narrow_saturating_su); }
void sqxtun_scalar(Translator& t, Insn insn) { narrow_scalar(t, insn, VecOp::narrow_saturating_su); }

void shll(Translator& t, Insn insn)
{
    const Shape shape = vector_shape(insn);
    const u64 upper = insn.q() ? 1 : 0;
    unary(t, insn, VecOp::widen_u, {shape.bits, 16}, shape.bits > 32, upper | u64{shape.bits} << 8);
}

void saddlv(Translator& t, Insn insn) { across(t, insn, VecOp::add_long_across_s); }
void uaddlv(Translator& t, Insn insn) { across(t, insn, VecOp::add_long_across_u); }
void smaxv(Translator& t, Insn insn) { across(t, insn, VecOp::max_across_s); }
void umaxv(Translator& t, Insn insn) { across(t, insn, VecOp::max_across_u); }
void sminv(Translator& t, Insn insn) { across(t, insn, VecOp::min_across_s); }
void uminv(Translator& t, Insn insn) { across(t, insn, VecOp::min_across_u); }
void addv(Translator& t, Insn insn) { across(t, insn, VecOp::add_across); }

/// The one scalar pairwise instruction on integers: both halves of Vn.
void addp_scalar(Translator& t, Insn insn)
{
    if (t.fp_trapped()) return;
    const Value source = t.v(insn.rn());
    const Value low = t.ir.vec_element(ir::Type::i64, source, 64, 0);
    const Value high = t.ir.vec_element(ir::Type::i64, source, 64, 1);
    t.set_scalar(insn.rd(), t.ir.add(low, high));
}

} // namespace insn
} // namespace gimbal::translator::aarch64
