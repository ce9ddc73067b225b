// SPDX-License-Identifier: Apache-2.0
#include "host/exit_guard.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <condition_variable>
#include <csignal>
#include <memory>
#include <system_error>

#include "host/thread.hpp"

namespace gimbal::host {
namespace {

using std::chrono::milliseconds;

constexpr int status_of_signal = 128; // as a shell counts

sigset_t signals_that_end()
{
    sigset_t set;
    sigemptyset(&set);
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, number);
    return set;
}

/// For poll: until the earliest of them.
int timeout_ms(std::initializer_list<std::optional<ExitGuard::Clock::time_point>> moments)
{
    const auto now = ExitGuard::Clock::now();
    i64 result = -1;
    for (const auto& moment : moments) {
        if (!moment) continue;
        const i64 left = std::max<i64>(0, std::chrono::ceil<milliseconds>(*moment - now).count());
        if (result < 0 || left < result) result = left;
    }
    return static_cast<int>(std::min<i64>(result, INT_MAX));
}

} // namespace

ExitGuard::ExitGuard(Hooks hooks) : hooks_(std::move(hooks)), wake_fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))
{
    if (!wake_fd_) throw std::system_error(errno, std::system_category(), "eventfd");
    const sigset_t set = signals_that_end();
    signal_fd_.reset(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!signal_fd_) throw std::system_error(errno, std::system_category(), "signalfd");
    thread_ = std::thread([this] {
        name_this_thread("exit guard");
        run();
    });
}

ExitGuard::~ExitGuard()
{
    {
        const std::lock_guard lock(mutex_);
        wishes_.quit = true;
    }
    wake();
    thread_.join(); // for ever if it is leaving: then it ends the process
}

void ExitGuard::wake() noexcept
{
    const u64 one = 1;
    static_cast<void>(!::write(wake_fd_.get(), &one, sizeof(one))); // full means that a wake-up is pending
}

void ExitGuard::leave_at(Clock::time_point when, int status) noexcept
{
    {
        const std::lock_guard lock(mutex_);
        if (wishes_.leave) return;
        wishes_.leave = when;
        wishes_.status = status;
    }
    wake();
}

void ExitGuard::remind_at(Clock::time_point when) noexcept
{
    {
        const std::lock_guard lock(mutex_);
        wishes_.remind = when;
    }
    wake();
}

void ExitGuard::forget() noexcept
{
    const std::lock_guard lock(mutex_);
    wishes_.remind.reset();
}

void ExitGuard::signals_taken() noexcept
{
    {
        const std::lock_guard lock(mutex_);
        wishes_.taken = true;
    }
    wake();
}

/// The number of a signal that lies there; zero if somebody has taken it after all.
int ExitGuard::untaken_signal() const
{
    signalfd_siginfo info{};
    const bool there = ::read(signal_fd_.get(), &info, sizeof(info)) == static_cast<ssize_t>(sizeof(info));
    return there ? static_cast<int>(info.ssi_signo) : 0;
}

void ExitGuard::run()
{
    std::optional<Clock::time_point>
        take_by; // a signal lies there; until it is taken there is no use in polling for it
    Wishes wishes;
    while (true) {
        pollfd polled[2] = {
            {wake_fd_.get(),                  POLLIN, 0},
            {take_by ? -1 : signal_fd_.get(), POLLIN, 0}
        };
        static_cast<void>(::poll(polled, 2, timeout_ms({take_by, wishes.leave, wishes.remind})));
        u64 count = 0;
        static_cast<void>(!::read(wake_fd_.get(), &count, sizeof(count))); // before the look at the wishes
        const auto now = Clock::now();
        {
            const std::lock_guard lock(mutex_);
            wishes = wishes_;
            wishes_.taken = false;
            if (wishes.remind && *wishes.remind <= now) wishes_.remind.reset();
        }
        if (wishes.quit) return;
        if (wishes.taken)
            take_by.reset();
        else if ((polled[1].revents & POLLIN) != 0)
            take_by = now + signal_patience;
        if (wishes.leave && *wishes.leave <= now) leave(wishes.status, 0);
        if (take_by && *take_by <= now) {
            if (const int signal = untaken_signal(); signal != 0) leave(status_of_signal + signal, signal);
            take_by.reset();
        }
        if (wishes.remind && *wishes.remind <= now) {
            wishes.remind.reset();
            hooks_.reminder();
        }
    }
}

void ExitGuard::leave(int status, int signal)
{
    struct Said {
        std::mutex mutex;
        std::condition_variable changed;
        bool done{};
    };
    const auto said = std::make_shared<Said>(); // the speaker may outlive this call, not this process
    try {
        std::thread([this, said, signal] {
            name_this_thread("last words");
            hooks_.last_words(signal);
            const std::lock_guard lock(said->mutex);
            said->done = true;
            said->changed.notify_all();
        }).detach();
        std::unique_lock lock(said->mutex);
        said->changed.wait_for(lock, words_time, [&] { return said->done; });
    } catch (const std::system_error&) {
        ::_exit(status); // no thread to be had: then without words
    }
    ::_exit(status);
}

} // namespace gimbal::host
