// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>

#include "app/run/console_wire.hpp"
#include "app/run/guest.hpp"
#include "device/gicv3/gicv3.hpp"
#include "device/gicv3/software_icc.hpp"
#include "device/pl011/pl011.hpp"
#include "device/pl031/pl031.hpp"
#include "device/pl061/pl061.hpp"
#include "host/power_key.hpp"
#include "host/serial.hpp"
#include "host/wall_clock.hpp"
#include "vm/aarch64/board.hpp"
#include "vm/aarch64/trapped_registers.hpp"
#include "vm/psci.hpp"
#include "vm/vm.hpp"

namespace gimbal {

/// What the board's devices have of the host, for longer than one session.
struct HostParts {
    host::SerialPort& serial;
    host::HostWallClock& wall_clock;
    host::PowerKey& power_key;
};

/// The AArch64 `virt` board of one session: its devices, and how they are wired to the VM and to the host. Lives on the
/// heap with its VM; outlives the vCPUs' threads.
class Aarch64Board {
public:
    Aarch64Board(Vm& vm, const Clock& clock, const aarch64::CpuProfile& profile, const HostParts& host);
    ~Aarch64Board();
    Aarch64Board(const Aarch64Board&) = delete;
    Aarch64Board& operator=(const Aarch64Board&) = delete;

    /// Maps RAM, puts the devices on the bus and connects their interrupts. Before any vCPU exists.
    Result<void, UserError> attach(std::span<u8> ram);

    BoardParts parts() const;
    ConsoleWire& console() { return wire_; }

private:
    Result<void, UserError> attach_interrupts();
    Result<void, UserError> attach_devices();
    Result<InterruptSource, UserError> connect(InterruptLine& line, board::aarch64::Part part);
    Result<void, UserError> add_device(board::aarch64::Part part, u64 size, MmioDevice& device, AccessLimits limits);

    Vm& vm_;
    host::HostWallClock& wall_clock_;
    host::PowerKey& power_key_;
    ConsoleWire wire_;
    Psci psci_;
    gicv3::Gicv3 gic_;
    gicv3::SoftwareIcc icc_;
    aarch64::TrappedRegisters registers_;
    InterruptLine uart_line_;
    InterruptLine rtc_line_;
    InterruptLine gpio_line_;
    std::optional<Pl011> uart_; // once their lines are connected
    std::optional<Pl031> rtc_;
    std::optional<Pl061> gpio_;
};

} // namespace gimbal
