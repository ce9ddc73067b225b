// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>

#include "bare/aarch64/board_clock.hpp"
#include "bare/aarch64/board_console.hpp"
#include "bare/aarch64/vcpu_task.hpp"
#include "bare/management.hpp"
#include "bare/placement.hpp"

namespace gimbal::bare {

enum class GuestError : u8 { memory, too_many_cpus, no_such_cpu, too_many_tasks };
const char* guest_error_text(GuestError error);

/// Who looks after the guests.
class MachineListener {
public:
    /// A guest has changed its state. Any CPU.
    virtual void machine_changed() noexcept = 0;

protected:
    ~MachineListener() = default;
};

/// What all guests have of the hypervisor.
struct GuestHost {
    static constexpr unsigned max_cpus = 8;

    const Clock& clock;
    el2::PagePool& pages;
    el2::Tlb& tlb;
    el2::VmidAllocator& vmids;
    std::span<Cpu> cpus;
    const aarch64::CpuProfile& profile;
    PhysicalGic& gic;
    el2::Stage2Features stage2;
    Placement<max_cpus>& placement;
    BoardClock& wall_clock;
    TextSink& out;
    MachineListener& listener;
    Channels& channels;
};

/// One VM of the payload, through all of its starts, and the task that looks after it. That task alone leads it from
/// one state to the next; all others post wishes. It is on the CPU of vCPU 0, with the VM's priority, and fills memory
/// in small steps, so that no other guest stands still while one starts.
class GuestMachine final : public Task,
                           public ManagedMachine,
                           private VcpuOwner,
                           private gicv3::ListRegisterHost,
                           private VmListener {
public:
    static constexpr u32 max_guest_cpus = 8;

    /// `console` is its own; `description` and what `reader` reads stay where they are.
    GuestMachine(const payload::Vm& description, const payload::Reader& reader, const GuestHost& host,
                 const ConsolePlug& console);

    /// Before the schedulers run. `ram`: the guest's memory, as large as the description says, on a 2 MiB boundary.
    /// Maps it and gives the vCPUs their CPUs; the guest starts as soon as the schedulers run.
    ::gimbal::Result<void, GuestError> set_up(std::span<u8> ram);

    // From the console's task
    usize receive(std::span<const u8> bytes); ///< Returns how many the guest's UART took; all if it does not run.
    void transmit_ready();

    // ManagedMachine
    StrView name() const override { return payload::name(description_); }
    MachineState state() const override { return state_.load(); }
    MachineFacts facts() const override;
    VcpuReport report(u32 vcpu) override;
    ::gimbal::Result<void, RequestError> start() override;
    ::gimbal::Result<void, RequestError> stop() override;
    ::gimbal::Result<void, RequestError> restart() override;
    ::gimbal::Result<void, RequestError> pause() override;
    ::gimbal::Result<void, RequestError> resume() override;
    ::gimbal::Result<void, RequestError> power_down() override;

private:
    enum class Wish : u32 { start = 1, stop = 2, restart = 4, pause = 8, resume = 16, power_key = 32 };

    // Task: the keeper's own steps
    Result run(Scheduler& scheduler) override;
    bool contain() noexcept override;
    bool step();
    bool load_some();
    void begin_load();
    void assemble();
    bool look_after();
    bool serve_wishes();
    void start_vcpus();
    void end();
    void serve_devices();
    std::optional<HostTicks> next_deadline();
    bool take(Wish wish);
    void wish(Wish wish);
    void enter(MachineState state);
    void expedite_all();
    void say(StrView words);
    void say_end(const StopInfo& stop);
    RunParts parts();

    // VcpuOwner
    u32 start_number() const override { return start_number_.load(); }
    GuestRun& current_run() override { return *run_; }
    void vcpu_ready() noexcept override;
    void vcpu_left() noexcept override;
    void vcpu_broken() noexcept override { broken_.store(true); }
    // ListRegisterHost
    void kick(VcpuId vcpu) noexcept override { tasks_[vcpu.value]->cpu().kick(); }
    void set_physical_active(u32 pintid, bool active) noexcept override;
    bool is_physical_line_high(u32 pintid) noexcept override;
    // VmListener
    void stop_requested(const StopInfo&) noexcept override { expedite_all(); }
    void vcpu_parked(VcpuId) noexcept override { wake(); }

    /// The time of day as the guest's PL031 sees it.
    class GuestClock final : public WallClock {
    public:
        explicit GuestClock(GuestMachine& machine) : machine_(machine) {}
        u64 seconds() override { return machine_.host_.wall_clock.seconds(); }
        void set_alarm(std::optional<u64> when) override
        {
            machine_.alarm_.store(when ? *when : no_alarm);
            machine_.wake();
        }

    private:
        GuestMachine& machine_;
    };

    static constexpr u64 no_alarm = ~u64{0};

    const payload::Vm& description_;
    const payload::Reader& reader_;
    const GuestHost& host_;
    ConsolePlug console_;
    GuestClock clock_{*this};
    std::span<u8> ram_;
    el2::VmidSlot vmid_;
    el2::Stage2 stage2_;
    ChannelPorts ports_;
    std::optional<VcpuTask> tasks_[max_guest_cpus];
    Atomic<MachineState> state_{MachineState::loading}; // written by the keeper
    Atomic<bool> broken_{false};                        // set by a CPU that has faulted; it does not start again
    Atomic<u32> wishes_{0};                             // set by any CPU, taken by the keeper
    Atomic<u32> start_number_{u32{0}};                  // written by the keeper, once run_ is whole
    Atomic<u32> vcpus_ready_{0};                        // of this start
    Atomic<u32> vcpus_left_{0};                         // of this start: how many are still there
    Atomic<u64> alarm_{no_alarm};                       // wall clock, seconds; set by vCPUs, taken by the keeper
    // The keeper's own
    u64 loaded_{};                      // bytes of memory that are filled
    bool started_{};                    // the vCPUs of this start run
    bool restarts_{};                   // the user wants it to start again once it has stopped
    std::optional<HostTicks> key_up_{}; // the power key is down until then
    SpinLock gate_;                     // others enter run_ under it; the keeper makes and ends it under it
    bool open_{};                       // under gate_: run_ is whole
    std::optional<GuestRun> run_;
};

} // namespace gimbal::bare
