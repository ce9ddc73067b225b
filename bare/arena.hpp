// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <new>
#include <span>
#include <utility>

#include "base/bits.hpp"
#include "base/types.hpp"

namespace gimbal::bare {

/// Memory that is given out once, at boot, and never comes back. Identity-mapped; one CPU.
class Arena {
public:
    Arena(u64 base, u64 end) : next_(base), end_(end) {}

    /// Empty: there is not so much left. `alignment` is a power of two.
    std::span<u8> take(u64 size, u64 alignment)
    {
        const u64 at = align_up(next_, alignment);
        if (at < next_ || at > end_ || size > end_ - at) return {};
        next_ = at + size;
        return {reinterpret_cast<u8*>(at), size};
    }
    /// Null: there is not so much left.
    template <class T, class... Arguments>
    T* make(Arguments&&... arguments)
    {
        const std::span<u8> place = take(sizeof(T), alignof(T));
        return place.empty() ? nullptr : new (place.data()) T(std::forward<Arguments>(arguments)...);
    }
    u64 left() const { return end_ - next_; }

private:
    u64 next_;
    u64 end_;
};

} // namespace gimbal::bare
