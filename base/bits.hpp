// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <concepts>
#include <type_traits>

#include "base/types.hpp"

namespace gimbal {

/// A mask of `width` low bits; `width` is 0..64.
constexpr u64 low_mask(unsigned width) { return width >= 64 ? ~u64{0} : (u64{1} << width) - 1; }

/// One bit at position `n` (0..63).
constexpr u64 bit(unsigned n) { return u64{1} << n; }

/// Bits [lo + width - 1 : lo] of `value`, right-aligned.
constexpr u64 bits(u64 value, unsigned lo, unsigned width) { return (value >> lo) & low_mask(width); }

constexpr bool test_bit(u64 value, unsigned n) { return ((value >> n) & 1) != 0; }

/// Interprets the low `width` bits (1..64) of `value` as two's complement.
constexpr i64 sign_extend(u64 value, unsigned width)
{
    const unsigned unused = 64 - width;
    return static_cast<i64>(value << unused) >> unused;
}

template <std::unsigned_integral T>
constexpr bool is_power_of_two(T value)
{
    return std::has_single_bit(value);
}

/// `alignment` is a power of two.
constexpr u64 align_down(u64 value, u64 alignment) { return value & ~(alignment - 1); }
constexpr u64 align_up(u64 value, u64 alignment) { return (value + alignment - 1) & ~(alignment - 1); }
constexpr bool is_aligned(u64 value, u64 alignment) { return (value & (alignment - 1)) == 0; }

/// True if a + b does not fit; otherwise `out` holds the sum.
constexpr bool add_overflows(u64 a, u64 b, u64& out) { return __builtin_add_overflow(a, b, &out); }
constexpr bool mul_overflows(u64 a, u64 b, u64& out) { return __builtin_mul_overflow(a, b, &out); }

} // namespace gimbal
