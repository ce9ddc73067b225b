// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "host/event_loop.hpp"

namespace gimbal::host {

/// Blocks the signals that SignalWatch delivers in the calling thread and all that it starts, ignores SIGPIPE and
/// SIGXFSZ, and puts /dev/null where standard input, output or error is closed. At the start of main, before any
/// thread.
void prepare_process();

/// SIGINT, SIGTERM, SIGHUP, SIGTSTP, SIGCONT and SIGWINCH as calls on the loop's thread.
class SignalWatch {
public:
    /// Throws std::system_error if there is no descriptor left.
    SignalWatch(EventLoop& loop, std::function<void(int number)> deliver);

private:
    Fd fd_;
};

} // namespace gimbal::host
