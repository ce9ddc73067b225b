// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/atomic.hpp"

namespace gimbal {

/// Called once per turn of a spin loop; `turn` counts from 0. Hosted programs link base/hosted/spin_wait.cpp, which
/// gives the time slice away when the holder seems to be descheduled; bare images execute the CPU's hint.
void spin_wait(unsigned turn) noexcept;

/// For sections of a few hundred instructions that neither block nor call out of their own layer.
class SpinLock {
public:
    constexpr SpinLock() = default;

    bool try_lock() { return !held_.load(MemoryOrder::relaxed) && !held_.exchange(true, MemoryOrder::acquire); }
    void lock()
    {
        for (unsigned turn = 0; !try_lock(); ++turn) spin_wait(turn);
    }
    void unlock() { held_.store(false, MemoryOrder::release); }

private:
    Atomic<bool> held_{false};
};

class [[nodiscard]] SpinGuard {
public:
    explicit SpinGuard(SpinLock& lock) : lock_(lock) { lock_.lock(); }
    ~SpinGuard() { lock_.unlock(); }
    SpinGuard(const SpinGuard&) = delete;
    SpinGuard& operator=(const SpinGuard&) = delete;

private:
    SpinLock& lock_;
};

} // namespace gimbal
