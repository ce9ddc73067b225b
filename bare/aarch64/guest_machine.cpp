// SPDX-License-Identifier: Apache-2.0
#include "bare/aarch64/guest_machine.hpp"

#include "arch/aarch64/mpidr.hpp"
#include "vm/aarch64/board.hpp"

namespace gimbal::bare {

using aarch64::HcrEl2;
using aarch64::SysReg;
namespace map = board::aarch64;

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

} // namespace

VcpuTask::VcpuTask(GuestMachine& machine, VcpuId id, Cpu& cpu, u32 priority)
    : Task(priority),
      machine_(machine),
      cpu_(cpu),
      at_reset_(registers_at_reset(id, machine.stage2_)),
      vcpu_(id, {machine.stage2_, machine.host_.vmids, machine.vmid_, machine.vm_.timers}, machine.interrupts_, cpu,
            at_reset_),
      handle_(vcpu_),
      runner_(machine.vm_, id, vcpu_, *this, {cpu.index() + u64{1}}),
      slot_(machine.vm_.slot(id))
{
    static_cast<void>(machine.vm_.vcpu_set_up(id));
    static_cast<void>(slot_.lifecycle.bind({cpu.index() + u64{1}}));
    slot_.attach(handle_, *this);
}

Task::Result VcpuTask::run(Scheduler& scheduler)
{
    if (asleep_) runner_.wake_up();
    asleep_ = false;
    while (true) {
        const Step step = runner_.step();
        switch (step.action) {
        case Action::resume:
            if (scheduler.wants_cpu()) return {Outcome::ready, {}};
            continue;
        case Action::stop:
            vcpu_.leave_cpu(false);
            slot_.detach();
            machine_.task_ended();
            return {Outcome::ended, {}};
        case Action::wait:
        case Action::yield:
        case Action::off:
        case Action::await: {
            const std::optional<HostTicks> deadline = wake_up_time(step);
            about_to_sleep();
            vcpu_.leave_cpu(true);
            if (!runner_.may_sleep(step.action)) continue;
            runner_.fall_asleep();
            asleep_ = true;
            return {Outcome::asleep, deadline};
        }
        }
    }
}

/// What waits for an interrupt, by WFI or by CPU_SUSPEND, gets that of the hardware's timer too.
std::optional<HostTicks> VcpuTask::wake_up_time(const Step& step)
{
    const bool by_interrupt = step.action == Action::wait || step.action == Action::yield;
    const std::optional<CounterTicks> timer = by_interrupt ? vcpu_.timer_deadline() : std::nullopt;
    const std::optional<HostTicks> expiry = timer ? machine_.vm_.timers.host_deadline(*timer) : std::nullopt;
    return expiry && (!step.deadline || *expiry < *step.deadline) ? expiry : step.deadline;
}

/// The VM ends, wherever its other vCPUs are. What this one was doing is not touched again.
bool VcpuTask::contain() noexcept
{
    machine_.vm_.request_stop(
        {.reason = StopReason::engine_failure, .vcpu = vcpu_.id(), .fatal = FatalReason::host_error});
    machine_.task_ended();
    return true;
}

GuestMachine::GuestMachine(const payload::Vm& description, const GuestHost& host, const ConsolePlug& console)
    : description_(description),
      host_(host),
      console_(console),
      vm_({description.cpu_count, GuestCpu::owns, GuestCpu::raises}, host.clock),
      psci_(vm_.slots(), vm_.memory),
      gic_({.cpus = vm_.vcpu_count()}),
      interrupts_(gic_.state(), vm_, *this),
      registers_(host.profile, vm_.timers, &interrupts_, host.clock.frequency_hz()),
      stage2_(host.pages, host.tlb, vmid_)
{
}

::gimbal::Result<void, GuestError> GuestMachine::start(const payload::Reader& reader, std::span<u8> ram)
{
    if (vm_.vcpu_count() > max_guest_cpus) return fail(GuestError::too_many_cpus);
    load(reader, ram);
    const Gpa base = map::location(map::Part::ram).base;
    constexpr unsigned ipa_bits = 40;
    const unsigned bits = ipa_bits < host_.stage2.pa_bits ? ipa_bits : host_.stage2.pa_bits;
    const auto layout = el2::make_stage2_layout(host_.stage2, bits);
    if (!layout || !stage2_.create(*layout)) return fail(GuestError::memory);
    if (!stage2_.map(base, reinterpret_cast<u64>(ram.data()), ram.size(), el2::stage2_ram))
        return fail(GuestError::memory);
    if (!vm_.memory.map({.base = base, .size = ram.size(), .host = ram.data()})) return fail(GuestError::memory);
    vm_.set_listener(this);
    GIMBAL_TRY_VOID(attach_devices(static_cast<u32>(&description_ - reader.vms().data())));
    for (u32 id = 0; id < vm_.vcpu_count(); ++id) {
        Cpu& cpu = host_.cpus[id % host_.cpus.size()];
        tasks_[id].emplace(*this, VcpuId{id}, cpu, description_.priority);
        if (!cpu.scheduler().add(*tasks_[id])) return fail(GuestError::no_such_cpu);
    }
    tasks_left_.store(vm_.vcpu_count());
    if (!vm_.finalize()) return fail(GuestError::wiring);
    const VcpuEntry entry{
        description_.entry,
        {description_.arguments[0], description_.arguments[1], description_.arguments[2], description_.arguments[3]}
    };
    if (!vm_.start(entry)) return fail(GuestError::wiring);
    return {};
}

void GuestMachine::load(const payload::Reader& reader, std::span<u8> ram)
{
    const u64 base = map::location(map::Part::ram).base.value;
    __builtin_memset(ram.data(), 0, ram.size());
    for (u32 i = 0; i < description_.piece_count; ++i) {
        const payload::Piece& piece = description_.pieces[i];
        const std::span<const u8> bytes = reader.bytes(piece);
        __builtin_memcpy(ram.data() + (piece.gpa - base), bytes.data(), bytes.size());
    }
    clean_to_memory(ram.data(), ram.size()); // the guest starts with its caches off
}

::gimbal::Result<void, GuestError> GuestMachine::attach_devices(u32 index)
{
    if (!psci_.register_in(vm_.calls)) return fail(GuestError::wiring);
    vm_.set_registers(&registers_);
    gic_.state().attach(interrupts_);
    interrupts_.map_hardware(map::virtual_timer, Cpu::virtual_timer_ppi);
    if (!vm_.set_interrupt_chip(gic_)) return fail(GuestError::wiring);
    const auto add = [this](map::Part part, u64 size, MmioDevice& device, AccessLimits limits) {
        return vm_.bus.add({.base = map::location(part).base, .size = size, .device = &device, .limits = limits})
            .has_value();
    };
    if (!add(map::Part::gic_distributor, map::location(map::Part::gic_distributor).size, gic_.distributor(), {}) ||
        !add(map::Part::gic_redistributors, gic_.redistributors().size(), gic_.redistributors(), {}))
        return fail(GuestError::wiring);
    if (!uart_line_.connect(gic_, *map::location(map::Part::console).interrupt)) return fail(GuestError::wiring);
    const auto source = uart_line_.add_source();
    if (!source) return fail(GuestError::wiring);
    uart_.emplace(console_, *source, true);
    if (!add(map::Part::console, Pl011::size, *uart_, Pl011::access_limits)) return fail(GuestError::wiring);
    if (!channels_.attach(host_.channels, index, gic_, vm_.bus, stage2_)) return fail(GuestError::wiring);
    return {};
}

void GuestMachine::kick(VcpuId vcpu) noexcept { tasks_[vcpu.value]->cpu().kick(); }

void GuestMachine::set_physical_active(u32 pintid, bool active) noexcept
{
    host_.gic.set_private_active(pintid, active);
}

bool GuestMachine::is_physical_line_high(u32 pintid) noexcept
{
    if (pintid != Cpu::virtual_timer_ppi) return true;
    const aarch64::CntCtl control{read_register<SysReg::cntv_ctl_el0>()};
    return aarch64::CntCtl::istatus::get(control) && aarch64::CntCtl::enable::get(control) &&
           !aarch64::CntCtl::imask::get(control);
}

} // namespace gimbal::bare
