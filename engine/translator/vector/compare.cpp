// SPDX-License-Identifier: Apache-2.0
#include "engine/translator/vector/elementwise.hpp"

namespace gimbal::translator::vector {
namespace {

using ir::VecOp;

/// All ones or zero, in whatever width it is cut down to.
constexpr i64 mask(bool condition) { return condition ? -1 : 0; }

constexpr auto greater = [](auto a, auto b) { return mask(a > b); };
constexpr auto greater_equal = [](auto a, auto b) { return mask(a >= b); };

constexpr Row rows[] = {
    binary_u<[](auto a, auto b) { return mask(a == b); }>(VecOp::compare_equal),
    binary_s<greater>(VecOp::compare_greater_s),
    binary_u<greater>(VecOp::compare_greater_u),
    binary_s<greater_equal>(VecOp::compare_greater_equal_s),
    binary_u<greater_equal>(VecOp::compare_greater_equal_u),
    binary_u<[](auto a, auto b) { return mask((a & b) != 0); }>(VecOp::compare_test),
    unary_s<[](auto a) { return mask(a == 0); }>(VecOp::compare_equal_zero),
    unary_s<[](auto a) { return mask(a > 0); }>(VecOp::compare_greater_zero),
    unary_s<[](auto a) { return mask(a >= 0); }>(VecOp::compare_greater_equal_zero),
    unary_s<[](auto a) { return mask(a < 0); }>(VecOp::compare_less_zero),
    unary_s<[](auto a) { return mask(a <= 0); }>(VecOp::compare_less_equal_zero),
};

} // namespace

std::span<const Row> compare_rows() { return rows; }

} // namespace gimbal::translator::vector
