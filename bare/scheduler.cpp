// SPDX-License-Identifier: Apache-2.0
#include "bare/scheduler.hpp"

namespace gimbal::bare {

bool Scheduler::add(Task& task)
{
    if (count_ == max_tasks) return false;
    task.scheduler_ = this;
    tasks_[count_++] = &task;
    return true;
}

bool Scheduler::is_ready(Task& task, HostTicks now) const
{
    return task.awake_.load() || (task.deadline_ && *task.deadline_ <= now);
}

Task* Scheduler::pick(HostTicks now)
{
    Task* best = nullptr;
    for (unsigned i = 0; i < count_; ++i) {
        Task* task = tasks_[i];
        if (task->ended_ || !is_ready(*task, now)) continue;
        const bool better = best == nullptr || task->priority_ > best->priority_ ||
                            (task->priority_ == best->priority_ && task->last_run_ < best->last_run_);
        if (better) best = task;
    }
    return best;
}

/// The next moment at which this CPU must look again: the running task's alarm, the sleepers that would go before it or
/// take turns with it, and the end of its slice if somebody waits for it.
void Scheduler::arm(const Task* running, HostTicks now)
{
    std::optional<HostTicks> next;
    const auto no_later_than = [&next](std::optional<HostTicks> when) {
        if (when && (!next || *when < *next)) next = when;
    };
    for (unsigned i = 0; i < count_; ++i) {
        Task* task = tasks_[i];
        if (task->ended_ || task == running || (running != nullptr && task->priority_ < running->priority_)) continue;
        if (!is_ready(*task, now))
            no_later_than(task->deadline_);
        else if (running != nullptr)
            no_later_than(HostTicks{now.value + slice_});
    }
    if (running != nullptr) no_later_than(running->alarm_);
    cpu_.set_timer(next);
}

void Scheduler::contain() noexcept
{
    for (unsigned i = 0; i < count_; ++i) {
        Task& task = *tasks_[i];
        if (!task.ended_ && task.contain()) task.ended_ = true;
        task.awake_.store(true);
    }
}

void Scheduler::run()
{
    unsigned ended = 0;
    for (unsigned i = 0; i < count_; ++i) ended += tasks_[i]->ended_ ? 1 : 0;
    while (ended < count_) {
        wanted_.store(false, MemoryOrder::relaxed);
        const HostTicks now = cpu_.now();
        Task* task = pick(now);
        arm(task, now);
        if (task == nullptr) {
            cpu_.idle();
            continue;
        }
        task->awake_.store(true);
        task->deadline_.reset();
        task->last_run_ = ++turn_;
        const Task::Result result = task->run(*this);
        task->deadline_ = result.deadline;
        // It may have been about to sleep before it thought better of it.
        if (result.outcome == Task::Outcome::ready) task->awake_.store(true);
        if (result.outcome == Task::Outcome::ended) {
            task->ended_ = true;
            ++ended;
        }
    }
}

} // namespace gimbal::bare
