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

    /// Higher goes first.
    explicit Task(u32 priority) : priority_(priority) {}

    void wake() noexcept final;
    void set_alarm(std::optional<HostTicks> deadline) final;

protected:
    ~Task() = default;

    /// The scheduler's CPU: runs until it sleeps, ends, or `scheduler` wants the CPU back.
    virtual Result run(Scheduler& scheduler) = 0;
    /// The scheduler's CPU has faulted: what ran on it may be half done. True: the task ends.
    virtual bool contain() noexcept { return false; }
    /// Before the task looks whether it may sleep: what wakes it from here on is not lost.
    void about_to_sleep() { awake_.store(false); }

private:
    friend class Scheduler;
    u32 priority_;
    Scheduler* scheduler_{};
    Atomic<bool> awake_{true};            // set by any CPU, cleared by the owner
    std::optional<HostTicks> deadline_{}; // asleep until; the scheduler's CPU
    std::optional<HostTicks> alarm_{};    // the scheduler's CPU
    u64 last_run_{};                      // turn number, for round robin
    bool ended_{};
};

/// Fixed priorities, round robin among equals, one per CPU; its tasks stay with it. Not preemptive inside the
/// hypervisor: a guest is interrupted, and its task returns.
class Scheduler {
public:
    static constexpr unsigned max_tasks = 32;
    static constexpr u64 slice_us = 10'000;

    Scheduler(CpuPort& cpu, u64 frequency_hz) : cpu_(cpu), slice_(ticks_in_microseconds(frequency_hz, slice_us)) {}

    /// Before run(). False: full.
    bool add(Task& task);
    /// Until every task has ended.
    void run();
    /// After a fault of this CPU, in place of what run() was doing; run() is then called anew.
    void contain() noexcept;

    /// The interrupt handler: the timer went off, or another CPU kicked.
    void request_turn() { wanted_.store(true, MemoryOrder::relaxed); }
    /// The running task, between two exits of its guest.
    bool wants_cpu() const { return wanted_.load(MemoryOrder::relaxed); }

private:
    friend class Task;
    bool is_ready(Task& task, HostTicks now) const;
    Task* pick(HostTicks now);
    void arm(const Task* running, HostTicks now);
    void nudge() noexcept { cpu_.kick(); }

    CpuPort& cpu_;
    u64 slice_; // host ticks
    Atomic<bool> wanted_{false};
    Task* tasks_[max_tasks]{};
    unsigned count_{};
    u64 turn_{};
};

// Inline, so that hosted tests with RTTI can derive from Task.
inline void Task::wake() noexcept
{
    if (!awake_.exchange(true) && scheduler_ != nullptr) scheduler_->nudge();
}

inline void Task::set_alarm(std::optional<HostTicks> deadline)
{
    alarm_ = deadline;
    if (scheduler_ != nullptr) scheduler_->request_turn(); // which sets the CPU's timer anew
}

} // namespace gimbal::bare
