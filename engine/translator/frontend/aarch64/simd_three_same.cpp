// SPDX-License-Identifier: Apache-2.0
//
// Advanced SIMD three registers of the same type, integer part (Arm ARM, "A64 instruction set encoding").

#include "engine/translator/frontend/aarch64/simd_common.hpp"

namespace gimbal::translator::aarch64 {
namespace {

using namespace simd;

void binary(Translator& t, Insn insn, VecOp op, Shape shape, bool reserved, u64 imm = 0)
{
    if (!refused(t, reserved))
        t.set_v(insn.rd(), t.ir.vec(op, shape.bits, shape.bytes, t.v(insn.rn()), t.v(insn.rm()), {}, imm));
}

/// Of elements up to 64 bits.
void vector(Translator& t, Insn insn, VecOp op)
{
    const Shape shape = vector_shape(insn);
    binary(t, insn, op, shape, single_element(shape));
}

void scalar(Translator& t, Insn insn, VecOp op) { binary(t, insn, op, scalar_shape(insn), false); }

/// Of elements up to 32 bits.
void vector_to_32(Translator& t, Insn insn, VecOp op)
{
    const Shape shape = vector_shape(insn);
    binary(t, insn, op, shape, shape.bits > 32);
}

/// Of elements of 16 and 32 bits: SQDMULH, SQRDMULH.
void multiply_high(Translator& t, Insn insn, Shape shape, bool rounding)
{
    binary(t, insn, VecOp::doubling_mul_high, shape, shape.bits != 16 && shape.bits != 32, rounding ? 1 : 0);
}

/// Adds to Rd or subtracts from it what `op` makes of Rn and Rm: MLA, MLS, SABA, UABA.
void accumulate(Translator& t, Insn insn, VecOp op, VecOp how)
{
    const Shape shape = vector_shape(insn);
    if (refused(t, shape.bits > 32)) return;
    const Value term = t.ir.vec(op, shape.bits, shape.bytes, t.v(insn.rn()), t.v(insn.rm()));
    t.set_v(insn.rd(), t.ir.vec(how, shape.bits, shape.bytes, t.v(insn.rd()), term));
}

/// The size field is part of the opcode.
void bitwise(Translator& t, Insn insn, VecOp op) { binary(t, insn, op, {8, insn.q() ? 16U : 8U}, false); }

/// Bits of `if_one` where `mask` has ones, else of `if_zero`.
void select(Translator& t, Insn insn, unsigned mask, unsigned if_one, unsigned if_zero)
{
    if (!t.fp_trapped())
        t.set_v(insn.rd(), t.ir.vec(VecOp::select_bits, 8, insn.q() ? 16 : 8, t.v(mask), t.v(if_one), t.v(if_zero)));
}

/// SQRDMLAH, SQRDMLSH
void multiply_accumulate_high(Translator& t, Insn insn, VecOp op, Shape shape)
{
    if (refused(t, shape.bits != 16 && shape.bits != 32)) return;
    t.set_v(insn.rd(), t.ir.vec(op, shape.bits, shape.bytes, t.v(insn.rn()), t.v(insn.rm()), t.v(insn.rd())));
}

void dot(Translator& t, Insn insn, VecOp op)
{
    if (!t.fp_trapped())
        t.set_v(insn.rd(), t.ir.vec(op, 32, insn.q() ? 16 : 8, t.v(insn.rn()), t.v(insn.rm()), t.v(insn.rd())));
}

} // namespace

namespace insn {

void shadd(Translator& t, Insn insn) { vector_to_32(t, insn, VecOp::halving_add_s); }
void uhadd(Translator& t, Insn insn) { vector_to_32(t, insn, VecOp::halving_add_u); }
void srhadd(Translator& t, Insn insn) { vector_to_32(t, insn, VecOp::rounding_halving_add_s); }
void urhadd(Translator& t, Insn insn) { vector_to_32(t, insn, VecOp::rounding_halving_add_u); }
void shsub(Translator& t, Insn insn) { vector_to_32(t, insn, VecOp::halving_sub_s); }
void uhsub(Translator& t, Insn insn) { vector_to_32(t, insn, VecOp::halving_sub_u); }
void smax_vector(Translator& t, Insn insn) { vector_to_32(t, insn, VecOp::max_s); }
void umax_vector(Translator& t, Insn insn) { vector_to_32(t, insn, VecOp::max_u); }
void smin_vector(Translator& t, Insn insn) { vector_to_32(t, insn, VecOp::min_s); }
void umin_vector(Translator& t, Insn insn) { vector_to_32(t, insn, VecOp::min_u); }
void smaxp(Translator& t, Insn insn) { vector_to_32(t, insn, VecOp::max_pairwise_s); }
void umaxp(Translator& t, Insn insn) { vector_to_32(t, insn, VecOp::max_pairwise_u); }
void sminp(Translator& t, Insn insn) { vector_to_32(t, insn, VecOp::min_pairwise_s); }
void uminp(Translator& t, Insn insn) { vector_to_32(t, insn, VecOp::min_pairwise_u); }
void sabd(Translator& t, Insn insn) { vector_to_32(t, insn, VecOp::absolute_difference_s); }
void uabd(Translator& t, Insn insn) { vector_to_32(t, insn, VecOp::absolute_difference_u); }
void mul_vector(Translator& t, Insn insn) { vector_to_32(t, insn, VecOp::mul); }
void saba(Translator& t, Insn insn) { accumulate(t, insn, VecOp::absolute_difference_s, VecOp::add); }
void uaba(Translator& t, Insn insn) { accumulate(t, insn, VecOp::absolute_difference_u, VecOp::add); }
void mla_vector(Translator& t, Insn insn) { accumulate(t, insn, VecOp::mul, VecOp::add); }
void mls_vector(Translator& t, Insn insn) { accumulate(t, insn, VecOp::mul, VecOp::sub); }

void pmul(Translator& t, Insn insn)
{
    const Shape shape = vector_shape(insn);
    binary(t, insn, VecOp::polynomial_mul, shape, shape.bits != 8);
}

void add_vector(Translator& t, Insn insn) { vector(t, insn, VecOp::add); }
void add_scalar(Translator& t, Insn insn) { scalar(t, insn, VecOp::add); }
void sub_vector(Translator& t, Insn insn) { vector(t, insn, VecOp::sub); }
void sub_scalar(Translator& t, Insn insn) { scalar(t, insn, VecOp::sub); }
void addp_vector(Translator& t, Insn insn) { vector(t, insn, VecOp::add_pairwise); }
void sqadd_vector(Translator& t, Insn insn) { vector(t, insn, VecOp::saturating_add_s); }
void sqadd_scalar(Translator& t, Insn insn) { scalar(t, insn, VecOp::saturating_add_s); }
void uqadd_vector(Translator& t, Insn insn) { vector(t, insn, VecOp::saturating_add_u); }
void uqadd_scalar(Translator& t, Insn insn) { scalar(t, insn, VecOp::saturating_add_u); }
void sqsub_vector(Translator& t, Insn insn) { vector(t, insn, VecOp::saturating_sub_s); }
void sqsub_scalar(Translator& t, Insn insn) { scalar(t, insn, VecOp::saturating_sub_s); }
void uqsub_vector(Translator& t, Insn insn) { vector(t, insn, VecOp::saturating_sub_u); }
void uqsub_scalar(Translator& t, Insn insn) { scalar(t, insn, VecOp::saturating_sub_u); }

void cmgt_register_vector(Translator& t, Insn insn) { vector(t, insn, VecOp::compare_greater_s); }
void cmgt_register_scalar(Translator& t, Insn insn) { scalar(t, insn, VecOp::compare_greater_s); }
void cmhi_vector(Translator& t, Insn insn) { vector(t, insn, VecOp::compare_greater_u); }
void cmhi_scalar(Translator& t, Insn insn) { scalar(t, insn, VecOp::compare_greater_u); }
void cmge_register_vector(Translator& t, Insn insn) { vector(t, insn, VecOp::compare_greater_equal_s); }
void cmge_register_scalar(Translator& t, Insn insn) { scalar(t, insn, VecOp::compare_greater_equal_s); }
void cmhs_vector(Translator& t, Insn insn) { vector(t, insn, VecOp::compare_greater_equal_u); }
void cmhs_scalar(Translator& t, Insn insn) { scalar(t, insn, VecOp::compare_greater_equal_u); }
void cmtst_vector(Translator& t, Insn insn) { vector(t, insn, VecOp::compare_test); }
void cmtst_scalar(Translator& t, Insn insn) { scalar(t, insn, VecOp::compare_test); }
void cmeq_register_vector(Translator& t, Insn insn) { vector(t, insn, VecOp::compare_equal); }
void cmeq_register_scalar(Translator& t, Insn insn) { scalar(t, insn, VecOp::compare_equal); }

void sshl_vector(Translator& t, Insn insn) { vector(t, insn, VecOp::shift_s); }
void sshl_scalar(Translator& t, Insn insn) { scalar(t, insn, VecOp::shift_s); }
void ushl_vector(Translator& t, Insn insn) { vector(t, insn, VecOp::shift_u); }
void ushl_scalar(Translator& t, Insn insn) { scalar(t, insn, VecOp::shift_u); }
void srshl_vector(Translator& t, Insn insn) { vector(t, insn, VecOp::shift_rounding_s); }
void srshl_scalar(Translator& t, Insn insn) { scalar(t, insn, VecOp::shift_rounding_s); }
void urshl_vector(Translator& t, Insn insn) { vector(t, insn, VecOp::shift_rounding_u); }
void urshl_scalar(Translator& t, Insn insn) { scalar(t, insn, VecOp::shift_rounding_u); }
void sqshl_register_vector(Translator& t, Insn insn) { vector(t, insn, VecOp::shift_saturating_s); }
void sqshl_register_scalar(Translator& t, Insn insn) { scalar(t, insn, VecOp::shift_saturating_s); }
void uqshl_register_vector(Translator& t, Insn insn) { vector(t, insn, VecOp::shift_saturating_u); }
void uqshl_register_scalar(Translator& t, Insn insn) { scalar(t, insn, VecOp::shift_saturating_u); }
void sqrshl_vector(Translator& t, Insn insn) { vector(t, insn, VecOp::shift_rounding_saturating_s); }
void sqrshl_scalar(Translator& t, Insn insn) { scalar(t, insn, VecOp::shift_rounding_saturating_s); }
void uqrshl_vector(Translator& t, Insn insn) { vector(t, insn, VecOp::shift_rounding_saturating_u); }
void uqrshl_scalar(Translator& t, Insn insn) { scalar(t, insn, VecOp::shift_rounding_saturating_u); }

void sqdmulh_vector(Translator& t, Insn insn) { multiply_high(t, insn, vector_shape(insn), false); }
void sqdmulh_scalar(Translator& t, Insn insn) { multiply_high(t, insn, scalar_shape(insn), false); }
void sqrdmulh_vector(Translator& t, Insn insn) { multiply_high(t, insn, vector_shape(insn), true); }
void sqrdmulh_scalar(Translator& t, Insn insn) { multiply_high(t, insn, scalar_shape(insn), true); }

void and_vector(Translator& t, Insn insn) { bitwise(t, insn, VecOp::and_); }
void bic_vector(Translator& t, Insn insn) { bitwise(t, insn, VecOp::and_not); }
void orn_vector(Translator& t, Insn insn) { bitwise(t, insn, VecOp::or_not); }
void eor_vector(Translator& t, Insn insn) { bitwise(t, insn, VecOp::xor_); }

void orr_vector(Translator& t, Insn insn)
{
    if (insn.rn() != insn.rm() || !insn.q()) {
        bitwise(t, insn, VecOp::or_);
        return;
    }
    // The alias MOV of a whole register
    if (!t.fp_trapped()) t.set_v(insn.rd(), t.v(insn.rn()));
}

void bsl_vector(Translator& t, Insn insn) { select(t, insn, insn.rd(), insn.rn(), insn.rm()); }
void bit_vector(Translator& t, Insn insn) { select(t, insn, insn.rm(), insn.rn(), insn.rd()); }
void bif_vector(Translator& t, Insn insn) { select(t, insn, insn.rm(), insn.rd(), insn.rn()); }

void sqrdmlah_vector(Translator& t, Insn insn)
{
    multiply_accumulate_high(t, insn, VecOp::doubling_mul_add_high, vector_shape(insn));
}
void sqrdmlah_scalar(Translator& t, Insn insn)
{
    multiply_accumulate_high(t, insn, VecOp::doubling_mul_add_high, scalar_shape(insn));
}
void sqrdmlsh_vector(Translator& t, Insn insn)
{
    multiply_accumulate_high(t, insn, VecOp::doubling_mul_sub_high, vector_shape(insn));
}
void sqrdmlsh_scalar(Translator& t, Insn insn)
{
    multiply_accumulate_high(t, insn, VecOp::doubling_mul_sub_high, scalar_shape(insn));
}
void sdot_vector(Translator& t, Insn insn) { dot(t, insn, VecOp::dot_s); }
void udot_vector(Translator& t, Insn insn) { dot(t, insn, VecOp::dot_u); }

} // namespace insn
} // namespace gimbal::translator::aarch64
