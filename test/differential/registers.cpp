// SPDX-License-Identifier: Apache-2.0
#include <bit>

#include "base/bits.hpp"
#include "test/differential/generator.hpp"

namespace gimbal::differential {
namespace {

constexpr u64 special_integers[] = {
    0,
    1,
    2,
    3,
    0x7F,
    0x80,
    0xFF,
    0x100,
    0x7FFF,
    0x8000,
    0xFFFF,
    0x7FFF'FFFF,
    0x8000'0000,
    0xFFFF'FFFF,
    0x1'0000'0000,
    0x7FFF'FFFF'FFFF'FFFF,
    0x8000'0000'0000'0000,
    ~u64{0},
    ~u64{1},
    0xFFFF'FFFF'8000'0000,
    0xFFFF'FFFF'7FFF'FFFF,
    0x5555'5555'5555'5555,
    0xAAAA'AAAA'AAAA'AAAA,
    0x8080'8080'8080'8080,
    0x7F7F'7F7F'7F7F'7F7F,
    63,
    64,
    31,
    32,
};

/// A floating-point number of 1 sign, `exponent` and `fraction` bits with a taste for borders.
u64 random_float(Random& random, unsigned exponent, unsigned fraction)
{
    const u64 sign = random.next() & 1;
    const u64 top = low_mask(exponent);
    const u64 bias = top >> 1;
    u64 e = 0;
    switch (random.below(8)) {
    case 0: e = 0; break;   // zeros and subnormals
    case 1: e = top; break; // infinities and NaNs
    case 2: e = 1 + random.below(3); break;
    case 3: e = top - 1 - random.below(3); break;
    case 4: e = bias + random.below(fraction + 3) - 1; break; // around integers
    case 5: e = bias + (random.next() & (top >> 3)) - (top >> 4); break;
    default: e = random.next() & top; break;
    }
    u64 f = 0;
    switch (random.below(8)) {
    case 0: f = 0; break;
    case 1: f = 1; break;
    case 2: f = low_mask(fraction); break;
    case 3: f = bit(fraction - 1) | (random.next() & 1); break;
    case 4: f = bit(random.below(fraction)); break;
    case 5: f = low_mask(fraction) & ~low_mask(random.below(fraction)); break; // few significant bits
    default: f = random.next() & low_mask(fraction); break;
    }
    return sign << (exponent + fraction) | (e & top) << fraction | f;
}

u64 random_integer(Random& random)
{
    switch (random.below(5)) {
    case 0: return random.pick(special_integers);
    case 1: return random.below(256);
    case 2: return static_cast<u64>(-static_cast<i64>(random.below(256)));
    case 3: return random.next() & low_mask(1 + random.below(64));
    default: return random.next();
    }
}

u64 random_lanes(Random& random, unsigned kind)
{
    u64 value = 0;
    switch (kind) {
    case 0: return random.next();
    case 1: return random_float(random, 11, 52);
    case 2:
        for (unsigned lane = 0; lane < 2; ++lane) value = value << 32 | random_float(random, 8, 23);
        return value;
    case 3:
        for (unsigned lane = 0; lane < 4; ++lane) value = value << 16 | random_float(random, 5, 10);
        return value;
    case 4:
        for (unsigned lane = 0; lane < 8; ++lane) value = value << 8 | (random_integer(random) & 0xFF);
        return value;
    default: return random_integer(random);
    }
}

} // namespace

void fill_registers(Registers& registers, Random& random)
{
    constexpr u32 fpcr_bits = 0x07C8'0000; // AHP, DN, FZ, RMode, FZ16
    constexpr u32 fpsr_bits = 0x0800'009F; // QC and the cumulative flags
    for (u64& x : registers.x) x = random_integer(random);
    registers.sp = data_base + 0x1000 + 16 * random.below(64);
    // Mostly one format in all registers: mixed ones are mere noise to each other.
    const unsigned favourite = random.below(6);
    for (auto& v : registers.v)
        for (u64& half : v) half = random_lanes(random, random.one_in(8) ? random.below(6) : favourite);
    registers.nzcv = static_cast<u32>(random.next()) & 0xF000'0000;
    registers.fpcr = random.one_in(2) ? 0 : static_cast<u32>(random.next()) & fpcr_bits;
    registers.fpsr = random.one_in(2) ? 0 : static_cast<u32>(random.next()) & fpsr_bits;
}

} // namespace gimbal::differential
