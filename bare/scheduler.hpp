// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "base/atomic.hpp"
#include "vm/run_loop.hpp"

namespace gimbal::bare {

/// The physical CPU under a scheduler.
class CpuPort {
public:
    virtual HostTicks now() const = 0;
    /// Interrupts this CPU's guest at `deadline`; in place of any earlier call.
    virtual void set_timer(std::optional<HostTicks> deadline) = 0;
    /// Waits for an interrupt and serves it. May return early.
    virtual void idle() = 0;
    /// Any CPU: makes this one leave its guest, or idle(), soon.
    virtual void kick() noexcept = 0;

protected:
    ~CpuPort() = default;
};

class Scheduler;

/// What a task has cost. Written by its CPU, read by any.
struct TaskStats {
    Atomic<u64> run_ticks{u64{0}}; ///< On its CPU, the hypervisor's work for it included.
    Atomic<u64> turns{u64{0}};     ///< How often it was given the CPU.
    Atomic<u64> wake_ups{u64{0}};  ///< Of these, out of a sleep.
};

/// A vCPU as its scheduler sees it.
class Task : public Waker, public Alarm {
public:
    enum class Outcome : u8 {
        ready,  ///< It could go on; the scheduler wanted the CPU.
        asleep, ///< Until wake() or `deadline`.
        ended,
    };
    struct Result {
        Outcome outcome{};
        std::optional<HostTicks> deadline{};
    };
    static constexpr u32 whole = 100;

    /// Higher goes first. `budget`: how much of its CPU it may have, in percent of each period; all of it for `whole`.
    explicit Task(u32 priority, u32 budget = whole) : priority_(priority), budget_(budget) {}

    void wake() noexcept final;
    /// Any CPU: wakes it, and gives it one turn before all others and beyond its budget, so that it sees a request that
    /// makes it stop however busy its betters are.
    void expedite() noexcept;
    void set_alarm(std::optional<HostTicks> deadline) final;
    const TaskStats& stats() const { return stats_; }

protected:
    ~Task() = default;

    /// The scheduler's CPU: runs until it sleeps, ends, or `scheduler` wants the CPU back.
    virtual Result run(Scheduler& scheduler) = 0;
    /// The scheduler's CPU has faulted: what ran on it may be half done. True: the task ends.
    virtual bool contain() noexcept { return false; }
    /// The CPU is about to idle after this task's turn: nothing of the task's may stay behind on it.
    virtual void rest() {}
    /// Before the task looks whether it may sleep: what wakes it from here on is not lost.
    void about_to_sleep() { awake_.store(false); }

private:
    friend class Scheduler;
    bool has_budget() const { return budget_ < whole; }

    u32 priority_;
    u32 budget_; // percent
    Scheduler* scheduler_{};
    Atomic<bool> awake_{true};   // set by any CPU, cleared by the owner
    Atomic<bool> urgent_{false}; // set by any CPU, cleared by the owner
    TaskStats stats_;
    // The scheduler's CPU
    std::optional<HostTicks> deadline_{}; // asleep until
    std::optional<HostTicks> alarm_{};
    u64 last_run_{};         // turn number, for round robin
    HostTicks period_end_{}; // of the budget's period
    u64 used_{};             // host ticks of that period
    bool slept_{};
    bool ended_{};
};

/// Fixed priorities, round robin among equals, one per CPU; its tasks stay with it. A task with a budget runs for that
/// part of each period at most, which begins with its first turn after the last; what it took too much is taken from
/// the next. Not preemptive inside the hypervisor: a guest is interrupted, and its task returns.
class Scheduler {
public:
    static constexpr unsigned max_tasks = 160; // every vCPU of a full image on one CPU, and what looks after them
    static constexpr u64 slice_us = 10'000;
    static constexpr u64 period_us = 20'000; ///< Of budgets.

    Scheduler(CpuPort& cpu, u64 frequency_hz)
        : cpu_(cpu),
          slice_(ticks_in_microseconds(frequency_hz, slice_us)),
          period_(ticks_in_microseconds(frequency_hz, period_us))
    {
    }

    /// Before run(). False: full.
    bool add(Task& task);
    /// Until every task has ended, or one of them has called finish().
    void run();
    void finish() { finished_ = true; } ///< Its own CPU.
    /// After a fault of this CPU, in place of what run() was doing; run() is then called anew.
    void contain() noexcept;

    /// The interrupt handler: the timer went off, or another CPU kicked.
    void request_turn() { wanted_.store(true, MemoryOrder::relaxed); }
    /// The running task, between two exits of its guest.
    bool wants_cpu() const { return wanted_.load(MemoryOrder::relaxed); }

private:
    friend class Task;
    u64 budget_left(const Task& task, HostTicks now) const;
    std::optional<HostTicks> ready_at(const Task& task, HostTicks now) const;
    Task* pick(HostTicks now);
    void arm(const Task* running, HostTicks now);
    void begin(Task& task, HostTicks now);
    void charge(Task& task, HostTicks from) const;
    void idle();
    void nudge() noexcept { cpu_.kick(); }

    CpuPort& cpu_;
    u64 slice_;  // host ticks
    u64 period_; // host ticks
    Atomic<bool> wanted_{false};
    Task* tasks_[max_tasks]{};
    unsigned count_{};
    u64 turn_{};
    bool finished_{};
    Task* interrupted_{}; // may have left something of its own on the CPU
};

// Inline, so that hosted tests with RTTI can derive from Task.
inline void Task::wake() noexcept
{
    if (!awake_.exchange(true) && scheduler_ != nullptr) scheduler_->nudge();
}

inline void Task::expedite() noexcept
{
    awake_.store(true);
    if (!urgent_.exchange(true) && scheduler_ != nullptr) scheduler_->nudge();
}

inline void Task::set_alarm(std::optional<HostTicks> deadline)
{
    alarm_ = deadline;
    if (scheduler_ != nullptr) scheduler_->request_turn(); // which sets the CPU's timer anew
}

} // namespace gimbal::bare
