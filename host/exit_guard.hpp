// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "base/atomic.hpp"
#include "host/fd.hpp"

namespace gimbal::host {

/// Sees to it that this process ends. An orderly end waits for every thread, and a thread may wait for a host that does
/// not answer: a disk, a network file system, a terminal, a pipe that nobody reads. The guard's own thread waits for
/// nothing else; when the time is up it lets the last words be said and leaves with `_exit`, so that no destructor
/// waits for what is stuck. It also sees SIGINT, SIGTERM and SIGHUP that nobody takes, because the main thread is what
/// is stuck. What no process can leave is a system call that the kernel does not let be killed: then the kernel keeps
/// the dead process until the call returns.
class ExitGuard {
public:
    using Clock = std::chrono::steady_clock;
    struct Hooks {
        /// On a thread of its own, which is given words_time; nothing is joined any more. `signal` is the one that
        /// nobody has taken, or zero.
        std::function<void(int signal)> last_words;
        /// On the guard's thread: what remind_at() asked for. It must not wait.
        std::function<void()> reminder;
    };
    /// How long a signal may lie there before the main thread counts as stuck.
    static constexpr std::chrono::milliseconds signal_patience{700};
    static constexpr std::chrono::milliseconds words_time{200};

    /// After prepare_process(). Throws std::system_error if the system refuses a thread or a descriptor.
    explicit ExitGuard(Hooks hooks);
    /// The end has come in order: nothing is forced any more.
    ~ExitGuard();
    ExitGuard(const ExitGuard&) = delete;
    ExitGuard& operator=(const ExitGuard&) = delete;

    /// Any thread: by then the process has ended, or it leaves with `status`. The first call stands.
    void leave_at(Clock::time_point when, int status) noexcept;
    /// Any thread: calls the reminder then, unless it is forgotten.
    void remind_at(Clock::time_point when) noexcept;
    void forget() noexcept;
    /// Whoever reads the signals has read some.
    void signals_taken() noexcept;

private:
    struct Wishes {
        std::optional<Clock::time_point> leave;
        int status{};
        std::optional<Clock::time_point> remind;
        bool taken{};
        bool quit{};
    };

    void run();
    void wake() noexcept;
    int untaken_signal() const;
    [[noreturn]] void leave(int status, int signal);

    Hooks hooks_;
    Fd wake_fd_;
    Fd signal_fd_; // polled only: reading takes a signal from whoever it is for
    std::mutex mutex_;
    Wishes wishes_; // under mutex_
    std::thread thread_;
};

} // namespace gimbal::host
