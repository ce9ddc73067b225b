// SPDX-License-Identifier: Apache-2.0
#include "host/alarm.hpp"

#include "host/futex.hpp"
#include "host/thread.hpp"

namespace gimbal::host {

AlarmClock::AlarmClock(Vm& vm, const Clock& clock) : vm_(vm), clock_(clock)
{
    for (Atomic<u64>& deadline : deadlines_) deadline.store(none);
    thread_ = std::thread([this] {
        name_this_thread("alarm");
        run();
    });
}

AlarmClock::~AlarmClock()
{
    quit_.store(true);
    sequence_.fetch_add(1);
    futex_wake_all(sequence_.raw());
    thread_.join();
}

void AlarmClock::set(VcpuId vcpu, std::optional<HostTicks> deadline)
{
    const u64 when = deadline ? deadline->value : none;
    deadlines_[vcpu.value].store(when);
    // The thread publishes its target before it compares the sequence, and we do it the other way round: either it
    // sees this change and looks again, or we see its target and know whether it must wake.
    sequence_.fetch_add(1);
    if (when < target_.load()) futex_wake_all(sequence_.raw());
}

u64 AlarmClock::fire_due(u64 now)
{
    u64 earliest = none;
    for (u32 id = 0; id < vm_.vcpu_count(); ++id) {
        u64 deadline = deadlines_[id].load();
        if (deadline <= now && deadline != none) {
            // Only if it is still the one that is due: the owner may have set a later one.
            if (deadlines_[id].compare_exchange(deadline, none)) vm_.slot({id}).post(Request::kick);
            deadline = deadlines_[id].load();
        }
        if (deadline < earliest) earliest = deadline;
    }
    return earliest;
}

void AlarmClock::run()
{
    while (true) {
        const u32 seen = sequence_.load();
        if (quit_.load()) return;
        const u64 earliest = fire_due(clock_.now().value);
        target_.store(earliest);
        std::optional<HostTicks> deadline;
        if (earliest != none) deadline = HostTicks{earliest};
        futex_wait(sequence_.raw(), seen, deadline);
    }
}

} // namespace gimbal::host
