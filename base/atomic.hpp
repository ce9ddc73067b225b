// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <type_traits>

#include "base/types.hpp"

namespace gimbal {

enum class MemoryOrder : int {
    relaxed = __ATOMIC_RELAXED,
    acquire = __ATOMIC_ACQUIRE,
    release = __ATOMIC_RELEASE,
    acq_rel = __ATOMIC_ACQ_REL,
    seq_cst = __ATOMIC_SEQ_CST,
};

/// std::atomic's core for freestanding code, where <atomic> is not to be had. T is an integer, bool, enum or pointer.
template <class T>
class Atomic {
    // NOLINTNEXTLINE(bugprone-sizeof-expression): T may be a pointer, and its own size is meant.
    static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= sizeof(u64));

public:
    constexpr Atomic() = default;
    constexpr explicit Atomic(T value) : value_(value) {}
    Atomic(const Atomic&) = delete;
    Atomic& operator=(const Atomic&) = delete;

    T load(MemoryOrder order = MemoryOrder::seq_cst) const
    {
        T value;
        __atomic_load(&value_, &value, static_cast<int>(order));
        return value;
    }
    void store(T value, MemoryOrder order = MemoryOrder::seq_cst)
    {
        __atomic_store(&value_, &value, static_cast<int>(order));
    }
    T exchange(T value, MemoryOrder order = MemoryOrder::seq_cst)
    {
        T old;
        __atomic_exchange(&value_, &value, &old, static_cast<int>(order));
        return old;
    }
    /// On failure `expected` receives the value found (acquire order).
    bool compare_exchange(T& expected, T desired, MemoryOrder order = MemoryOrder::seq_cst)
    {
        return __atomic_compare_exchange(&value_, &expected, &desired, false, static_cast<int>(order),
                                         __ATOMIC_ACQUIRE);
    }
    T fetch_add(T operand, MemoryOrder order = MemoryOrder::seq_cst)
    {
        return __atomic_fetch_add(&value_, operand, static_cast<int>(order));
    }
    T fetch_sub(T operand, MemoryOrder order = MemoryOrder::seq_cst)
    {
        return __atomic_fetch_sub(&value_, operand, static_cast<int>(order));
    }
    T fetch_or(T operand, MemoryOrder order = MemoryOrder::seq_cst)
    {
        return __atomic_fetch_or(&value_, operand, static_cast<int>(order));
    }
    T fetch_and(T operand, MemoryOrder order = MemoryOrder::seq_cst)
    {
        return __atomic_fetch_and(&value_, operand, static_cast<int>(order));
    }

    T* raw() { return &value_; }

private:
    T value_{};
};

inline void atomic_fence(MemoryOrder order) { __atomic_thread_fence(static_cast<int>(order)); }

} // namespace gimbal
