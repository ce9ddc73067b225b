// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "vm/capabilities.hpp"
#include "vm/dispatch.hpp"
#include "vm/memory.hpp"
#include "vm/vcpu_slot.hpp"

namespace gimbal {

enum class VmError : u8 {
    wrong_phase,    ///< The call does not fit where the VM is in its life; nothing was changed.
    bad_vcpu_count, ///< None, or more than max_vcpus.
    no_such_vcpu,
    no_memory,      ///< finalize() without guest RAM.
    no_chip,        ///< finalize() without an interrupt chip, though the engine has none of its own.
    vcpus_missing,  ///< finalize() before every vCPU is set up.
    stray_doorbell, ///< finalize() with a doorbell where no device is: engines would differ in what its write does.
    stopping,       ///< A stop was requested already.
};

/// created -> (memory, devices) -> set_interrupt_chip -> each vCPU set up on its owner -> finalize -> start <-> pause.
enum class VmPhase : u8 { created, chip_ready, finalized, running, paused, stopped };

/// Told of changes that a host thread waits for. Called on any thread; must not call back into the Vm.
class VmListener {
public:
    virtual void stop_requested(const StopInfo& stop) noexcept = 0; ///< Once, for the first reason.
    virtual void vcpu_parked(VcpuId vcpu) noexcept = 0;

protected:
    ~VmListener() = default;
};

struct VmConfig {
    u32 vcpu_count{1};
    EngineOwns owns{};
    ExitKinds raises{ExitKinds::all()};
};

/// One virtual machine, whatever runs its vCPUs: guest memory, buses, interrupts, timers, and the state of its life.
/// It owns the slots of its vCPUs and outlives their threads; memory and devices that it refers to outlive it.
class Vm final : public CpuInterruptSink {
public:
    /// A count out of range is clipped here and refused by finalize().
    Vm(const VmConfig& config, const Clock& clock);
    Vm(const Vm&) = delete;
    Vm& operator=(const Vm&) = delete;

    GuestMemory memory;
    MmioBus bus;
    DoorbellTable doorbells;
    CallTable calls;
    VirtualTimers timers;

    VmServices& services() { return services_; }
    EngineOwns owns() const { return services_.owns; }
    std::span<VcpuSlot> slots() { return {slots_, vcpu_count_}; }
    VcpuSlot& slot(VcpuId vcpu) { return slots_[vcpu.value]; }
    u32 vcpu_count() const { return vcpu_count_; }
    VmPhase phase() const { return phase_.load(MemoryOrder::acquire); }
    void set_listener(VmListener* listener) { listener_ = listener; } ///< Before any vCPU is set up.

    /// After the engine's VM exists and before any vCPU does.
    Result<void, VmError> set_interrupt_chip(InterruptChip& chip);
    /// For an engine that owns its chip and offers none of the lines.
    Result<void, VmError> use_engine_interrupt_chip();
    void set_registers(TrappedRegisterFile* registers) { services_.registers = registers; }
    void set_iocsr(IocsrPort* port) { services_.iocsr = port; }
    /// An engine that rings doorbells itself; before finalize().
    void set_doorbell_port(DoorbellPort* port) { doorbell_port_ = port; }
    /// Null: the engine has no line events.
    void set_line_event_port(LineEventPort* port) { line_event_port_ = port; }
    LineEventPort* line_event_port() const { return line_event_port_; }
    void set_debugger(DebugPort* debugger) { services_.debugger = debugger; }

    /// The vCPU's owner, once the engine has made it: created -> free.
    Result<void, VmError> vcpu_set_up(VcpuId vcpu);
    /// The vCPU's owner, instead of the above: one vCPU that fails fails the start.
    void vcpu_failed(VcpuId vcpu, VcpuError error);
    /// Also offers every doorbell to the engine.
    Result<void, VmError> finalize();
    /// Starts the VM's counter at zero and powers vCPU 0 on (all of them where the engine owns PSCI).
    Result<void, VmError> start(const VcpuEntry& entry);

    /// Any thread. The first reason stands; every vCPU leaves its run loop.
    void request_stop(const StopInfo& info);
    bool stopping() const { return stop_state_.load(MemoryOrder::acquire) == stop_published; }
    /// Meaningful once stopping() is true.
    StopInfo stop_info() const { return stop_; }

    /// Asks every vCPU to park and returns; the pause is complete when parked_count() reaches vcpu_count().
    Result<void, VmError> request_pause();
    u32 parked_count() const { return parked_.load(MemoryOrder::acquire); }
    /// Once all are parked: the counter stands still from here until resume().
    Result<void, VmError> complete_pause();
    Result<void, VmError> resume();

    /// The run loop's side of pausing: once for each vCPU and pause.
    void vcpu_parked(VcpuId vcpu);

    void set_cpu_interrupt(VcpuId vcpu, InterruptInput input, bool level) noexcept override;

private:
    static constexpr u32 stop_none = 0;
    static constexpr u32 stop_claimed = 1;
    static constexpr u32 stop_published = 2;

    Result<void, VmError> advance(VmPhase from, VmPhase to);
    void post_all(Request request);

    u32 vcpu_count_;
    bool count_is_valid_;
    Atomic<VmPhase> phase_{VmPhase::created};
    Atomic<u32> stop_state_{stop_none};
    StopInfo stop_{};       // written by whoever claimed stop_state_, before it is published
    Atomic<u32> parked_{0}; // vCPUs that have parked for the pause that was asked for last
    Atomic<u32> vcpus_ready_{0};
    VmListener* listener_{};
    DoorbellPort* doorbell_port_{};
    LineEventPort* line_event_port_{};
    const Clock& clock_;
    VmServices services_;
    VcpuSlot slots_[max_vcpus];
};

} // namespace gimbal
