// SPDX-License-Identifier: Apache-2.0
#include <sched.h>

#include "base/spinlock.hpp"

namespace gimbal {

void spin_wait(unsigned turn) noexcept
{
    // A holder that runs leaves within some hundred turns; after that it has been descheduled and needs our CPU.
    constexpr unsigned patient_turns = 256;
    if (turn >= patient_turns) sched_yield();
}

} // namespace gimbal
