// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "base/types.hpp"

namespace gimbal {

/// RFC 1071: the ones' complement sum of big-endian 16-bit words; an odd last byte counts as the high half of one.
/// Sums of pieces add up as long as every piece but the last is even.
class InternetSum {
public:
    constexpr InternetSum& add(std::span<const u8> bytes)
    {
        usize at = 0;
        for (; at + 4 <= bytes.size(); at += 4)
            sum_ += (u64{bytes[at]} << 24) | (u64{bytes[at + 1]} << 16) | (u64{bytes[at + 2]} << 8) | bytes[at + 3];
        for (; at + 2 <= bytes.size(); at += 2) sum_ += (u64{bytes[at]} << 8) | bytes[at + 1];
        if (at < bytes.size()) sum_ += u64{bytes[at]} << 8;
        return *this;
    }
    constexpr InternetSum& add(u16 word)
    {
        sum_ += word;
        return *this;
    }
    /// Folded to 16 bits; 0xFFFF over data that includes a right checksum.
    constexpr u16 folded() const
    {
        u64 sum = sum_;
        while (sum >> 16 != 0) sum = (sum & 0xFFFF) + (sum >> 16);
        return static_cast<u16>(sum);
    }
    /// What goes into a checksum field. Never zero, which UDP reads as "no checksum": 0xFFFF is the same number.
    constexpr u16 field() const
    {
        const u16 inverted = static_cast<u16>(~folded());
        return inverted == 0 ? u16{0xFFFF} : inverted;
    }

private:
    u64 sum_{}; // 32-bit pieces: no overflow below 16 GiB
};

} // namespace gimbal
