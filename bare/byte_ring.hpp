// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "base/types.hpp"

namespace gimbal::bare {

/// Bytes in the order they came. One user at a time.
template <usize capacity>
class ByteRing {
public:
    static_assert((capacity & (capacity - 1)) == 0);

    usize size() const { return last_ - first_; }
    usize room() const { return capacity - size(); }
    bool empty() const { return first_ == last_; }

    /// False: it is full.
    bool push(u8 byte)
    {
        if (room() == 0) return false;
        bytes_[last_++ % capacity] = byte;
        return true;
    }
    /// Not of an empty ring, both.
    u8 front() const { return bytes_[first_ % capacity]; }
    u8 pop() { return bytes_[first_++ % capacity]; }
    void clear() { first_ = last_; }

private:
    std::array<u8, capacity> bytes_{};
    usize first_{}; // both only grow; their difference is the size
    usize last_{};
};

} // namespace gimbal::bare
