// SPDX-License-Identifier: Apache-2.0
#include "vm/virtual_timer.hpp"

#include "base/assert.hpp"
#include "base/bits.hpp"

namespace gimbal {

namespace {

constexpr TimerKind both_kinds[] = {TimerKind::physical, TimerKind::virtual_timer};

constexpr Intid ppi_of(TimerKind kind) { return kind == TimerKind::physical ? physical_timer_ppi : virtual_timer_ppi; }

/// TimerConditionMet: all operands are unsigned 64-bit values (DDI 0487, "Operation of the
/// CompareValue views of the timers").
constexpr bool condition_met(const TimerState& state, CounterTicks count) { return count.value >= state.cval; }

constexpr bool asserts_line(const TimerState& state, CounterTicks count)
{
    return (state.ctl & (timer_ctl::enable | timer_ctl::imask)) == timer_ctl::enable && condition_met(state, count);
}

} // namespace

Result<void, TimerError> VirtualTimers::start(HostTicks now, CounterTicks start)
{
    if (started_) return fail(TimerError::already_started);
    offset_.store(now.value - start.value, MemoryOrder::relaxed);
    started_ = true;
    return {};
}

Result<void, TimerError> VirtualTimers::pause(HostTicks now)
{
    if (!started_) return fail(TimerError::not_started);
    if (!paused_) paused_at_ = now;
    paused_ = true;
    return {};
}

Result<void, TimerError> VirtualTimers::resume(HostTicks now)
{
    if (!paused_) return fail(TimerError::not_paused);
    offset_.fetch_add(now.value - paused_at_.value, MemoryOrder::relaxed);
    paused_ = false;
    return {};
}

CounterTicks VirtualTimers::counter(HostTicks now) const
{
    return {(paused_ ? paused_at_.value : now.value) - offset()};
}

std::optional<HostTicks> VirtualTimers::host_deadline(CounterTicks when) const
{
    // With a positive offset a sum that wraps is a moment the counter never reaches. A negative one (a VM restored on a
    // host that started later) makes the sum wrap by design.
    const u64 host = when.value + offset();
    const bool beyond = (static_cast<i64>(offset()) >= 0) && host < when.value;
    return beyond ? std::nullopt : std::optional(HostTicks{host});
}

u64 VirtualTimers::read(VcpuId vcpu, TimerKind kind, TimerField field, HostTicks now) const
{
    const TimerState& state = at(vcpu, kind).state;
    const CounterTicks count = counter(now);
    switch (field) {
    case TimerField::ctl: {
        // ISTATUS ignores IMASK; with ENABLE clear it is UNKNOWN and reads as zero here.
        const bool met = (state.ctl & timer_ctl::enable) != 0 && condition_met(state, count);
        return state.ctl | (met ? timer_ctl::istatus : 0);
    }
    case TimerField::cval: return state.cval;
    case TimerField::tval: return (state.cval - count.value) & low_mask(32);
    }
    GIMBAL_UNREACHABLE();
}

void VirtualTimers::write(VcpuId vcpu, TimerKind kind, TimerField field, u64 value, HostTicks now)
{
    TimerState& state = at(vcpu, kind).state;
    const CounterTicks count = counter(now);
    switch (field) {
    case TimerField::ctl: state.ctl = value & (timer_ctl::enable | timer_ctl::imask); break;
    case TimerField::cval: state.cval = value; break;
    case TimerField::tval: state.cval = count.value + static_cast<u64>(sign_extend(value, 32)); break;
    }
    evaluate_one(vcpu, kind, count);
}

void VirtualTimers::evaluate(VcpuId vcpu, HostTicks now)
{
    const CounterTicks count = counter(now);
    for (const TimerKind kind : both_kinds) evaluate_one(vcpu, kind, count);
}

void VirtualTimers::evaluate_one(VcpuId vcpu, TimerKind kind, CounterTicks count)
{
    drive(vcpu, kind, asserts_line(at(vcpu, kind).state, count));
}

void VirtualTimers::drive(VcpuId vcpu, TimerKind kind, bool level)
{
    Timer& timer = at(vcpu, kind);
    if (timer.line == level) return;
    timer.line = level;
    if (chip_ != nullptr) chip_->set_ppi(vcpu, ppi_of(kind), level);
}

std::optional<HostTicks> VirtualTimers::next_deadline(VcpuId vcpu, HostTicks now) const
{
    const CounterTicks count = counter(now);
    std::optional<HostTicks> next;
    for (const TimerKind kind : both_kinds) {
        const TimerState& state = at(vcpu, kind).state;
        const bool armed = (state.ctl & (timer_ctl::enable | timer_ctl::imask)) == timer_ctl::enable;
        if (!armed || condition_met(state, count)) continue;
        const std::optional<HostTicks> deadline = host_deadline({state.cval});
        if (deadline && (!next || *deadline < *next)) next = deadline;
    }
    return next;
}

void VirtualTimers::reset(VcpuId vcpu)
{
    for (const TimerKind kind : both_kinds) {
        at(vcpu, kind).state = {};
        drive(vcpu, kind, false);
    }
}

void VirtualTimers::restore(VcpuId vcpu, TimerKind kind, const TimerState& state, HostTicks now)
{
    at(vcpu, kind).state = {state.ctl & (timer_ctl::enable | timer_ctl::imask), state.cval};
    evaluate_one(vcpu, kind, counter(now));
}

} // namespace gimbal
