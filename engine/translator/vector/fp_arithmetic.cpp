// SPDX-License-Identifier: Apache-2.0
#include "engine/translator/vector/fp_elementwise.hpp"

namespace gimbal::translator::vector {
namespace {

using ir::VecOp;

constexpr Row rows[] = {
    fp_binary<fp_op::add>(VecOp::fp_add),
    fp_binary<fp_op::sub>(VecOp::fp_sub),
    fp_binary<fp_op::mul>(VecOp::fp_mul),
    fp_binary<fp_op::mulx>(VecOp::fp_mulx),
    fp_binary<fp_op::div>(VecOp::fp_div),
    fp_unary<fp_op::sqrt>(VecOp::fp_sqrt),
    fp_unary<fp_op::abs>(VecOp::fp_abs),
    fp_unary<fp_op::neg>(VecOp::fp_neg),
    fp_binary<fp_op::absolute_difference>(VecOp::fp_absolute_difference),
    fp_ternary<fp_op::fma>(VecOp::fp_fma),
    fp_ternary<fp_op::fms>(VecOp::fp_fms),
    fp_binary<fp_op::max>(VecOp::fp_max),
    fp_binary<fp_op::min>(VecOp::fp_min),
    fp_binary<fp_op::maxnm>(VecOp::fp_maxnm),
    fp_binary<fp_op::minnm>(VecOp::fp_minnm),
    fp_binary<fp_op::recip_step>(VecOp::fp_recip_step),
    fp_binary<fp_op::rsqrt_step>(VecOp::fp_rsqrt_step),
    fp_unary<fp_op::recip_estimate>(VecOp::fp_recip_estimate),
    fp_unary<fp_op::rsqrt_estimate>(VecOp::fp_rsqrt_estimate),
    fp_unary<fp_op::recip_exponent>(VecOp::fp_recip_exponent),
    unary_u<[](u32 a) { return fp::unsigned_recip_estimate(a); }, size_32>(VecOp::fixed_recip_estimate),
    unary_u<[](u32 a) { return fp::unsigned_rsqrt_estimate(a); }, size_32>(VecOp::fixed_rsqrt_estimate),
    fp_pairwise<fp_op::add>(VecOp::fp_add_pairwise),
    fp_pairwise<fp_op::max>(VecOp::fp_max_pairwise),
    fp_pairwise<fp_op::min>(VecOp::fp_min_pairwise),
    fp_pairwise<fp_op::maxnm>(VecOp::fp_maxnm_pairwise),
    fp_pairwise<fp_op::minnm>(VecOp::fp_minnm_pairwise),
    fp_across<fp_op::add>(VecOp::fp_add_across),
    fp_across<fp_op::max>(VecOp::fp_max_across),
    fp_across<fp_op::min>(VecOp::fp_min_across),
    fp_across<fp_op::maxnm>(VecOp::fp_maxnm_across),
    fp_across<fp_op::minnm>(VecOp::fp_minnm_across),
};

} // namespace

std::span<const Row> fp_arithmetic_rows() { return rows; }

} // namespace gimbal::translator::vector
