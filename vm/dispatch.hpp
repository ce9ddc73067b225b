// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "vm/bus.hpp"
#include "vm/calls.hpp"
#include "vm/clock.hpp"
#include "vm/interrupt_chip.hpp"
#include "vm/stop.hpp"
#include "vm/trapped_registers.hpp"
#include "vm/vcpu.hpp"
#include "vm/virtual_timer.hpp"

namespace gimbal {

/// What the run loop's caller does before the vCPU runs again.
enum class Action : u8 {
    resume,
    wait,  ///< Sleep until an interrupt input, a request or the deadline.
    yield, ///< Give the CPU away until an event, at most until the deadline.
    off,   ///< Sleep until CPU_ON or a request; interrupts do not count.
    await, ///< Sleep until the call's handler has the answer, or a request; interrupts do not count.
    stop,  ///< The whole VM stops, for the reason in `stop`.
};

struct Step {
    Action action{Action::resume};
    Completion answer{};                   ///< For the engine's next run().
    std::optional<HostTicks> deadline{};   ///< wait, yield
    std::optional<VcpuEntry> wake_entry{}; ///< wait: the vCPU starts anew here when it wakes (CPU_SUSPEND, power-down).
    CallHandler* handler{};                ///< await
    StopInfo stop{};
};

/// LoongArch IOCSR space.
class IocsrPort {
public:
    virtual Result<u64, BusError> read(VcpuId vcpu, u32 address, AccessSize size) = 0;
    virtual Result<void, BusError> write(VcpuId vcpu, u32 address, AccessSize size, u64 value) = 0;

protected:
    ~IocsrPort() = default;
};

/// A debugger of ours. It answers on the vCPU's thread and may keep the vCPU waiting through a pause request.
class DebugPort {
public:
    virtual Completion debug_event(VcpuId vcpu, const DebugExit& exit) = 0;

protected:
    ~DebugPort() = default;
};

/// Everything that can answer an exit. Null where the VM has no such part, or the engine owns it.
struct VmServices {
    MmioBus& bus;
    CallTable& calls;
    VirtualTimers& timers;
    const Clock& clock;
    EngineOwns owns{};
    ExitKinds raises{ExitKinds::all()};
    InterruptChip* chip{};
    TrappedRegisterFile* registers{};
    IocsrPort* iocsr{};
    DebugPort* debugger{};
};

/// Of a WFE with an armed monitor: the store that it waits for raises no event we would see. Any other one ends with an
/// event, the event stream, an interrupt or a deadline.
inline constexpr u64 longest_event_wait_us = 50;

/// The one place where an exit is answered. On the vCPU's thread; never blocks.
Step dispatch(VmServices& services, VcpuId vcpu, const Exit& exit);

} // namespace gimbal
