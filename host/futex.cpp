// SPDX-License-Identifier: Apache-2.0
#include "host/futex.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>
#include <ctime>

#include "host/clock.hpp"

namespace gimbal::host {

void futex_wait(const u32* word, u32 seen, std::optional<HostTicks> deadline)
{
    timespec until{};
    if (deadline) until = to_timespec(*deadline);
    // The BITSET variant takes an absolute time on CLOCK_MONOTONIC, so that no delay adds to the deadline.
    ::syscall(SYS_futex, word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, seen, deadline ? &until : nullptr, nullptr,
              FUTEX_BITSET_MATCH_ANY);
}

void futex_wake_all(const u32* word) noexcept
{
    ::syscall(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, INT_MAX, nullptr, nullptr, 0);
}

} // namespace gimbal::host
