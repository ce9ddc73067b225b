// SPDX-License-Identifier: Apache-2.0
#include "host/clock.hpp"

#include "base/bits.hpp"

namespace gimbal::host {
namespace {
constexpr u64 ticks_per_second = 1'000'000'000 / MonotonicClock::nanoseconds_per_tick;
} // namespace

HostTicks MonotonicClock::now() const
{
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return {static_cast<u64>(now.tv_sec) * ticks_per_second + static_cast<u64>(now.tv_nsec) / nanoseconds_per_tick};
}

timespec to_timespec(HostTicks when)
{
    timespec result{};
    result.tv_sec = static_cast<time_t>(when.value / ticks_per_second);
    result.tv_nsec = static_cast<long>(when.value % ticks_per_second * MonotonicClock::nanoseconds_per_tick);
    return result;
}

} // namespace gimbal::host
