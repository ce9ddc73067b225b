// SPDX-License-Identifier: Apache-2.0
//
// Advanced SIMD floating-point arithmetic and comparison (Arm ARM, "A64 instruction set encoding"): three registers of
// the same type, two registers, across lanes, pairwise.
#include "engine/translator/frontend/aarch64/fp_helpers.hpp"

namespace gimbal::translator::aarch64 {
namespace {

using floating::begin;
using floating::Shape;
using ir::Value;
using ir::VecOp;

void two_operands(Translator& t, Insn i, Shape shape, VecOp op)
{
    if (!begin(t, shape)) return;
    const Value a = t.v(i.rn());
    const Value b = t.v(i.rm());
    t.set_v(i.rd(), t.ir.vec(op, shape.element_bits, shape.bytes, a, b));
}

/// Vd is the addend.
void accumulate(Translator& t, Insn i, Shape shape, VecOp op)
{
    if (!begin(t, shape)) return;
    const Value a = t.v(i.rn());
    const Value b = t.v(i.rm());
    const Value c = t.v(i.rd());
    t.set_v(i.rd(), t.ir.vec(op, shape.element_bits, shape.bytes, a, b, c));
}

void one_operand(Translator& t, Insn i, Shape shape, VecOp op)
{
    if (!begin(t, shape)) return;
    const Value a = t.v(i.rn());
    t.set_v(i.rd(), t.ir.vec(op, shape.element_bits, shape.bytes, a));
}

enum class Zero : u8 { right, left };

void compare_zero(Translator& t, Insn i, Shape shape, VecOp op, Zero side)
{
    if (!begin(t, shape)) return;
    const Value a = t.v(i.rn());
    const Value zero = t.ir.vec_duplicate(t.ir.i64c(0), 64, 16);
    const bool left = side == Zero::left;
    t.set_v(i.rd(), t.ir.vec(op, shape.element_bits, shape.bytes, left ? zero : a, left ? a : zero));
}

/// Element 0 of the result is a reduction of two elements, wherever they come from.
void pairwise_scalar(Translator& t, Insn i, Shape shape, VecOp op)
{
    one_operand(t, i, {shape.element_bits, shape.bytes * 2}, op);
}

} // namespace

namespace insn {

GIMBAL_FP_VECTOR(fadd, two_operands, VecOp::fp_add)
GIMBAL_FP_VECTOR(fsub, two_operands, VecOp::fp_sub)
GIMBAL_FP_VECTOR(fmul, two_operands, VecOp::fp_mul)
GIMBAL_FP_VECTOR(fdiv, two_operands, VecOp::fp_div)
GIMBAL_FP_VECTOR(fmax, two_operands, VecOp::fp_max)
GIMBAL_FP_VECTOR(fmin, two_operands, VecOp::fp_min)
GIMBAL_FP_VECTOR(fmaxnm, two_operands, VecOp::fp_maxnm)
GIMBAL_FP_VECTOR(fminnm, two_operands, VecOp::fp_minnm)
GIMBAL_FP_VECTOR(faddp, two_operands, VecOp::fp_add_pairwise)
GIMBAL_FP_VECTOR(fmaxp, two_operands, VecOp::fp_max_pairwise)
GIMBAL_FP_VECTOR(fminp, two_operands, VecOp::fp_min_pairwise)
GIMBAL_FP_VECTOR(fmaxnmp, two_operands, VecOp::fp_maxnm_pairwise)
GIMBAL_FP_VECTOR(fminnmp, two_operands, VecOp::fp_minnm_pairwise)
GIMBAL_FP_VECTOR_AND_SIMD(fmulx, two_operands, VecOp::fp_mulx)
GIMBAL_FP_VECTOR_AND_SIMD(fabd, two_operands, VecOp::fp_absolute_difference)
GIMBAL_FP_VECTOR_AND_SIMD(frecps, two_operands, VecOp::fp_recip_step)
GIMBAL_FP_VECTOR_AND_SIMD(frsqrts, two_operands, VecOp::fp_rsqrt_step)
GIMBAL_FP_VECTOR_AND_SIMD(fcmeq_register, two_operands, VecOp::fp_compare_equal)
GIMBAL_FP_VECTOR_AND_SIMD(fcmge_register, two_operands, VecOp::fp_compare_greater_equal)
GIMBAL_FP_VECTOR_AND_SIMD(fcmgt_register, two_operands, VecOp::fp_compare_greater)
GIMBAL_FP_VECTOR_AND_SIMD(facge, two_operands, VecOp::fp_compare_absolute_greater_equal)
GIMBAL_FP_VECTOR_AND_SIMD(facgt, two_operands, VecOp::fp_compare_absolute_greater)
GIMBAL_FP_VECTOR(fmla, accumulate, VecOp::fp_fma)
GIMBAL_FP_VECTOR(fmls, accumulate, VecOp::fp_fms)

GIMBAL_FP_VECTOR_AND_SIMD(fcmeq_zero, compare_zero, VecOp::fp_compare_equal, Zero::right)
GIMBAL_FP_VECTOR_AND_SIMD(fcmgt_zero, compare_zero, VecOp::fp_compare_greater, Zero::right)
GIMBAL_FP_VECTOR_AND_SIMD(fcmge_zero, compare_zero, VecOp::fp_compare_greater_equal, Zero::right)
GIMBAL_FP_VECTOR_AND_SIMD(fcmlt_zero, compare_zero, VecOp::fp_compare_greater, Zero::left)
GIMBAL_FP_VECTOR_AND_SIMD(fcmle_zero, compare_zero, VecOp::fp_compare_greater_equal, Zero::left)

GIMBAL_FP_VECTOR(fabs, one_operand, VecOp::fp_abs)
GIMBAL_FP_VECTOR(fneg, one_operand, VecOp::fp_neg)
GIMBAL_FP_VECTOR(fsqrt, one_operand, VecOp::fp_sqrt)
GIMBAL_FP_VECTOR_AND_SIMD(frecpe, one_operand, VecOp::fp_recip_estimate)
GIMBAL_FP_VECTOR_AND_SIMD(frsqrte, one_operand, VecOp::fp_rsqrt_estimate)
GIMBAL_FP_SIMD(frecpx, one_operand, VecOp::fp_recip_exponent)

void urecpe(Translator& t, Insn i) { one_operand(t, i, floating::vector_shape(i), VecOp::fixed_recip_estimate); }
void ursqrte(Translator& t, Insn i) { one_operand(t, i, floating::vector_shape(i), VecOp::fixed_rsqrt_estimate); }

GIMBAL_FP_SIMD(faddp, pairwise_scalar, VecOp::fp_add_across)
GIMBAL_FP_SIMD(fmaxp, pairwise_scalar, VecOp::fp_max_across)
GIMBAL_FP_SIMD(fminp, pairwise_scalar, VecOp::fp_min_across)
GIMBAL_FP_SIMD(fmaxnmp, pairwise_scalar, VecOp::fp_maxnm_across)
GIMBAL_FP_SIMD(fminnmp, pairwise_scalar, VecOp::fp_minnm_across)

void fmaxv(Translator& t, Insn i) { one_operand(t, i, floating::vector_shape(i), VecOp::fp_max_across); }
void fminv(Translator& t, Insn i) { one_operand(t, i, floating::vector_shape(i), VecOp::fp_min_across); }
void fmaxnmv(Translator& t, Insn i) { one_operand(t, i, floating::vector_shape(i), VecOp::fp_maxnm_across); }
void fminnmv(Translator& t, Insn i) { one_operand(t, i, floating::vector_shape(i), VecOp::fp_minnm_across); }
void fmaxv_half(Translator& t, Insn i) { one_operand(t, i, floating::vector_half_shape(i), VecOp::fp_max_across); }
void fminv_half(Translator& t, Insn i) { one_operand(t, i, floating::vector_half_shape(i), VecOp::fp_min_across); }
void fmaxnmv_half(Translator& t, Insn i) { one_operand(t, i, floating::vector_half_shape(i), VecOp::fp_maxnm_across); }
void fminnmv_half(Translator& t, Insn i) { one_operand(t, i, floating::vector_half_shape(i), VecOp::fp_minnm_across); }

} // namespace insn
} // namespace gimbal::translator::aarch64
