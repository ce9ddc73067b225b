// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/alarm.hpp"
#include "vm/run_loop.hpp"

namespace gimbal::host {

/// How a vCPU's thread sleeps: on the futex that is its request word's sequence.
class FutexParker final : public Parker {
public:
    FutexParker(VcpuSlot& slot, VcpuId vcpu, AlarmClock& alarms) : word_(slot.requests), vcpu_(vcpu), alarms_(alarms) {}

    void wait(RequestWord& word, u32 seen, std::optional<HostTicks> deadline) override;
    void wake() noexcept override;
    void set_alarm(std::optional<HostTicks> deadline) override { alarms_.set(vcpu_, deadline); }

private:
    RequestWord& word_;
    VcpuId vcpu_;
    AlarmClock& alarms_;
    Atomic<bool> asleep_{false}; // set before the kernel compares the sequence, read after it moved
};

} // namespace gimbal::host
