// SPDX-License-Identifier: Apache-2.0
#include "engine/translator/vector/shift_amount.hpp"

namespace gimbal::translator::vector {
namespace {

using ir::VecOp;

/// Shift by the signed low byte of `by` (SSHL, UQRSHL and their kin).
template <bool rounding, bool saturating>
constexpr auto shift_by_register = []<class T>(Context& context, T value, T by) -> T {
    const int amount = static_cast<i8>(by);
    if (amount < 0) {
        const auto right = static_cast<unsigned>(-amount);
        return rounding ? shift_right_rounding(value, right) : shift_right(value, right);
    }
    const auto left = static_cast<unsigned>(amount);
    return saturating ? shift_left_saturating<T>(context, value, left) : shift_left(value, left);
};

constexpr unsigned amount(const Context& context) { return static_cast<unsigned>(context.imm); }

constexpr auto left = []<class T>(Context& context, T a) { return shift_left(a, amount(context)); };
constexpr auto left_saturating = []<class T>(Context& context, T a) {
    return shift_left_saturating<T>(context, a, amount(context));
};
constexpr auto left_saturating_su = []<class T>(Context& context, T a) {
    return shift_left_saturating<std::make_unsigned_t<T>>(context, a, amount(context));
};
constexpr auto right = []<class T>(Context& context, T a) { return shift_right(a, amount(context)); };
constexpr auto right_rounding = []<class T>(Context& context, T a) { return shift_right_rounding(a, amount(context)); };
constexpr auto left_insert = []<class T>(Context& context, T a, T b) {
    const T mask = shift_left(static_cast<T>(~T{0}), amount(context));
    return (a & ~mask) | shift_left(b, amount(context));
};
constexpr auto right_insert = []<class T>(Context& context, T a, T b) {
    const T mask = shift_right(static_cast<T>(~T{0}), amount(context));
    return (a & ~mask) | shift_right(b, amount(context));
};

constexpr Row rows[] = {
    binary_s<shift_by_register<false, false>>(VecOp::shift_s),
    binary_u<shift_by_register<false, false>>(VecOp::shift_u),
    binary_s<shift_by_register<true, false>>(VecOp::shift_rounding_s),
    binary_u<shift_by_register<true, false>>(VecOp::shift_rounding_u),
    binary_s<shift_by_register<false, true>>(VecOp::shift_saturating_s),
    binary_u<shift_by_register<false, true>>(VecOp::shift_saturating_u),
    binary_s<shift_by_register<true, true>>(VecOp::shift_rounding_saturating_s),
    binary_u<shift_by_register<true, true>>(VecOp::shift_rounding_saturating_u),
    unary_u<left>(VecOp::shift_left),
    binary_u<left_insert>(VecOp::shift_left_insert),
    unary_s<left_saturating>(VecOp::shift_left_saturating_s),
    unary_u<left_saturating>(VecOp::shift_left_saturating_u),
    unary_s<left_saturating_su>(VecOp::shift_left_saturating_su),
    unary_s<right>(VecOp::shift_right_s),
    unary_u<right>(VecOp::shift_right_u),
    unary_s<right_rounding>(VecOp::shift_right_rounding_s),
    unary_u<right_rounding>(VecOp::shift_right_rounding_u),
    binary_u<right_insert>(VecOp::shift_right_insert),
};

} // namespace

std::span<const Row> shift_rows() { return rows; }

} // namespace gimbal::translator::vector
