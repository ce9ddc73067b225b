// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mutex>
#include <optional>

#include "app/cli/run_config.hpp"
#include "app/run/stats.hpp"
#include "host/exit_guard.hpp"
#include "vm/vm.hpp"

namespace gimbal {

/// The command's exit statuses.
namespace exit_status {
inline constexpr int success = 0;
inline constexpr int internal_error = 1;
inline constexpr int bad_input = 2;
inline constexpr int guest_reset = 3;
inline constexpr int guest_fault = 4;
inline constexpr int timeout = 5;
inline constexpr int signal_base = 128;
} // namespace exit_status

int exit_status_of(const StopInfo& stop);

/// How a run ends: the word to the user, the statistics, the status; and that it ends. A stop that somebody asked for,
/// or that a failure has brought about, takes a second at most: what the threads have not finished by then is left
/// behind, with a line that says what they wait for. Where the guest has ended itself, its disks are waited for, but
/// a signal still ends that. Guards the process from its making on, also while files are read; but where the
/// environment says GIMBAL_EXIT_GUARD=off, for debuggers and for tests of the end in order, nothing is ever forced.
class RunEnd {
public:
    using Moment = std::chrono::steady_clock::time_point;
    /// Of that second, what an end in order may take. The rest is for the last words, and for a machine that is busy.
    static constexpr std::chrono::milliseconds orderly_time{700};
    /// The most that a reader of the console is waited for in such an end.
    static constexpr std::chrono::milliseconds console_time{200};

    /// `report` begins with what is known. `config` outlives this.
    RunEnd(const RunConfig& config, Moment start);
    RunEnd(const RunEnd&) = delete;
    RunEnd& operator=(const RunEnd&) = delete;

    /// Any thread: the VM stops, or would if there were one.
    void stopping(const StopInfo& stop) noexcept;
    /// The threads of one life of the guest have ended.
    void life_ended() noexcept
    {
        if (guard_) guard_->forget();
    }
    void signals_taken() noexcept
    {
        if (guard_) guard_->signals_taken();
    }
    /// The time is limited: somebody waits for the end.
    bool hurries() const { return hurries_.load(); }

    /// Changes the report, which the last words may need at any moment.
    template <class Change>
    void note(Change&& change)
    {
        const std::lock_guard lock(mutex_);
        change(report_);
    }
    /// The life that runs now; null when it is over. Its counters go into the last words' statistics.
    void watch(Vm* vm);

    /// Everything has ended: the word to the user and the statistics. Returns the exit status.
    int finish();

private:
    double seconds_since_start() const;
    void remind();
    void last_words(int signal);
    RunReport report_at_the_moment(const StopInfo& stop);

    const RunConfig& config_;
    const Moment start_;
    Atomic<bool> hurries_{false};
    Atomic<bool> said_{false};          // finish() has begun to say its word, whatever becomes of it
    Atomic<bool> stats_written_{false}; // the same of the statistics
    std::mutex mutex_;
    RunReport report_;                     // under mutex_
    StopInfo stop_;                        // under mutex_: the last that was heard of; what hurries stands
    Vm* vm_{};                             // under mutex_
    std::optional<host::ExitGuard> guard_; // last: it uses the rest
};

} // namespace gimbal
