// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>

#include "host/event_loop.hpp"

namespace gimbal::host {

/// The machine's power key, pressed by the host for as long as a finger would. On the loop's thread.
class PowerKey {
public:
    /// Longer than any driver debounces (Linux's gpio-keys: 5 ms unless told otherwise).
    static constexpr std::chrono::milliseconds press_time{100};

    explicit PowerKey(EventLoop& loop);

    /// Down, and up again after press_time; a key that is down already stays down for as long again.
    void press();
    /// What the key is wired to: true is down. While no vCPU runs; an empty function takes the key out.
    void set_on_change(std::function<void(bool down)> callback);

private:
    EventLoop& loop_;
    EventLoop::Timer& release_;
    std::function<void(bool)> on_change_;
};

} // namespace gimbal::host
