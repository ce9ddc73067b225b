// SPDX-License-Identifier: Apache-2.0
#include "engine/translator/vector/fp_elementwise.hpp"

namespace gimbal::translator::vector {
namespace {

using fp::Bits;
using fp::FpEnv;
using fp::NanCompare;
using fp::Order;
using ir::VecOp;

template <class F>
constexpr Bits<F> mask(bool condition)
{
    return condition ? static_cast<Bits<F>>(~u64{0}) : Bits<F>{0};
}

constexpr auto equal = []<class F>(F, Bits<F> a, Bits<F> b, FpEnv& env) {
    return mask<F>(fp::compare<F>(a, b, NanCompare::quiet, env) == Order::equal);
};
constexpr auto greater = []<class F>(F, Bits<F> a, Bits<F> b, FpEnv& env) {
    return mask<F>(fp::compare<F>(a, b, NanCompare::signaling, env) == Order::greater);
};
constexpr auto greater_equal = []<class F>(F, Bits<F> a, Bits<F> b, FpEnv& env) {
    const Order order = fp::compare<F>(a, b, NanCompare::signaling, env);
    return mask<F>(order == Order::greater || order == Order::equal);
};
constexpr auto absolute_greater = []<class F>(F f, Bits<F> a, Bits<F> b, FpEnv& env) {
    return greater(f, fp_op::abs(f, a, env), fp_op::abs(f, b, env), env);
};
constexpr auto absolute_greater_equal = []<class F>(F f, Bits<F> a, Bits<F> b, FpEnv& env) {
    return greater_equal(f, fp_op::abs(f, a, env), fp_op::abs(f, b, env), env);
};

constexpr Row rows[] = {
    fp_binary<equal>(VecOp::fp_compare_equal),
    fp_binary<greater>(VecOp::fp_compare_greater),
    fp_binary<greater_equal>(VecOp::fp_compare_greater_equal),
    fp_binary<absolute_greater>(VecOp::fp_compare_absolute_greater),
    fp_binary<absolute_greater_equal>(VecOp::fp_compare_absolute_greater_equal),
};

} // namespace

std::span<const Row> fp_compare_rows() { return rows; }

} // namespace gimbal::translator::vector
