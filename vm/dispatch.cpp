// SPDX-License-Identifier: Apache-2.0
#include "vm/dispatch.hpp"

namespace gimbal {

namespace {

Step resume_with(const Completion& answer) { return {.answer = answer}; }

Step stop_for(StopReason reason, VcpuId vcpu)
{
    return {
        .action = Action::stop, .answer = Completion::make_discard(), .stop = {.reason = reason, .vcpu = vcpu}
    };
}

/// The engine is broken, and only this VM pays for it.
Step stop_for_breach(VcpuId vcpu, ExitKind kind)
{
    Step step = stop_for(StopReason::engine_failure, vcpu);
    step.stop.fatal = FatalReason::contract_broken;
    step.stop.detail = static_cast<u64>(kind);
    return step;
}

Completion answer_mmio(MmioBus& bus, VcpuId vcpu, const MmioExit& access)
{
    const AccessContext context{vcpu};
    if (access.direction == Direction::read) {
        if (const auto value = bus.read(context, access.gpa, access.size)) return Completion::make_done(*value);
    } else if (bus.write(context, access.gpa, access.size, access.data)) {
        return Completion::make_done();
    }
    return Completion::make_inject(InjectKind::external_abort);
}

Completion answer_iocsr(IocsrPort* port, VcpuId vcpu, const IocsrExit& access)
{
    if (port == nullptr) return Completion::make_inject(InjectKind::undefined);
    if (access.direction == Direction::read) {
        if (const auto value = port->read(vcpu, access.address, access.size)) return Completion::make_done(*value);
    } else if (port->write(vcpu, access.address, access.size, access.value)) {
        return Completion::make_done();
    }
    return Completion::make_inject(InjectKind::external_abort);
}

Step answer_call(VmServices& services, VcpuId vcpu, Conduit conduit, const CallExit& call)
{
    const u64 function = call.arguments[0];
    const CallRange* range = services.calls.find(static_cast<u32>(function));
    if (range == nullptr || (range->power_service && services.owns.psci))
        return resume_with(call_result(function, smccc_not_supported));
    const CallOutcome outcome = range->handler->call(vcpu, conduit, call);
    switch (outcome.effect) {
    case CallEffect::none: return resume_with(outcome.answer);
    case CallEffect::standby:
    case CallEffect::power_down: {
        Step step{.action = Action::wait, .answer = outcome.answer};
        if (!services.owns.timer) step.deadline = services.timers.next_deadline(vcpu, services.clock.now());
        if (outcome.effect == CallEffect::power_down) step.wake_entry = outcome.entry;
        return step;
    }
    case CallEffect::cpu_off: return {.action = Action::off, .answer = outcome.answer};
    case CallEffect::system_off: return stop_for(StopReason::guest_power_off, vcpu);
    case CallEffect::system_reset: return stop_for(StopReason::guest_reset, vcpu);
    case CallEffect::pending: return {.action = Action::await, .handler = range->handler};
    }
    return resume_with(outcome.answer);
}

Step answer_idle(VmServices& services, VcpuId vcpu, const IdleExit& idle)
{
    Step step = resume_with(Completion::make_done());
    if (services.owns.idle) return step;
    const HostTicks now = services.clock.now();
    if (!services.owns.timer) step.deadline = services.timers.next_deadline(vcpu, now);
    const auto no_later_than = [&step](std::optional<HostTicks> limit) {
        if (limit && (!step.deadline || *limit < *step.deadline)) step.deadline = limit;
    };
    if (idle.has_deadline) no_later_than(services.timers.host_deadline(idle.deadline));
    switch (idle.kind) {
    case IdleKind::wait_for_interrupt: step.action = Action::wait; break;
    case IdleKind::wait_for_event:
        step.action = Action::yield;
        if (idle.monitor_armed) {
            const u64 frequency = services.clock.frequency_hz();
            no_later_than(HostTicks{now.value + ticks_in_microseconds(frequency, longest_event_wait_us)});
        }
        break;
    }
    return step;
}

Step answer_system_event(VcpuId vcpu, SystemEvent event)
{
    switch (event) {
    case SystemEvent::off: return stop_for(StopReason::guest_power_off, vcpu);
    case SystemEvent::reset: return stop_for(StopReason::guest_reset, vcpu);
    case SystemEvent::crash: return stop_for(StopReason::guest_crash, vcpu);
    case SystemEvent::suspend: return {.action = Action::wait};
    }
    return stop_for_breach(vcpu, ExitKind::system_event);
}

} // namespace

Step dispatch(VmServices& services, VcpuId vcpu, const Exit& exit)
{
    if (!services.raises.contains(exit.kind)) return stop_for_breach(vcpu, exit.kind);
    switch (exit.kind) {
    case ExitKind::mmio: return resume_with(answer_mmio(services.bus, vcpu, exit.mmio));
    case ExitKind::hypercall: return answer_call(services, vcpu, Conduit::hypercall, exit.call);
    case ExitKind::secure_call: return answer_call(services, vcpu, Conduit::secure_call, exit.call);
    case ExitKind::system_register:
        if (services.registers == nullptr) return resume_with(Completion::make_inject(InjectKind::undefined));
        return resume_with(services.registers->access(vcpu, exit.system_register, services.clock.now()));
    case ExitKind::iocsr: return resume_with(answer_iocsr(services.iocsr, vcpu, exit.iocsr));
    case ExitKind::idle: return answer_idle(services, vcpu, exit.idle);
    case ExitKind::timer_fired:
        if (services.chip != nullptr && !services.owns.interrupt_chip)
            services.chip->set_ppi(vcpu, virtual_timer_ppi, true);
        return {};
    case ExitKind::stage2_fault: return resume_with(Completion::make_inject(InjectKind::external_abort));
    case ExitKind::host_interrupt:
    case ExitKind::kicked: return {};
    case ExitKind::system_event: return answer_system_event(vcpu, exit.system_event.event);
    case ExitKind::debug:
        if (services.debugger == nullptr) return stop_for(StopReason::debugger, vcpu);
        return resume_with(services.debugger->debug_event(vcpu, exit.debug));
    case ExitKind::fatal: {
        Step step = stop_for(stop_reason_of(exit.fatal.reason), vcpu);
        step.stop.fatal = exit.fatal.reason;
        step.stop.detail = exit.fatal.detail;
        return step;
    }
    }
    return stop_for_breach(vcpu, exit.kind);
}

} // namespace gimbal
