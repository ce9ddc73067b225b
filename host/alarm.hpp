// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <thread>

#include "base/atomic.hpp"
#include "vm/vm.hpp"

namespace gimbal::host {

/// One thread that kicks vCPUs at their timer deadlines while they run. It sleeps until the earliest one; setting an
/// alarm costs two atomic operations and, only if it is the new earliest, a wake-up.
class AlarmClock {
public:
    AlarmClock(Vm& vm, const Clock& clock);
    ~AlarmClock();
    AlarmClock(const AlarmClock&) = delete;
    AlarmClock& operator=(const AlarmClock&) = delete;

    /// The vCPU's owner; replaces the alarm set before.
    void set(VcpuId vcpu, std::optional<HostTicks> deadline);

private:
    static constexpr u64 none = ~u64{0};

    void run();
    u64 fire_due(u64 now); ///< Returns the earliest deadline that is left.

    Vm& vm_;
    const Clock& clock_;
    Atomic<u64> deadlines_[max_vcpus]; // written by each owner, taken by the thread
    Atomic<u64> target_{none};         // what the thread sleeps until
    Atomic<u32> sequence_{0};          // moves with every change; the thread sleeps on it
    Atomic<bool> quit_{false};
    std::thread thread_; // last: it uses everything above
};

} // namespace gimbal::host
