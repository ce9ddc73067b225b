// SPDX-License-Identifier: Apache-2.0
//
// AES round functions (FIPS 197). The state's byte 4 * column + row is the register's byte of that number.

#include <array>
#include <bit>

#include "engine/translator/vector/elementwise.hpp"

namespace gimbal::translator::vector {
namespace {

using ir::VecOp;
using Box = std::array<u8, 256>;

/// Multiplication by x in GF(2^8) modulo x^8 + x^4 + x^3 + x + 1 (4.2.1).
constexpr u8 times_x(u8 a) { return static_cast<u8>(a << 1 ^ (a >> 7) * 0x1B); }

constexpr u8 multiply(u8 a, u8 b)
{
    u8 product = 0;
    for (; b != 0; b = static_cast<u8>(b >> 1), a = times_x(a))
        if ((b & 1) != 0) product ^= a;
    return product;
}

/// The S-box (5.1.1): the multiplicative inverse, then an affine transformation. 3 generates the field's non-zero
/// elements and 0xF6 is its inverse, so that walking with both meets each element together with its inverse.
constexpr Box make_box()
{
    Box box{};
    u8 element = 1;
    u8 inverse = 1;
    do {
        element = multiply(element, 3);
        inverse = multiply(inverse, 0xF6);
        box[element] = static_cast<u8>(inverse ^ std::rotl(inverse, 1) ^ std::rotl(inverse, 2) ^ std::rotl(inverse, 3) ^
                                       std::rotl(inverse, 4) ^ 0x63);
    } while (element != 1);
    box[0] = 0x63;
    return box;
}

constexpr Box invert(const Box& box)
{
    Box inverse{};
    for (unsigned i = 0; i < box.size(); ++i) inverse[box[i]] = static_cast<u8>(i);
    return inverse;
}

constexpr Box substitution = make_box();
constexpr Box inverse_substitution = invert(substitution);
static_assert(substitution[0x53] == 0xED && inverse_substitution[0xED] == 0x53);

/// One column times the circulant matrix whose first row is given, as a table for each byte value in row 0.
constexpr std::array<u32, 256> make_mix(u8 r0, u8 r1, u8 r2, u8 r3)
{
    std::array<u32, 256> mix{};
    for (unsigned i = 0; i < 256; ++i) {
        const auto v = static_cast<u8>(i);
        mix[i] =
            u32{multiply(v, r0)} | u32{multiply(v, r3)} << 8 | u32{multiply(v, r2)} << 16 | u32{multiply(v, r1)} << 24;
    }
    return mix;
}
constexpr auto mix_table = make_mix(2, 3, 1, 1);
constexpr auto inverse_mix_table = make_mix(0x0E, 0x0B, 0x0D, 0x09);

/// ShiftRows moves row r by r columns to the left (`direction` 1), its inverse to the right (3).
template <unsigned direction>
void round(const Box& box, V128* d, const V128* a, const V128* b)
{
    const V128 keyed{a->lo ^ b->lo, a->hi ^ b->hi};
    const Lanes<u8, 16> state(&keyed);
    Lanes<u8, 16> result;
    for (unsigned column = 0; column < 4; ++column)
        for (unsigned row = 0; row < 4; ++row)
            result.e[4 * column + row] = box[state.e[4 * ((column + direction * row) % 4) + row]];
    result.store(d);
}

void mix(const std::array<u32, 256>& table, V128* d, const V128* a)
{
    const Lanes<u8, 16> state(a);
    Lanes<u32, 16> result;
    for (unsigned column = 0; column < 4; ++column)
        for (unsigned row = 0; row < 4; ++row)
            result.e[column] ^= std::rotl(table[state.e[4 * column + row]], static_cast<int>(8 * row));
    result.store(d);
}

constexpr Row row_of(VecOp op, VecFn function)
{
    Row row{op};
    row.at(8, 16) = function;
    return row;
}

constexpr Row rows[] = {
    row_of(VecOp::aes_encrypt,
           [](CpuState&, V128* d, const V128* a, const V128* b, const V128*, u64) { round<1>(substitution, d, a, b); }),
    row_of(VecOp::aes_decrypt, [](CpuState&, V128* d, const V128* a, const V128* b, const V128*,
                                  u64) { round<3>(inverse_substitution, d, a, b); }),
    row_of(VecOp::aes_mix_columns,
           [](CpuState&, V128* d, const V128* a, const V128*, const V128*, u64) { mix(mix_table, d, a); }),
    row_of(VecOp::aes_inverse_mix_columns,
           [](CpuState&, V128* d, const V128* a, const V128*, const V128*, u64) { mix(inverse_mix_table, d, a); }),
};

} // namespace

std::span<const Row> aes_rows() { return rows; }

} // namespace gimbal::translator::vector
