// SPDX-License-Identifier: Apache-2.0
#include "bare/scheduler.hpp"

namespace gimbal::bare {

namespace {

/// One writer: a plain addition in two relaxed halves.
void increase(Atomic<u64>& counter, u64 amount)
{
    counter.store(counter.load(MemoryOrder::relaxed) + amount, MemoryOrder::relaxed);
}

} // namespace

bool Scheduler::add(Task& task)
{
    if (count_ == max_tasks) return false;
    task.scheduler_ = this;
    tasks_[count_++] = &task;
    return true;
}

/// Host ticks of this period, or of the one that could begin now. Of a task that has a budget.
u64 Scheduler::budget_left(const Task& task, HostTicks now) const
{
    const u64 budget = period_ * task.budget_ / Task::whole;
    const u64 excess = task.used_ > budget ? task.used_ - budget : 0;
    u64 used = task.used_;
    if (now >= task.period_end_) used = now.value - task.period_end_.value < period_ ? excess : 0;
    return used < budget ? budget - used : 0;
}

/// None: not before somebody wakes it.
std::optional<HostTicks> Scheduler::ready_at(const Task& task, HostTicks now) const
{
    if (task.urgent_.load()) return now;
    std::optional<HostTicks> when = task.deadline_;
    if (task.awake_.load() || (when && *when <= now)) when = now;
    if (!when || !task.has_budget() || budget_left(task, *when) != 0) return when;
    // What was taken too much may be more than a whole period's.
    const HostTicks next = now < task.period_end_ ? task.period_end_ : HostTicks{task.period_end_.value + period_};
    return *when < next ? next : *when;
}

Task* Scheduler::pick(HostTicks now)
{
    Task* best = nullptr;
    bool best_is_urgent = false;
    for (unsigned i = 0; i < count_; ++i) {
        Task* task = tasks_[i];
        if (task->ended_ || ready_at(*task, now) != now) continue;
        const bool urgent = task->urgent_.load();
        const bool better =
            best == nullptr || (urgent && !best_is_urgent) ||
            (urgent == best_is_urgent && (task->priority_ > best->priority_ ||
                                          (task->priority_ == best->priority_ && task->last_run_ < best->last_run_)));
        if (!better) continue;
        best = task;
        best_is_urgent = urgent;
    }
    return best;
}

/// The next moment at which this CPU must look again: the running task's alarm and the end of its budget, the sleepers
/// that would go before it or take turns with it, and the end of its slice if somebody waits for it.
void Scheduler::arm(const Task* running, HostTicks now)
{
    std::optional<HostTicks> next;
    const auto no_later_than = [&next](std::optional<HostTicks> when) {
        if (when && (!next || *when < *next)) next = when;
    };
    for (unsigned i = 0; i < count_; ++i) {
        Task* task = tasks_[i];
        if (task->ended_ || task == running || (running != nullptr && task->priority_ < running->priority_)) continue;
        const auto when = ready_at(*task, now);
        if (when != now)
            no_later_than(when);
        else if (running != nullptr)
            no_later_than(HostTicks{now.value + slice_});
    }
    if (running != nullptr) no_later_than(running->alarm_);
    if (running != nullptr && running->has_budget()) no_later_than(HostTicks{now.value + budget_left(*running, now)});
    cpu_.set_timer(next);
}

void Scheduler::contain() noexcept
{
    for (unsigned i = 0; i < count_; ++i) {
        Task& task = *tasks_[i];
        if (!task.ended_ && task.contain()) task.ended_ = true;
        task.awake_.store(true);
    }
    interrupted_ = nullptr;
}

void Scheduler::begin(Task& task, HostTicks now)
{
    if (task.has_budget() && now >= task.period_end_) {
        const u64 budget = period_ * task.budget_ / Task::whole;
        const bool at_once = now.value - task.period_end_.value < period_;
        task.used_ = at_once && task.used_ > budget ? task.used_ - budget : 0;
        task.period_end_ = {now.value + period_};
    }
    task.urgent_.store(false); // before the task looks at its requests
    task.awake_.store(true);
    task.deadline_.reset();
    task.last_run_ = ++turn_;
    increase(task.stats_.turns, 1);
    if (task.slept_) increase(task.stats_.wake_ups, 1);
}

void Scheduler::charge(Task& task, HostTicks from) const
{
    const u64 ticks = cpu_.now().value - from.value;
    task.used_ += ticks;
    increase(task.stats_.run_ticks, ticks);
}

void Scheduler::idle()
{
    if (interrupted_ != nullptr) interrupted_->rest();
    interrupted_ = nullptr;
    cpu_.idle();
}

void Scheduler::run()
{
    unsigned ended = 0;
    for (unsigned i = 0; i < count_; ++i) ended += tasks_[i]->ended_ ? 1 : 0;
    while (ended < count_ && !finished_) {
        wanted_.store(false, MemoryOrder::relaxed);
        const HostTicks now = cpu_.now();
        Task* task = pick(now);
        if (task != nullptr) begin(*task, now);
        arm(task, now);
        if (task == nullptr) {
            idle();
            continue;
        }
        const Task::Result result = task->run(*this);
        charge(*task, now);
        task->deadline_ = result.deadline;
        task->slept_ = result.outcome == Task::Outcome::asleep;
        // It may have been about to sleep before it thought better of it.
        if (result.outcome == Task::Outcome::ready) {
            task->awake_.store(true);
            interrupted_ = task;
        } else if (interrupted_ == task) {
            interrupted_ = nullptr;
        }
        if (result.outcome == Task::Outcome::ended) {
            task->ended_ = true;
            ++ended;
        }
    }
}

} // namespace gimbal::bare
