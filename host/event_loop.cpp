// SPDX-License-Identifier: Apache-2.0
#include "host/event_loop.hpp"

#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <system_error>

namespace gimbal::host {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

EventLoop::EventLoop() : wake_fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))
{
    if (!wake_fd_) throw std::system_error(errno, std::system_category(), "eventfd");
    watch(wake_fd_.get(), POLLIN, [this](short) {
        u64 count = 0;
        static_cast<void>(!::read(wake_fd_.get(), &count, sizeof(count)));
        for (const auto& callback : wake_callbacks_) callback();
    });
}

EventLoop::Watch& EventLoop::watch(int fd, short events, std::function<void(short)> ready)
{
    return watches_.emplace_back(Watch{fd, events, std::move(ready), false});
}

EventLoop::Timer& EventLoop::add_timer(std::function<void()> fire)
{
    return timers_.emplace_back(Timer{{}, std::move(fire), false});
}

void EventLoop::arm(Timer& timer, TimePoint when)
{
    timer.when = when;
    timer.armed = true;
}

void EventLoop::wake() noexcept
{
    const u64 one = 1;
    static_cast<void>(!::write(wake_fd_.get(), &one, sizeof(one))); // full means that a wake-up is pending
}

int EventLoop::timeout_ms() const
{
    const auto now = steady_clock::now();
    i64 result = -1;
    for (const Timer& timer : timers_) {
        if (!timer.armed) continue;
        // Rounded up: a timer that is not due yet must not spin.
        const i64 left = std::max<i64>(0, std::chrono::ceil<milliseconds>(timer.when - now).count());
        if (result < 0 || left < result) result = left;
    }
    return static_cast<int>(std::min<i64>(result, INT_MAX));
}

void EventLoop::fire_timers()
{
    const auto now = steady_clock::now();
    for (Timer& timer : timers_) {
        if (!timer.armed || timer.when > now) continue;
        timer.armed = false;
        timer.fire();
    }
}

void EventLoop::poll_once()
{
    std::vector<pollfd> polled;
    std::vector<Watch*> owners;
    for (Watch& watch : watches_) {
        if (watch.events == 0) continue;
        polled.push_back({watch.fd, watch.events, 0});
        owners.push_back(&watch);
    }
    if (::poll(polled.data(), polled.size(), timeout_ms()) > 0)
        for (usize i = 0; i < polled.size(); ++i)
            if (polled[i].revents != 0 && !owners[i]->removed && owners[i]->events != 0)
                owners[i]->ready(polled[i].revents);
    watches_.remove_if([](const Watch& watch) { return watch.removed; });
    fire_timers();
}

void EventLoop::run()
{
    quit_ = false;
    while (!quit_) poll_once();
}

} // namespace gimbal::host
