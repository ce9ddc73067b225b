// SPDX-License-Identifier: Apache-2.0
#include "bare/aarch64/vcpu_task.hpp"

#include "arch/aarch64/mpidr.hpp"
#include "base/bits.hpp"

namespace gimbal::bare {

using aarch64::HcrEl2;
using aarch64::SysReg;

namespace {

/// Traps what the VM answers: WFI, ID registers, SMC, implementation-defined and ACTLR accesses, set/way maintenance.
/// Physical interrupts come to EL2; broadcast maintenance reaches the inner shareable domain.
constexpr u64 guest_hcr = HcrEl2::vm::mask | HcrEl2::fmo::mask | HcrEl2::imo::mask | HcrEl2::amo::mask |
                          HcrEl2::fb::mask | u64{1} << 10 | HcrEl2::twi::mask | HcrEl2::tid3::mask | HcrEl2::tsc::mask |
                          HcrEl2::tidcp::mask | HcrEl2::tacr::mask | HcrEl2::tsw::mask;

aarch64::GuestSystemRegisters registers_at_reset(VcpuId id, const el2::Stage2& stage2)
{
    aarch64::GuestSystemRegisters registers;
    registers.hcr_el2 = guest_hcr | el2_mode.hcr();
    // Error records and limited-ordering regions, which guests are not shown.
    if (bits(read_register<SysReg::id_aa64pfr0_el1>(), 28, 4) != 0) registers.hcr_el2 |= HcrEl2::terr::mask;
    if (bits(read_register<SysReg::id_aa64mmfr1_el1>(), 16, 4) != 0) registers.hcr_el2 |= HcrEl2::tlor::mask;
    registers.vtcr_el2 = stage2.vtcr().raw;
    registers.vpidr_el2 = read_register<SysReg::midr_el1>();
    registers.vmpidr_el2 = aarch64::mpidr_of_index(id.value).raw;
    registers.cptr_el2 = Cpu::cptr(true);
    registers.cnthctl_el2 = el2::cnthctl_el2;
    return registers;
}

OwnerId owner_of(const Cpu& cpu) { return {cpu.index() + u64{1}}; }

} // namespace

VcpuTask::Running::Running(VcpuTask& task, GuestRun& run)
    : vcpu(task.id_, {task.stage2_, task.vmids_, task.vmid_, run.vm.timers}, run.interrupts, task.cpu_, task.at_reset_),
      handle(vcpu),
      runner(run.vm, task.id_, vcpu, task, owner_of(task.cpu_)),
      slot(run.vm.slot(task.id_))
{
    slot.attach(handle, task);
}

VcpuTask::VcpuTask(VcpuOwner& owner, VcpuId id, Cpu& cpu, u32 priority, u32 budget, el2::Stage2& stage2,
                   el2::VmidAllocator& vmids, el2::VmidSlot& vmid)
    : Task(priority, budget),
      owner_(owner),
      id_(id),
      cpu_(cpu),
      stage2_(stage2),
      vmids_(vmids),
      vmid_(vmid),
      at_reset_(registers_at_reset(id, stage2))
{
}

/// False: there is nothing to run.
bool VcpuTask::begin()
{
    const u32 start = owner_.start_number();
    if (start == seen_start_) return false;
    seen_start_ = start;
    GuestRun& run = owner_.current_run();
    // Neither fails for the one task of a vCPU that nobody has set up yet.
    static_cast<void>(run.vm.vcpu_set_up(id_));
    static_cast<void>(run.vm.slot(id_).lifecycle.bind(owner_of(cpu_)));
    running_.emplace(*this, run);
    owner_.vcpu_ready();
    return true;
}

Task::Result VcpuTask::leave()
{
    running_->vcpu.reset({}); // leaves nothing of it on the CPU, FP included
    running_->slot.detach();
    running_.reset();
    owner_.vcpu_left();
    return {Outcome::asleep, {}};
}

Task::Result VcpuTask::run(Scheduler& scheduler)
{
    if (!running_) {
        about_to_sleep();
        if (!begin()) return {Outcome::asleep, {}};
    }
    Running& self = *running_;
    if (self.asleep) self.runner.wake_up();
    self.asleep = false;
    while (true) {
        const Step step = self.runner.step();
        switch (step.action) {
        case Action::resume:
            if (scheduler.wants_cpu()) return {Outcome::ready, {}};
            continue;
        case Action::stop: return leave();
        case Action::wait:
        case Action::yield:
        case Action::off:
        case Action::await: {
            const std::optional<HostTicks> deadline = wake_up_time(step);
            about_to_sleep();
            self.vcpu.leave_cpu(true);
            if (!self.runner.may_sleep(step.action)) continue;
            self.runner.fall_asleep();
            self.asleep = true;
            return {Outcome::asleep, deadline};
        }
        }
    }
}

/// What waits for an interrupt, by WFI or by CPU_SUSPEND, gets that of the hardware's timer too; not in a pause, during
/// which the guest's counter stands still.
std::optional<HostTicks> VcpuTask::wake_up_time(const Step& step)
{
    const bool by_interrupt = step.action == Action::wait || step.action == Action::yield;
    if (!by_interrupt || running_->runner.parked()) return step.deadline;
    const std::optional<CounterTicks> timer = running_->vcpu.timer_deadline();
    const std::optional<HostTicks> expiry = timer ? owner_.current_run().vm.timers.host_deadline(*timer) : std::nullopt;
    return expiry && (!step.deadline || *expiry < *step.deadline) ? expiry : step.deadline;
}

/// The VM ends, wherever its other vCPUs are. What this one was doing is not touched again.
bool VcpuTask::contain() noexcept
{
    if (!running_) return false;
    owner_.vcpu_broken();
    owner_.current_run().vm.request_stop(
        {.reason = StopReason::engine_failure, .vcpu = id_, .fatal = FatalReason::host_error});
    owner_.vcpu_left();
    return true;
}

void VcpuTask::rest()
{
    if (running_) running_->vcpu.leave_cpu(false);
}

} // namespace gimbal::bare
