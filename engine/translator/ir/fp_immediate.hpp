// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/types.hpp"

namespace gimbal::ir {

/// The values of fp::Rounding, and what the guest's control register says when the operation runs.
enum class FpRounding : u8 { nearest_even, plus_inf, minus_inf, zero, nearest_away, odd, current };

/// The immediate of `fp` and `vec` operations that convert or round.
struct FpConversion {
    FpRounding rounding{FpRounding::current};
    bool exact{};       ///< Rounding to an integral value that changes the value is inexact; else it is silent.
    u8 fraction_bits{}; ///< Of the fixed-point side, 0..64; 0 is an integer.

    constexpr u64 pack() const { return static_cast<u64>(rounding) | u64{exact} << 3 | u64{fraction_bits} << 8; }
    static constexpr FpConversion unpack(u64 raw)
    {
        return {static_cast<FpRounding>(raw & 7), ((raw >> 3) & 1) != 0, static_cast<u8>(raw >> 8)};
    }
};

} // namespace gimbal::ir
