// SPDX-License-Identifier: Apache-2.0
#include "engine/translator/vector/elementwise.hpp"

namespace gimbal::translator::vector {
namespace {

using ir::VecOp;

/// (a + b) >> 1 and the like without the overflow: floor(a / 2) + floor(b / 2) and what the low bits add.
constexpr auto halving_add = [](auto a, auto b) { return (a >> 1) + (b >> 1) + (a & b & 1); };
constexpr auto rounding_halving_add = [](auto a, auto b) { return (a >> 1) + (b >> 1) + ((a | b) & 1); };
constexpr auto halving_sub = [](auto a, auto b) { return (a >> 1) - (b >> 1) - (~a & b & 1); };
constexpr auto maximum = [](auto a, auto b) { return a > b ? a : b; };
constexpr auto minimum = [](auto a, auto b) { return a < b ? a : b; };
/// In unsigned arithmetic, for the signed difference may not fit the element's type.
constexpr auto absolute_difference = []<class T>(T a, T b) {
    using U = std::make_unsigned_t<T>;
    const auto x = static_cast<U>(a);
    const auto y = static_cast<U>(b);
    return static_cast<U>(a > b ? x - y : y - x);
};
/// u64, because u16 * u16 would be computed in int and overflow.
constexpr auto multiply = [](auto a, auto b) { return u64{a} * u64{b}; };

template <class Byte, unsigned bytes>
void dot(CpuState&, V128* d, const V128* a, const V128* b, const V128* c, u64)
{
    const Lanes<Byte, bytes> x(a), y(b);
    Lanes<u32, bytes> sum(c);
    for (unsigned i = 0; i < sum.count; ++i)
        for (unsigned j = 0; j < 4; ++j) sum.e[i] += static_cast<u32>(i32{x.e[4 * i + j]} * i32{y.e[4 * i + j]});
    sum.store(d);
}

template <class Byte>
constexpr Row dot_row(VecOp op)
{
    Row row{op};
    row.at(32, 8) = dot<Byte, 8>;
    row.at(32, 16) = dot<Byte, 16>;
    return row;
}

constexpr Row rows[] = {
    binary_u<[](auto a, auto b) { return a + b; }>(VecOp::add),
    binary_u<[](auto a, auto b) { return a - b; }>(VecOp::sub),
    binary_u<multiply>(VecOp::mul),
    unary_u<[](auto a) { return u64{0} - a; }>(VecOp::neg),
    unary_s<[](auto a) { return a < 0 ? u64{0} - static_cast<u64>(a) : static_cast<u64>(a); }>(VecOp::abs),
    pairwise_u<[](auto a, auto b) { return a + b; }>(VecOp::add_pairwise),
    binary_s<halving_add>(VecOp::halving_add_s),
    binary_u<halving_add>(VecOp::halving_add_u),
    binary_s<halving_sub>(VecOp::halving_sub_s),
    binary_u<halving_sub>(VecOp::halving_sub_u),
    binary_s<rounding_halving_add>(VecOp::rounding_halving_add_s),
    binary_u<rounding_halving_add>(VecOp::rounding_halving_add_u),
    binary_s<absolute_difference>(VecOp::absolute_difference_s),
    binary_u<absolute_difference>(VecOp::absolute_difference_u),
    binary_s<maximum>(VecOp::max_s),
    binary_u<maximum>(VecOp::max_u),
    binary_s<minimum>(VecOp::min_s),
    binary_u<minimum>(VecOp::min_u),
    pairwise_s<maximum>(VecOp::max_pairwise_s),
    pairwise_u<maximum>(VecOp::max_pairwise_u),
    pairwise_s<minimum>(VecOp::min_pairwise_s),
    pairwise_u<minimum>(VecOp::min_pairwise_u),
    dot_row<i8>(VecOp::dot_s),
    dot_row<u8>(VecOp::dot_u),
};

} // namespace

std::span<const Row> arithmetic_rows() { return rows; }

} // namespace gimbal::translator::vector
