// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>

#include "vm/vm.hpp"

namespace gimbal {

/// What makes a vCPU leave the engine in time.
class Alarm {
public:
    /// The owner: post a kick at `deadline` even while the vCPU runs, in place of any alarm set before; none cancels
    /// it.
    virtual void set_alarm(std::optional<HostTicks> deadline) = 0;

protected:
    ~Alarm() = default;
};

/// How a vCPU's thread gives its CPU away.
class Parker : public Waiter, public Alarm {
protected:
    ~Parker() = default;
};

/// One vCPU's side of the VM, on its owner: serves requests, runs the engine, answers its exits. Never blocks, so that
/// a thread and a bare-metal scheduler drive it alike.
template <VcpuEngine V>
class VcpuRunner {
public:
    VcpuRunner(Vm& vm, VcpuId id, V& vcpu, Alarm& alarm, OwnerId owner)
        : vm_(vm), id_(id), vcpu_(vcpu), alarm_(alarm), slot_(vm.slot(id)), owner_(owner)
    {
    }

    /// One turn. The caller does what the step's action says and, if may_sleep(), sleeps; then it calls again.
    Step step()
    {
        if (std::optional<Step> served = serve_requests()) return *served;
        if (slot_.power() != PowerState::on) {
            settle();
            return {.action = Action::off};
        }
        if (handler_ != nullptr) {
            const std::optional<Completion> answer = handler_->answer(id_);
            if (!answer) return {.action = Action::await};
            answer_ = *answer;
            handler_ = nullptr;
        }
        if (wake_entry_) reset_core(*std::exchange(wake_entry_, std::nullopt));

        update_timers();
        if (!slot_.lifecycle.enter(owner_))
            return stop({.reason = StopReason::engine_failure, .vcpu = id_, .fatal = FatalReason::contract_broken});
        const Exit exit = vcpu_.run(std::exchange(answer_, {}));
        static_cast<void>(slot_.lifecycle.leave(owner_));
        slot_.stats.count(exit.kind);

        Step next = dispatch(vm_.services(), id_, exit);
        if (next.action == Action::stop) return stop(next.stop);
        answer_ = next.answer;
        wake_entry_ = next.wake_entry;
        handler_ = next.handler;
        return next;
    }

    /// After `action`: false if something happened since that the vCPU must see first. The owner reads the request
    /// word's sequence before it asks, and sleeps on that sequence.
    bool may_sleep(Action action) const
    {
        // A parked vCPU leaves CPU_ON for later; it must not keep it awake.
        if (parked_ ? slot_.requests.any_but(Request::power_on) : slot_.requests.any()) return false;
        switch (action) {
        case Action::wait:
        case Action::yield: return parked_ || !slot_.interrupt_asserted();
        case Action::off:
        case Action::await: return true;
        case Action::resume:
        case Action::stop: return false;
        }
        return false;
    }

    /// Around the caller's sleep.
    void fall_asleep() { static_cast<void>(slot_.lifecycle.block(owner_)); }
    void wake_up() { static_cast<void>(slot_.lifecycle.unblock(owner_)); }

    const VcpuStats& stats() const { return slot_.stats; }
    VcpuStats& stats() { return slot_.stats; }
    bool parked() const { return parked_; }

private:
    static constexpr u64 no_alarm = ~u64{0};

    std::optional<Step> serve_requests()
    {
        if (!slot_.requests.any() && !parked_) return std::nullopt; // nearly every turn
        // These only had to make the vCPU leave run() or sleep; here it is.
        slot_.requests.take(Request::kick);
        slot_.requests.take(Request::event);
        slot_.requests.take(Request::service);
        if (slot_.requests.take(Request::stop) || vm_.stopping()) return stop(vm_.stop_info());
        // A pause may be asked for before the resume ahead of it was seen: it is left until that one is.
        if (parked_ && slot_.requests.take(Request::resume)) parked_ = false;
        if (!parked_ && slot_.requests.take(Request::pause)) {
            settle();
            parked_ = true;
            vm_.vcpu_parked(id_);
        }
        if (parked_) return Step{.action = Action::wait};
        if (slot_.requests.take(Request::power_on)) power_on(slot_.complete_power_on());
        return std::nullopt;
    }

    /// A pending answer is applied, so that the vCPU's state is whole while it does not run.
    void settle()
    {
        if (answer_.kind != CompletionKind::none) vcpu_.commit(std::exchange(answer_, {}));
        arm({});
    }

    Step stop(const StopInfo& info)
    {
        answer_ = {};
        arm({});
        vm_.request_stop(info);
        // Another vCPU may be about to publish its own reason; then that one stands, and this one only leaves.
        return {.action = Action::stop, .stop = vm_.stopping() ? vm_.stop_info() : info};
    }

    /// The whole target is reset: nothing of what ran on it before is left.
    void power_on(const VcpuEntry& entry)
    {
        VmServices& services = vm_.services();
        reset_core(entry);
        wake_entry_.reset();
        if (!services.owns.timer) services.timers.reset(id_);
        if (services.registers != nullptr) services.registers->reset(id_);
        if (services.chip != nullptr && !services.owns.interrupt_chip) services.chip->reset_cpu(id_);
    }

    void reset_core(const VcpuEntry& entry)
    {
        answer_ = {};
        vcpu_.reset(entry);
    }

    void update_timers()
    {
        VmServices& services = vm_.services();
        if (services.owns.timer) return;
        const HostTicks now = services.clock.now();
        services.timers.evaluate(id_, now);
        arm(services.timers.next_deadline(id_, now));
    }

    void arm(std::optional<HostTicks> deadline)
    {
        const u64 when = deadline ? deadline->value : no_alarm;
        if (when == armed_) return;
        armed_ = when;
        alarm_.set_alarm(deadline);
    }

    Vm& vm_;
    VcpuId id_;
    V& vcpu_;
    Alarm& alarm_;
    VcpuSlot& slot_;
    OwnerId owner_;
    Completion answer_{};                   // for the next run()
    std::optional<VcpuEntry> wake_entry_{}; // where a CPU_SUSPEND power-down resumes
    CallHandler* handler_{};                // who owes the answer of a pending call
    u64 armed_{no_alarm};                   // what the parker was last told: host ticks
    bool parked_{};
};

/// The run loop: returns when the VM stops. The vCPU is bound to `owner` and its handle attached to the slot.
template <VcpuEngine V>
void run_vcpu(VcpuRunner<V>& runner, VcpuSlot& slot, Parker& parker, const Clock& clock)
{
    while (true) {
        const Step step = runner.step();
        switch (step.action) {
        case Action::resume: continue;
        case Action::wait:
        case Action::yield:
        case Action::await:
        case Action::off: {
            const u32 seen = slot.requests.sequence();
            if (!runner.may_sleep(step.action)) continue;
            const HostTicks before = clock.now();
            runner.fall_asleep();
            parker.wait(slot.requests, seen, step.deadline);
            runner.wake_up();
            const bool idle = step.action != Action::off && step.action != Action::await && !runner.parked();
            if (idle) runner.stats().idle_ticks.fetch_add(clock.now().value - before.value, MemoryOrder::relaxed);
            continue;
        }
        case Action::stop: return;
        }
    }
}

} // namespace gimbal
