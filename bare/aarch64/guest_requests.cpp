// SPDX-License-Identifier: Apache-2.0
// What others want of a guest: the user at the console, and the console itself.
#include "bare/aarch64/guest_machine.hpp"

namespace gimbal::bare {

namespace {

bool has_stopped(MachineState state) { return state == MachineState::stopped || state == MachineState::ended; }

} // namespace

const char* guest_error_text(GuestError error)
{
    switch (error) {
    case GuestError::memory: return "there is no memory for its tables";
    case GuestError::too_many_cpus: return "it has more vCPUs than this hypervisor gives to one guest";
    case GuestError::no_such_cpu: return "its affinity names no CPU that this board has";
    case GuestError::too_many_tasks: return "a CPU has more vCPUs than it can hold";
    }
    return "";
}

usize GuestMachine::receive(std::span<const u8> bytes)
{
    SpinGuard guard(gate_);
    return open_ ? run_->uart->receive(bytes) : bytes.size();
}

void GuestMachine::transmit_ready()
{
    SpinGuard guard(gate_);
    if (open_) run_->uart->transmit_ready();
}

MachineFacts GuestMachine::facts() const
{
    return {description_.memory_size, description_.cpu_count, description_.priority,
            description_.budget == 0 ? whole : description_.budget};
}

VcpuReport GuestMachine::report(u32 vcpu)
{
    const VcpuTask& task = *tasks_[vcpu];
    VcpuReport report{.cpu = task.cpu().index(),
                      .power = PowerState::off,
                      .run_ticks = task.stats().run_ticks.load(MemoryOrder::relaxed),
                      .turns = task.stats().turns.load(MemoryOrder::relaxed),
                      .wake_ups = task.stats().wake_ups.load(MemoryOrder::relaxed)};
    SpinGuard guard(gate_);
    if (!open_) return report;
    const VcpuSlot& slot = run_->vm.slot({vcpu});
    report.power = slot.power();
    for (unsigned kind = 0; kind < exit_kind_count; ++kind)
        report.exits[kind] = slot.stats.exit_count(static_cast<ExitKind>(kind));
    return report;
}

Result<void, RequestError> GuestMachine::start()
{
    if (!has_stopped(state())) return fail(RequestError::not_stopped);
    if (broken_.load()) return fail(RequestError::broken);
    wish(Wish::start);
    return {};
}

Result<void, RequestError> GuestMachine::stop()
{
    if (has_stopped(state())) return fail(RequestError::not_running);
    wish(Wish::stop);
    return {};
}

Result<void, RequestError> GuestMachine::restart()
{
    if (has_stopped(state())) return start();
    if (state() != MachineState::running && state() != MachineState::paused) return fail(RequestError::busy);
    wish(Wish::restart);
    return {};
}

Result<void, RequestError> GuestMachine::pause()
{
    if (has_stopped(state()) || state() == MachineState::paused) return fail(RequestError::not_running);
    if (state() != MachineState::running) return fail(RequestError::busy);
    wish(Wish::pause);
    return {};
}

Result<void, RequestError> GuestMachine::resume()
{
    if (state() != MachineState::paused) return fail(RequestError::not_paused);
    wish(Wish::resume);
    return {};
}

Result<void, RequestError> GuestMachine::power_down()
{
    if (state() != MachineState::running) return fail(RequestError::not_running);
    wish(Wish::power_key);
    return {};
}

void GuestMachine::say_end(const StopInfo& stop)
{
    Line line(host_.out);
    line.text("gimbal-el2: ").text(name()).text(": ");
    switch (stop.reason) {
    case StopReason::guest_power_off: line.text("has powered off"); return;
    case StopReason::user_quit: line.text("stopped"); return;
    case StopReason::guest_crash: line.text("has crashed, it says"); return;
    case StopReason::start_failure: line.text("a vCPU cannot be started"); return;
    case StopReason::debugger: line.text("a debug event that nobody takes"); break;
    case StopReason::guest_fault: line.text("did what no CPU can go on from"); break;
    case StopReason::engine_failure: line.text("the hypervisor cannot go on with it"); break;
    case StopReason::none:
    case StopReason::guest_reset:
    case StopReason::device_failure:
    case StopReason::timeout:
    case StopReason::signal: line.text("stopped, for no reason that this board knows"); break;
    }
    line.text(" (vCPU ").number(stop.vcpu.value).text(", reason ").number(static_cast<u64>(stop.fatal));
    line.text(", ").hex(stop.detail).text(")");
}

} // namespace gimbal::bare
