// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/types.hpp"

namespace gimbal {

/// A hardware FIFO of at most `capacity` (a power of two) entries.
template <class T, unsigned capacity>
class HardwareFifo {
    static_assert((capacity & (capacity - 1)) == 0);

public:
    unsigned count() const { return count_; }
    bool empty() const { return count_ == 0; }
    void clear() { count_ = 0; }
    /// False, and nothing kept, if there are `capacity` entries.
    bool push(T value)
    {
        if (count_ == capacity) return false;
        entries_[(head_ + count_++) % capacity] = value;
        return true;
    }
    /// Not when empty.
    T front() const { return entries_[head_]; }
    T pop()
    {
        const T value = entries_[head_];
        head_ = (head_ + 1) % capacity;
        --count_;
        return value;
    }

private:
    T entries_[capacity]{};
    unsigned head_{};
    unsigned count_{};
};

} // namespace gimbal
