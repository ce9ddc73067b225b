// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace gimbal {

/// Ends the process or the machine after a fault of our own code. A guest or a user must never be able to reach it.
/// Hosted programs link base/hosted/panic.cpp; bare images supply theirs.
[[noreturn]] void panic(const char* message, const char* file, int line);

} // namespace gimbal

/// An invariant of our own code; always checked.
#define GIMBAL_ASSERT(condition)                                                                                       \
    do {                                                                                                               \
        if (!(condition)) [[unlikely]]                                                                                 \
            ::gimbal::panic(#condition, __FILE__, __LINE__);                                                           \
    } while (false)

#define GIMBAL_UNREACHABLE() ::gimbal::panic("unreachable", __FILE__, __LINE__)
