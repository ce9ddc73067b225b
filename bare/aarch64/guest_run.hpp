// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "bare/aarch64/cpu.hpp"
#include "bare/channels.hpp"
#include "device/gicv3/gicv3.hpp"
#include "device/pl011/pl011.hpp"
#include "device/pl031/pl031.hpp"
#include "device/pl061/pl061.hpp"
#include "vm/aarch64/trapped_registers.hpp"
#include "vm/psci.hpp"
#include "vm/vm.hpp"

namespace gimbal::bare {

/// What all runs of one guest have of it and of the hypervisor.
struct RunParts {
    u32 cpu_count;
    std::span<u8> ram;
    const Clock& clock;
    const aarch64::CpuProfile& profile;
    gicv3::ListRegisterHost& interrupts;
    VmListener& listener;
    CharSink& console;
    WallClock& wall_clock;
    ChannelPorts& ports; ///< Outlive the run: detached before it goes.
    Channels& channels;
    u32 index; ///< Of the guest in the payload.
    el2::Stage2& stage2;
};

/// A guest from one start to its end: everything that a reset makes new, the `virt` board and its devices. Made of what
/// the hosted monitor is made of. Memory, stage 2 and the VMID outlive it.
class GuestRun {
public:
    explicit GuestRun(const RunParts& parts);

    /// Puts the board together. False: the parts do not fit, which no packed VM brings about.
    bool wire(const RunParts& parts);

    Vm vm;

private:
    Psci psci_;
    gicv3::Gicv3 gic_;

public:
    ListRegisters interrupts;

private:
    aarch64::TrappedRegisters registers_;
    InterruptLine uart_line_;
    InterruptLine clock_line_;
    InterruptLine key_line_;

public:
    std::optional<Pl011> uart;
    std::optional<Pl031> clock;
    std::optional<Pl061> power_key;
};

} // namespace gimbal::bare
