// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <list>
#include <vector>

#include "base/atomic.hpp"
#include "host/error.hpp"
#include "host/fd.hpp"

namespace gimbal::host {

/// Waits for descriptors, timers and other threads on the thread that calls run(). It uses poll(2), because epoll takes
/// neither regular files nor /dev/null, and both are common as standard input. Everything but wake() belongs to the
/// loop's thread; a callback may add and remove anything, itself too.
class EventLoop {
public:
    using TimePoint = std::chrono::steady_clock::time_point;

    /// One descriptor, not owned. Stays where it is until it is removed.
    struct Watch {
        int fd{-1};
        short events{}; ///< POLLIN, POLLOUT; zero pauses the watch altogether.
        std::function<void(short revents)> ready;
        bool removed{};
    };
    struct Timer {
        TimePoint when;
        std::function<void()> fire; ///< Once; the timer is gone when it is called.
        bool armed{};
    };

    EventLoop(); ///< Throws std::system_error if there is no descriptor left.

    Watch& watch(int fd, short events, std::function<void(short)> ready);
    void remove(Watch& watch) { watch.removed = true; }
    /// Timers live as long as the loop; arming again moves the time.
    Timer& add_timer(std::function<void()> fire);
    void arm(Timer& timer, TimePoint when);
    void disarm(Timer& timer) { timer.armed = false; }
    /// Called on the loop's thread after each wake(), once for several.
    void on_wake(std::function<void()> callback) { wake_callbacks_.push_back(std::move(callback)); }

    /// Until quit() is called from a callback.
    void run();
    void quit() { quit_ = true; }

    void wake() noexcept; ///< Any thread, also a signal handler.

private:
    void poll_once();
    void fire_timers();
    int timeout_ms() const;

    std::list<Watch> watches_;
    std::list<Timer> timers_;
    std::vector<std::function<void()>> wake_callbacks_;
    Fd wake_fd_;
    bool quit_{};
};

} // namespace gimbal::host
