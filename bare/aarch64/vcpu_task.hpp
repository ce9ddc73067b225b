// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bare/aarch64/guest_run.hpp"

namespace gimbal::bare {

/// The guest that a vCPU belongs to, as its task needs it.
class VcpuOwner {
public:
    /// Counts the starts of the guest; a task that has seen this one makes no second vCPU for it.
    virtual u32 start_number() const = 0;
    virtual GuestRun& current_run() = 0; ///< Between the start and the last vcpu_left().
    virtual void vcpu_ready() noexcept = 0;
    virtual void vcpu_left() noexcept = 0;
    virtual void vcpu_broken() noexcept = 0; ///< Its CPU has faulted: the guest cannot start again.

protected:
    ~VcpuOwner() = default;
};

/// One vCPU of a guest on the scheduler of its CPU, where it stays through all of the guest's starts. The engine's vCPU
/// is made anew for each start, on the CPU that owns it.
class VcpuTask final : public Task {
public:
    /// `stage2`, `vmids` and `vmid` are the guest's; they outlive the task.
    VcpuTask(VcpuOwner& owner, VcpuId id, Cpu& cpu, u32 priority, u32 budget, el2::Stage2& stage2,
             el2::VmidAllocator& vmids, el2::VmidSlot& vmid);

    Cpu& cpu() const { return cpu_; }

private:
    struct Running {
        Running(VcpuTask& task, GuestRun& run);
        GuestCpu vcpu;
        EngineHandle<GuestCpu> handle;
        VcpuRunner<GuestCpu> runner;
        VcpuSlot& slot;
        bool asleep{};
    };

    Result run(Scheduler& scheduler) override;
    void rest() override;
    bool contain() noexcept override;
    bool begin();
    Result leave();
    std::optional<HostTicks> wake_up_time(const Step& step);

    VcpuOwner& owner_;
    VcpuId id_;
    Cpu& cpu_;
    el2::Stage2& stage2_;
    el2::VmidAllocator& vmids_;
    el2::VmidSlot& vmid_;
    const aarch64::GuestSystemRegisters at_reset_;
    // Touched by the CPU only
    u32 seen_start_{};
    std::optional<Running> running_;
};

} // namespace gimbal::bare
