// SPDX-License-Identifier: Apache-2.0
#include "engine/translator/vector/elementwise.hpp"

namespace gimbal::translator::vector {
namespace {

using ir::VecOp;

/// Product of two polynomials over {0, 1}, twice as long as they are. Without branches on the data.
template <class Wide, class T>
constexpr Wide carryless_multiply(T a, T b)
{
    Wide product = 0;
    for (unsigned i = 0; i < bits_of<T>; ++i)
        product =
            static_cast<Wide>(product ^ ((static_cast<Wide>(a) << i) & (Wide{0} - static_cast<Wide>(b >> i & 1))));
    return product;
}
static_assert(carryless_multiply<u16, u8>(0x53, 0xCA) == 0x3F7E);

/// Bits 0, 5, 10, ... of 128.
constexpr u128 every_fifth = [] {
    u128 mask = 0;
    for (unsigned i = 0; i < 128; i += 5) mask |= u128{1} << i;
    return mask;
}();

/// The same for 64 bits, by ordinary multiplication: with one bit in five kept, at most 13 products add up in a group
/// of five bits, so that no carry reaches the next group; the lowest bit of each group is the sum modulo 2.
constexpr u128 multiply_64(u64 a, u64 b)
{
    u128 product = 0;
    for (unsigned i = 0; i < 5; ++i)
        for (unsigned j = 0; j < 5; ++j) {
            const u128 sums = u128{a & static_cast<u64>(every_fifth << i)} * (b & static_cast<u64>(every_fifth << j));
            product ^= sums & every_fifth << (i + j) % 5;
        }
    return product;
}
static_assert(multiply_64(~u64{0}, ~u64{0}) == carryless_multiply<u128>(~u64{0}, ~u64{0}));
static_assert(multiply_64(0x8000'0000'0000'0001, 0xF123'4567'89AB'CDEF) ==
              carryless_multiply<u128>(u64{0x8000'0000'0000'0001}, u64{0xF123'4567'89AB'CDEF}));

void multiply_long_8(CpuState&, V128* d, const V128* a, const V128* b, const V128*, u64 imm)
{
    const auto x = half<u8, 8>(a, imm);
    const auto y = half<u8, 8>(b, imm);
    Lanes<u16, 16> result;
    for (unsigned i = 0; i < result.count; ++i) result.e[i] = carryless_multiply<u16>(x.e[i], y.e[i]);
    result.store(d);
}

void multiply_long_64(CpuState&, V128* d, const V128* a, const V128* b, const V128*, u64 imm)
{
    const u128 product = multiply_64(half<u64, 8>(a, imm).e[0], half<u64, 8>(b, imm).e[0]);
    *d = {static_cast<u64>(product), static_cast<u64>(product >> 64)};
}

constexpr Row long_row()
{
    Row row{VecOp::polynomial_mul_long};
    row.at(8, 16) = multiply_long_8;
    row.at(64, 16) = multiply_long_64;
    return row;
}

constexpr Row rows[] = {
    binary_u<[](u8 a, u8 b) { return carryless_multiply<u16>(a, b); }, size_8>(VecOp::polynomial_mul),
    long_row(),
};

} // namespace

std::span<const Row> polynomial_rows() { return rows; }

} // namespace gimbal::translator::vector
