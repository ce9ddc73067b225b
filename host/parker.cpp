// SPDX-License-Identifier: Apache-2.0
#include "host/parker.hpp"

#include "host/futex.hpp"

namespace gimbal::host {

void FutexParker::wait(RequestWord& word, u32 seen, std::optional<HostTicks> deadline)
{
    asleep_.store(true);
    futex_wait(word.futex(), seen, deadline);
    asleep_.store(false);
}

void FutexParker::wake() noexcept
{
    if (asleep_.load()) futex_wake_all(word_.futex());
}

} // namespace gimbal::host
