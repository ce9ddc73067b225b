// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "vm/types.hpp"

namespace gimbal::test {

/// A fuzzer's input read as operations; zeroes after its end.
class OpStream {
public:
    OpStream(const u8* data, usize size) : left_(data, size) {}

    bool empty() const { return left_.empty(); }
    u64 take(unsigned bytes)
    {
        u64 value = 0;
        for (unsigned i = 0; i < bytes && !left_.empty(); ++i) {
            value |= u64{left_.front()} << (8 * i);
            left_ = left_.subspan(1);
        }
        return value;
    }
    std::span<const u8> take_span(usize bytes)
    {
        const auto taken = left_.first(bytes < left_.size() ? bytes : left_.size());
        left_ = left_.subspan(taken.size());
        return taken;
    }
    AccessSize take_size() { return static_cast<AccessSize>(1U << (take(1) & 3)); }

private:
    std::span<const u8> left_;
};

} // namespace gimbal::test
