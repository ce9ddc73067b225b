// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>

#include "app/run/guest.hpp"
#include "device/gicv3/gicv3.hpp"
#include "device/gicv3/software_icc.hpp"
#include "device/pl011/pl011.hpp"
#include "device/pl031/pl031.hpp"
#include "host/serial.hpp"
#include "host/wall_clock.hpp"
#include "vm/aarch64/board.hpp"
#include "vm/aarch64/trapped_registers.hpp"
#include "vm/psci.hpp"
#include "vm/vm.hpp"

namespace gimbal {

/// The wire between the UART and the host's serial port. A stream of input waits for the guest's driver, because what
/// arrives before is lost when the driver opens the port; keys do not wait, as on any terminal.
class ConsoleWire final : public CharSink, public host::SerialReceiver {
public:
    explicit ConsoleWire(host::SerialPort& port) : port_(port) {}
    void connect(Pl011& uart);
    void disconnect();

    usize put(std::span<const u8> bytes) override;
    void receiver_ready() noexcept override { port_.receiver_changed(); }
    bool has_room() override;
    void receive(u8 byte) override { static_cast<void>(uart_->receive({&byte, 1})); }

private:
    host::SerialPort& port_;
    Pl011* uart_{};
};

/// The AArch64 `virt` board of one session: its devices, and how they are wired to the VM and to the host. Lives on the
/// heap with its VM; outlives the vCPUs' threads.
class Aarch64Board {
public:
    Aarch64Board(Vm& vm, const Clock& clock, const aarch64::CpuProfile& profile, host::SerialPort& serial,
                 host::HostWallClock& wall_clock);
    ~Aarch64Board();
    Aarch64Board(const Aarch64Board&) = delete;
    Aarch64Board& operator=(const Aarch64Board&) = delete;

    /// Maps RAM, puts the devices on the bus and connects their interrupts. Before any vCPU exists.
    Result<void, UserError> attach(std::span<u8> ram);

    BoardParts parts() const;

private:
    Result<void, UserError> attach_interrupts();
    Result<void, UserError> attach_devices();
    Result<InterruptSource, UserError> connect(InterruptLine& line, board::aarch64::Part part);
    Result<void, UserError> add_device(board::aarch64::Part part, u64 size, MmioDevice& device, AccessLimits limits);

    Vm& vm_;
    host::HostWallClock& wall_clock_;
    ConsoleWire wire_;
    Psci psci_;
    gicv3::Gicv3 gic_;
    gicv3::SoftwareIcc icc_;
    aarch64::TrappedRegisters registers_;
    InterruptLine uart_line_;
    InterruptLine rtc_line_;
    std::optional<Pl011> uart_; // once their lines are connected
    std::optional<Pl031> rtc_;
};

} // namespace gimbal
