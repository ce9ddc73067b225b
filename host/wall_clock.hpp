// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "base/atomic.hpp"
#include "device/pl031/pl031.hpp"
#include "host/event_loop.hpp"

namespace gimbal::host {

/// The host's time of day, with an alarm on the event loop.
class HostWallClock final : public WallClock {
public:
    explicit HostWallClock(EventLoop& loop);

    u64 seconds() override;
    void set_alarm(std::optional<u64> when) override; ///< Any thread.

    /// What an alarm calls, on the loop's thread; while no vCPU runs.
    void set_on_alarm(std::function<void()> callback) { on_alarm_ = std::move(callback); }

private:
    static constexpr u64 none = ~u64{0};
    void rearm();

    EventLoop& loop_;
    EventLoop::Timer& timer_;
    Atomic<u64> alarm_{none}; // seconds since the epoch; written by vCPUs, read by the loop
    std::function<void()> on_alarm_;
};

} // namespace gimbal::host
