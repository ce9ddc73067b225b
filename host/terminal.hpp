// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "base/types.hpp"

namespace gimbal::host {

/// Raw mode of the terminal behind a descriptor. There is one for the process, because fatal signals must undo it from
/// a handler. Nothing happens where `fd` is no terminal or belongs to another job in the foreground.
namespace terminal {

/// Keys go to the guest one by one, also Ctrl-C and Ctrl-Z; output is left as it is. True if raw mode is on now.
bool enter_raw(int fd);
/// Any number of times, from anywhere, a signal handler too.
void restore() noexcept;

/// In characters.
struct Size {
    u16 columns;
    u16 rows;
};
/// None if `fd` is no terminal or one that does not know.
std::optional<Size> size(int fd);

} // namespace terminal

/// Handlers for SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS and SIGQUIT that restore the terminal and call
/// `last_words` (async-signal-safe; may be null), then let the signal take its course.
void catch_fatal_signals(void (*last_words)() noexcept);

} // namespace gimbal::host
