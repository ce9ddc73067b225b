// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <new>
#include <utility>

#include "base/assert.hpp"
#include "base/types.hpp"

namespace gimbal {

/// Room for `capacity` objects of T without a heap. Not synchronised. Every object is returned before the pool goes.
template <class T, usize capacity>
class Pool {
    static_assert(capacity > 0);

public:
    Pool()
    {
        for (usize i = 0; i < capacity; ++i) free_[i] = capacity - 1 - i;
    }
    ~Pool() { GIMBAL_ASSERT(free_count_ == capacity); }
    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;

    /// Null when the pool is exhausted.
    template <class... Arguments>
    T* create(Arguments&&... arguments)
    {
        if (free_count_ == 0) return nullptr;
        const usize slot = free_[--free_count_];
        in_use_[slot] = true;
        return new (&storage_[slot * sizeof(T)]) T(std::forward<Arguments>(arguments)...);
    }

    /// `object` came from create() of this pool and was not destroyed since.
    void destroy(T* object)
    {
        const auto offset = static_cast<usize>(reinterpret_cast<u8*>(object) - storage_);
        const usize slot = offset / sizeof(T);
        GIMBAL_ASSERT(slot < capacity && offset % sizeof(T) == 0 && in_use_[slot]);
        object->~T();
        in_use_[slot] = false;
        free_[free_count_++] = slot;
    }

    usize available() const { return free_count_; }

private:
    alignas(T) u8 storage_[sizeof(T) * capacity];
    usize free_[capacity]; // the first free_count_ entries are a stack of free slots
    usize free_count_{capacity};
    bool in_use_[capacity]{};
};

} // namespace gimbal
