// SPDX-License-Identifier: Apache-2.0
#include "engine/translator/vector/elementwise.hpp"

namespace gimbal::translator::vector {
namespace {

using ir::VecOp;

constexpr auto saturating_add = []<class T>(Context& context, T a, T b) {
    return saturate<T>(context, static_cast<Exact<T>>(a) + static_cast<Exact<T>>(b));
};
constexpr auto saturating_sub = []<class T>(Context& context, T a, T b) {
    return saturate<T>(context, static_cast<Exact<T>>(a) - static_cast<Exact<T>>(b));
};
/// The other operand has the other signedness.
constexpr auto saturating_add_mixed = []<class T>(Context& context, T a, T b) {
    using Other = std::conditional_t<std::is_signed_v<T>, std::make_unsigned_t<T>, std::make_signed_t<T>>;
    return saturate<T>(context, static_cast<Exact<T>>(a) + static_cast<Exact<T>>(static_cast<Other>(b)));
};
constexpr auto saturating_abs = []<class T>(Context& context, T a) {
    const auto exact = static_cast<Exact<T>>(a);
    return saturate<T>(context, exact < 0 ? -exact : exact);
};
constexpr auto saturating_neg = []<class T>(Context& context, T a) {
    return saturate<T>(context, -static_cast<Exact<T>>(a));
};

// The manual shifts 2 * a * b right by the element size; one less without the doubling is the same and always fits.
constexpr auto doubling_mul_high = []<class T>(Context& context, T a, T b) {
    constexpr unsigned shift = bits_of<T> - 1;
    const i64 round = static_cast<i64>(context.imm & 1) << (shift - 1);
    return saturate<T>(context, (i64{a} * i64{b} + round) >> shift);
};
template <bool subtract>
constexpr auto doubling_accumulate_high = []<class T>(Context& context, T a, T b, T c) {
    constexpr unsigned shift = bits_of<T> - 1;
    const i64 product = i64{a} * i64{b};
    const i64 sum = i64{c} * (i64{1} << shift) + (subtract ? -product : product) + (i64{1} << (shift - 1));
    return saturate<T>(context, sum >> shift);
};

constexpr Row rows[] = {
    binary_s<saturating_add>(VecOp::saturating_add_s),
    binary_u<saturating_add>(VecOp::saturating_add_u),
    binary_s<saturating_sub>(VecOp::saturating_sub_s),
    binary_u<saturating_sub>(VecOp::saturating_sub_u),
    binary_s<saturating_add_mixed>(VecOp::saturating_add_su),
    binary_u<saturating_add_mixed>(VecOp::saturating_add_us),
    unary_s<saturating_abs>(VecOp::saturating_abs),
    unary_s<saturating_neg>(VecOp::saturating_neg),
    binary_s<doubling_mul_high, from_16_to_32>(VecOp::doubling_mul_high),
    ternary_s<doubling_accumulate_high<false>, from_16_to_32>(VecOp::doubling_mul_add_high),
    ternary_s<doubling_accumulate_high<true>, from_16_to_32>(VecOp::doubling_mul_sub_high),
};

} // namespace

std::span<const Row> saturating_rows() { return rows; }

} // namespace gimbal::translator::vector
