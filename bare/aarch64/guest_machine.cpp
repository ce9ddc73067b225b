// SPDX-License-Identifier: Apache-2.0
#include "bare/aarch64/guest_machine.hpp"

#include "vm/aarch64/board.hpp"

namespace gimbal::bare {

using aarch64::SysReg;
namespace map = board::aarch64;

namespace {

constexpr u64 load_step = 256 << 10;  // bytes between two looks at the scheduler
constexpr u64 key_press_us = 100'000; // longer than any driver debounces

} // namespace

GuestMachine::GuestMachine(const payload::Vm& description, const payload::Reader& reader, const GuestHost& host,
                           const ConsolePlug& console)
    : Task(description.priority),
      description_(description),
      reader_(reader),
      host_(host),
      console_(console),
      stage2_(host.pages, host.tlb, vmid_)
{
}

::gimbal::Result<void, GuestError> GuestMachine::set_up(std::span<u8> ram)
{
    if (description_.cpu_count > max_guest_cpus) return fail(GuestError::too_many_cpus);
    ram_ = ram;
    const Gpa base = map::location(map::Part::ram).base;
    constexpr unsigned ipa_bits = 40;
    const unsigned bits = ipa_bits < host_.stage2.pa_bits ? ipa_bits : host_.stage2.pa_bits;
    const auto layout = el2::make_stage2_layout(host_.stage2, bits);
    if (!layout || !stage2_.create(*layout)) return fail(GuestError::memory);
    if (!stage2_.map(base, reinterpret_cast<u64>(ram.data()), ram.size(), el2::stage2_ram))
        return fail(GuestError::memory);
    const u32 budget = description_.budget == 0 ? whole : description_.budget;
    for (u32 id = 0; id < description_.cpu_count; ++id) {
        const auto place = host_.placement.place(description_.affinity, budget);
        if (!place) return fail(GuestError::no_such_cpu);
        Cpu& cpu = host_.cpus[*place];
        tasks_[id].emplace(static_cast<VcpuOwner&>(*this), VcpuId{id}, cpu, description_.priority, budget, stage2_,
                           host_.vmids, vmid_);
        if (!cpu.scheduler().add(*tasks_[id])) return fail(GuestError::too_many_tasks);
    }
    if (!tasks_[0]->cpu().scheduler().add(*this)) return fail(GuestError::too_many_tasks);
    begin_load();
    return {};
}

Task::Result GuestMachine::run(Scheduler& scheduler)
{
    while (true) {
        about_to_sleep();
        if (!step()) return {Outcome::asleep, next_deadline()};
        if (scheduler.wants_cpu()) return {Outcome::ready, {}};
    }
}

/// The vCPUs on this CPU end theirs; what is left of the guest is still put away. One that was being loaded may have
/// been what faulted.
bool GuestMachine::contain() noexcept
{
    if (state() == MachineState::loading && vcpus_left_.load() == 0) {
        broken_.store(true);
        enter(MachineState::ended);
    }
    return false;
}

/// False: there is nothing to do until somebody wakes the keeper.
bool GuestMachine::step()
{
    switch (state()) {
    case MachineState::stopped:
    case MachineState::ended:
        if (!take(Wish::start)) return false;
        begin_load();
        return true;
    case MachineState::loading:
        if (run_) return look_after();
        if (take(Wish::stop)) {
            enter(MachineState::stopped);
            say("stopped");
        } else if (load_some()) {
            assemble();
        }
        return true;
    case MachineState::running:
    case MachineState::pausing:
    case MachineState::paused:
    case MachineState::stopping: return look_after();
    }
    return false;
}

void GuestMachine::begin_load()
{
    loaded_ = 0;
    restarts_ = false;
    wishes_.store(0);
    enter(MachineState::loading);
}

/// Memory as it is at power-on: zero, and the pieces where they belong. True: all of it is there.
bool GuestMachine::load_some()
{
    const u64 size = ram_.size() - loaded_ < load_step ? ram_.size() - loaded_ : load_step;
    u8* const here = ram_.data() + loaded_;
    __builtin_memset(here, 0, size);
    const u64 first = map::location(map::Part::ram).base.value + loaded_;
    for (u32 i = 0; i < description_.piece_count; ++i) {
        const payload::Piece& piece = description_.pieces[i];
        const u64 begin = piece.gpa > first ? piece.gpa : first;
        const u64 end = piece.gpa + piece.size < first + size ? piece.gpa + piece.size : first + size;
        if (begin < end)
            __builtin_memcpy(here + (begin - first), reader_.bytes(piece).data() + (begin - piece.gpa), end - begin);
    }
    clean_to_memory(here, size); // the guest starts with its caches off
    loaded_ += size;
    return loaded_ == ram_.size();
}

/// Everything but memory is made anew, and the vCPUs' CPUs are asked to make theirs.
void GuestMachine::assemble()
{
    // What CPUs know of the run before: translations by the VMID, and instructions by their physical address.
    if (const u16 vmid = vmid_.vmid(); vmid != 0) host_.tlb.invalidate_vm(vmid);
    forget_instructions();
    {
        SpinGuard guard(gate_);
        run_.emplace(parts());
        open_ = run_->wire(parts());
    }
    if (!open_) {
        ports_.detach();
        run_.reset();
        enter(MachineState::ended);
        return say("its board cannot be put together");
    }
    started_ = false;
    vcpus_ready_.store(0);
    vcpus_left_.store(description_.cpu_count);
    start_number_.fetch_add(1);
    for (u32 id = 0; id < description_.cpu_count; ++id) tasks_[id]->wake();
}

RunParts GuestMachine::parts()
{
    return {description_.cpu_count,
            ram_,
            host_.clock,
            host_.profile,
            *this,
            *this,
            console_,
            clock_,
            ports_,
            host_.channels,
            static_cast<u32>(&description_ - reader_.vms().data()),
            stage2_};
}

/// While there is a run. False: nothing to do until somebody wakes the keeper.
bool GuestMachine::look_after()
{
    if (run_->vm.stopping()) {
        if (vcpus_left_.load() == 0) {
            end();
            return true;
        }
        if (state() != MachineState::stopping) enter(MachineState::stopping);
        return false;
    }
    if (!started_) {
        if (take(Wish::stop)) {
            run_->vm.request_stop({.reason = StopReason::user_quit});
            return true;
        }
        if (vcpus_ready_.load() != description_.cpu_count) return false;
        start_vcpus();
        return true;
    }
    serve_devices();
    return serve_wishes();
}

void GuestMachine::start_vcpus()
{
    started_ = true;
    const VcpuEntry entry{
        description_.entry,
        {description_.arguments[0], description_.arguments[1], description_.arguments[2], description_.arguments[3]}
    };
    if (!run_->vm.finalize() || !run_->vm.start(entry))
        run_->vm.request_stop({.reason = StopReason::start_failure});
    else
        enter(MachineState::running);
}

bool GuestMachine::serve_wishes()
{
    Vm& vm = run_->vm;
    const bool restart = take(Wish::restart);
    if (restart || take(Wish::stop)) {
        restarts_ = restart;
        vm.request_stop({.reason = restart ? StopReason::guest_reset : StopReason::user_quit});
        return true;
    }
    switch (state()) {
    case MachineState::running:
        if (take(Wish::power_key)) {
            run_->power_key->set_input(map::power_key_line, true);
            key_up_ =
                HostTicks{host_.clock.now().value + ticks_in_microseconds(host_.clock.frequency_hz(), key_press_us)};
        }
        if (!take(Wish::pause)) return false;
        if (!vm.request_pause()) return true; // it is about to stop
        enter(MachineState::pausing);
        expedite_all();
        return true;
    case MachineState::pausing:
        if (!vm.complete_pause()) return false; // one is still on its way
        enter(MachineState::paused);
        say("paused");
        return true;
    case MachineState::paused:
        if (!take(Wish::resume)) return false;
        if (!vm.resume()) return true;
        enter(MachineState::running);
        say("goes on");
        return true;
    default: return false;
    }
}

/// Every vCPU has left: what is left of the run goes.
void GuestMachine::end()
{
    const StopInfo stop = run_->vm.stop_info();
    const bool again = stop.reason == StopReason::guest_reset && !broken_.load();
    const bool by_user = stop.reason == StopReason::user_quit;
    key_up_.reset();
    alarm_.store(no_alarm);
    {
        SpinGuard guard(gate_);
        open_ = false;
        ports_.detach();
        run_.reset();
    }
    if (again) {
        say(restarts_ ? "restarts" : "resets");
        return begin_load();
    }
    wishes_.store(0);
    say_end(stop);
    enter(by_user && !broken_.load() ? MachineState::stopped : MachineState::ended);
}

/// The clock's alarm and the power key's way up.
void GuestMachine::serve_devices()
{
    const HostTicks now = host_.clock.now();
    if (key_up_ && *key_up_ <= now) {
        key_up_.reset();
        run_->power_key->set_input(map::power_key_line, false);
    }
    const u64 alarm = alarm_.load();
    if (alarm != no_alarm && clock_.seconds() >= alarm) {
        u64 expected = alarm; // unless the guest has set another one meanwhile
        if (alarm_.compare_exchange(expected, no_alarm)) run_->clock->alarm_due();
    }
}

std::optional<HostTicks> GuestMachine::next_deadline()
{
    std::optional<HostTicks> next = key_up_;
    const u64 alarm = alarm_.load();
    if (alarm == no_alarm) return next;
    const HostTicks due = host_.wall_clock.moment_of(alarm);
    return !next || due < *next ? due : *next;
}

bool GuestMachine::take(Wish wish)
{
    const u32 mask = static_cast<u32>(wish);
    return (wishes_.fetch_and(~mask) & mask) != 0;
}

void GuestMachine::wish(Wish wish)
{
    wishes_.fetch_or(static_cast<u32>(wish));
    expedite();
}

void GuestMachine::enter(MachineState state)
{
    state_.store(state);
    host_.listener.machine_changed();
}

/// What they are to see makes them stop.
void GuestMachine::expedite_all()
{
    for (u32 id = 0; id < description_.cpu_count; ++id) tasks_[id]->expedite();
    expedite();
}

void GuestMachine::say(StrView words) { Line(host_.out).text("gimbal-el2: ").text(name()).text(": ").text(words); }

void GuestMachine::vcpu_ready() noexcept
{
    vcpus_ready_.fetch_add(1);
    wake();
}

void GuestMachine::vcpu_left() noexcept
{
    vcpus_left_.fetch_sub(1);
    expedite();
}

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
