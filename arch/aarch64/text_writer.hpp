// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "base/str_view.hpp"
#include "base/types.hpp"

namespace gimbal::aarch64 {

/// Writes text into the caller's buffer. What does not fit is dropped; the text is then cut short, never overrun.
class TextWriter {
public:
    explicit TextWriter(std::span<char> out) : out_(out) {}

    void text(StrView text)
    {
        for (const char c : text) put(c);
    }
    void put(char c)
    {
        if (used_ < out_.size()) out_[used_++] = c;
    }
    void hex16(u64 value)
    {
        for (unsigned nibble = 16; nibble-- > 0;) put("0123456789abcdef"[(value >> (nibble * 4)) & 0xF]);
    }
    void decimal2(unsigned value)
    {
        put(static_cast<char>('0' + value / 10));
        put(static_cast<char>('0' + value % 10));
    }
    void pad_to(usize column, usize line_start)
    {
        while (used_ < out_.size() && used_ - line_start < column) put(' ');
    }
    usize used() const { return used_; }

private:
    std::span<char> out_;
    usize used_{};
};

} // namespace gimbal::aarch64
