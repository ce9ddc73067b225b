// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "test/differential/random.hpp"
#include "test/differential/rows.hpp"

namespace gimbal::differential {

/// Which registers a sequence may use, so that its pointers last and its values meet.
struct RegisterChoice {
    bool sequence{};    ///< Keep the pointer registers; below.
    unsigned limit{31}; ///< Data registers are 0 .. limit-1, and 31.
};

// What holds addresses and small offsets throughout a sequence; SP is an address too.
inline constexpr unsigned first_pointer = 24;
inline constexpr unsigned last_pointer = 27;
inline constexpr unsigned first_offset = 28;
inline constexpr unsigned last_offset = 29;

/// A word that decodes to `row` and can be compared, its fields random with a taste for borders and overlaps.
u32 random_word(const DecodeRow& row, Random& random, const RegisterChoice& choice);

u32 with_field(u32 word, unsigned low, unsigned width, u64 value);

} // namespace gimbal::differential
