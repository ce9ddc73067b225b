// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>

#include "bare/aarch64/board_console.hpp"
#include "bare/aarch64/cpu.hpp"
#include "bare/channels.hpp"
#include "device/gicv3/gicv3.hpp"
#include "device/pl011/pl011.hpp"
#include "vm/aarch64/trapped_registers.hpp"
#include "vm/psci.hpp"
#include "vm/vm.hpp"

namespace gimbal::bare {

/// CNTPCT_EL0 of whichever CPU: one counter on the whole board.
class CounterClock final : public Clock {
public:
    HostTicks now() const override { return {read_register<aarch64::SysReg::cntpct_el0>()}; }
    u64 frequency_hz() const override { return read_register<aarch64::SysReg::cntfrq_el0>(); }
};

class GuestMachine;

/// One vCPU on its scheduler.
class VcpuTask final : public Task {
public:
    VcpuTask(GuestMachine& machine, VcpuId id, Cpu& cpu, u32 priority);

    Cpu& cpu() { return cpu_; }
    Result run(Scheduler& scheduler) override;
    bool contain() noexcept override;

private:
    std::optional<HostTicks> wake_up_time(const Step& step);

    GuestMachine& machine_;
    Cpu& cpu_;
    aarch64::GuestSystemRegisters at_reset_;
    GuestCpu vcpu_;
    EngineHandle<GuestCpu> handle_;
    VcpuRunner<GuestCpu> runner_;
    VcpuSlot& slot_;
    bool asleep_{};
};

enum class GuestError : u8 { wiring, memory, too_many_cpus, no_such_cpu };

/// Who looks after the guests.
class MachineListener {
public:
    /// A guest has ended. Any CPU.
    virtual void machine_changed() noexcept = 0;

protected:
    ~MachineListener() = default;
};

/// What all guests have of the hypervisor.
struct GuestHost {
    const Clock& clock;
    el2::PagePool& pages;
    el2::Tlb& tlb;
    el2::VmidAllocator& vmids;
    std::span<Cpu> cpus;
    const aarch64::CpuProfile& profile;
    PhysicalGic& gic;
    el2::Stage2Features stage2;
    MachineListener& listener;
    Channels& channels;
};

/// One VM on the `virt` board, made of what the hosted monitor is made of.
class GuestMachine final : public gicv3::ListRegisterHost, public VmListener {
public:
    static constexpr u32 max_guest_cpus = 8;

    GuestMachine(const payload::Vm& description, const GuestHost& host, const ConsolePlug& console);

    /// `ram`: the guest's memory, as large as the description says, on a 2 MiB boundary. Fills it, maps it, puts the
    /// devices on the bus, its vCPUs on their schedulers, and starts it.
    ::gimbal::Result<void, GuestError> start(const payload::Reader& reader, std::span<u8> ram);

    Vm& vm() { return vm_; }
    const payload::Vm& description() const { return description_; }
    bool ended() const { return tasks_left_.load() == 0; }
    void task_ended()
    {
        tasks_left_.fetch_sub(1);
        host_.listener.machine_changed();
    }
    /// From the console; returns how many the guest's UART took.
    usize receive(std::span<const u8> bytes) { return uart_->receive(bytes); }
    void transmit_ready() { uart_->transmit_ready(); }

    // ListRegisterHost
    void kick(VcpuId vcpu) noexcept override;
    void set_physical_active(u32 pintid, bool active) noexcept override;
    bool is_physical_line_high(u32 pintid) noexcept override;
    // VmListener
    void stop_requested(const StopInfo&) noexcept override {}
    void vcpu_parked(VcpuId) noexcept override {}

private:
    friend class VcpuTask;
    ::gimbal::Result<void, GuestError> attach_devices(u32 index);
    void load(const payload::Reader& reader, std::span<u8> ram);

    const payload::Vm& description_;
    const GuestHost& host_;
    ConsolePlug console_;
    Vm vm_;
    Psci psci_;
    gicv3::Gicv3 gic_;
    ListRegisters interrupts_;
    aarch64::TrappedRegisters registers_;
    el2::VmidSlot vmid_;
    el2::Stage2 stage2_;
    InterruptLine uart_line_;
    std::optional<Pl011> uart_;
    ChannelPorts channels_;
    std::optional<VcpuTask> tasks_[max_guest_cpus];
    Atomic<u32> tasks_left_{0};
};

} // namespace gimbal::bare
