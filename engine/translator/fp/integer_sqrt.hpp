// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "base/bits.hpp"

namespace gimbal::fp::detail {

/// The integer square root, one bit at a time; for tables.
constexpr u64 slow_sqrt(u64 value)
{
    u64 root = 0;
    for (u64 step = bit(31); step != 0; step >>= 1)
        if ((root + step) * (root + step) <= value) root += step;
    return root;
}

/// 1 / sqrt(v) at the middle of each 1/256 of [1/4, 1), scaled by 2^14.
inline constexpr auto rsqrt_seeds = [] {
    std::array<u16, 192> seeds{};
    for (u64 i = 0; i < seeds.size(); ++i) // 2^14 / sqrt((i + 64 + 1/2) / 256) == sqrt(2^37 / (2i + 129))
        seeds[i] = static_cast<u16>(slow_sqrt((u64{1} << 37) / (2 * i + 129)));
    return seeds;
}();

constexpr u64 mul_high(u64 a, u64 b) { return static_cast<u64>((u128{a} * b) >> 64); }

/// The square root of v = radicand / 2^64, v in [1/4, 1), as 64 fraction bits: 56 exact ones over a sticky bit 0.
constexpr u64 sqrt_fraction(u64 radicand)
{
    // Newton's r' = r * (3 - v * r^2) / 2 doubles the seed's 9 good bits; r has 62 fraction bits, r^2 has 60.
    u64 r = static_cast<u64>(rsqrt_seeds[(radicand >> 56) - 64]) << 48;
    for (int i = 0; i < 3; ++i) r = mul_high(r, (u64{3} << 60) - mul_high(mul_high(r, r), radicand)) << 3;
    u64 root = mul_high(radicand, r) >> 6;
    // Newton ends within a few units of the last of 56 bits; the remainder settles it.
    const u128 target = u128{radicand} << 48;
    while (u128{root} * root > target) --root;
    while (u128{root + 1} * (root + 1) <= target) ++root;
    return root << 8 | static_cast<u64>(u128{root} * root != target);
}

} // namespace gimbal::fp::detail
