// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/bits.hpp"

namespace gimbal::translator::aarch64 {

/// One A64 instruction word; fields at the positions that the encodings share (Arm ARM C4).
struct Insn {
    u32 raw{};

    constexpr u32 field(unsigned lo, unsigned width) const { return static_cast<u32>(bits(raw, lo, width)); }
    constexpr i64 signed_field(unsigned lo, unsigned width) const { return sign_extend(field(lo, width), width); }
    constexpr bool test(unsigned n) const { return test_bit(raw, n); }

    constexpr unsigned rd() const { return field(0, 5); }
    constexpr unsigned rt() const { return field(0, 5); }
    constexpr unsigned rn() const { return field(5, 5); }
    constexpr unsigned rm() const { return field(16, 5); }
    constexpr unsigned ra() const { return field(10, 5); }
    constexpr unsigned rt2() const { return field(10, 5); }
    constexpr unsigned rs() const { return field(16, 5); }
    constexpr bool sf() const { return test(31); }
    constexpr bool q() const { return test(30); }
};

} // namespace gimbal::translator::aarch64
