// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "base/assert.hpp"
#include "base/atomic.hpp"
#include "base/bits.hpp"

namespace gimbal::host {

/// Bytes from one producer thread at a time to one consumer thread at a time, without locks.
class ByteRing {
public:
    /// `capacity` is a power of two.
    explicit ByteRing(usize capacity) : bytes_(capacity) { GIMBAL_ASSERT(is_power_of_two(capacity)); }

    usize size() const { return head_.load(MemoryOrder::acquire) - tail_.load(MemoryOrder::acquire); }
    usize room() const { return bytes_.size() - size(); }

    bool put(u8 byte) ///< The producer. False: full.
    {
        const usize head = head_.load(MemoryOrder::relaxed);
        if (head - tail_.load(MemoryOrder::acquire) == bytes_.size()) return false;
        bytes_[head & (bytes_.size() - 1)] = byte;
        head_.store(head + 1, MemoryOrder::seq_cst);
        return true;
    }
    /// The consumer: what is there up to the end of the buffer, in place. Empty only if the ring is.
    std::span<const u8> peek() const
    {
        const usize at = tail_.load(MemoryOrder::relaxed) & (bytes_.size() - 1);
        return std::span(bytes_).subspan(at, std::min(size(), bytes_.size() - at));
    }
    /// The consumer: how many bytes there are up to the last `byte`, that one included; zero if there is none.
    usize through_last(u8 byte) const
    {
        const usize tail = tail_.load(MemoryOrder::relaxed);
        usize count = size();
        while (count != 0 && bytes_[(tail + count - 1) & (bytes_.size() - 1)] != byte) --count;
        return count;
    }
    void drop(usize count) { tail_.store(tail_.load(MemoryOrder::relaxed) + count, MemoryOrder::release); }

private:
    std::vector<u8> bytes_;
    Atomic<usize> head_{0}; // written by the producer
    Atomic<usize> tail_{0}; // written by the consumer
};

} // namespace gimbal::host
