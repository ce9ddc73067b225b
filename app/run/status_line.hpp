// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>

#include "host/event_loop.hpp"

namespace gimbal {

/// "gimbal: booting, 3 s, no output yet" on standard error while the guest is silent, erased when output comes. Only if
/// standard output and error are both terminals, so that no log file ever holds it.
class StatusLine {
public:
    explicit StatusLine(host::EventLoop& loop);
    ~StatusLine() { stop(); }
    StatusLine(const StatusLine&) = delete;
    StatusLine& operator=(const StatusLine&) = delete;

    void start();
    void stop(); ///< Erases it; for good.

private:
    void show();

    host::EventLoop& loop_;
    host::EventLoop::Timer& timer_;
    std::chrono::steady_clock::time_point started_{};
    bool enabled_{};
    bool visible_{};
};

} // namespace gimbal
