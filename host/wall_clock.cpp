// SPDX-License-Identifier: Apache-2.0
#include "host/wall_clock.hpp"

#include <algorithm>
#include <chrono>

namespace gimbal::host {

using std::chrono::seconds;
using std::chrono::steady_clock;

HostWallClock::HostWallClock(EventLoop& loop)
    : loop_(loop), timer_(loop.add_timer([this] {
          // Once: an alarm that stayed set would be due again at once, for ever. A new one may be set meanwhile.
          u64 when = alarm_.load();
          if (when <= this->seconds() && alarm_.compare_exchange(when, none) && on_alarm_) on_alarm_();
          rearm();
      }))
{
    loop.on_wake([this] { rearm(); });
}

u64 HostWallClock::seconds()
{
    const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<u64>(std::chrono::duration_cast<std::chrono::seconds>(since_epoch).count());
}

void HostWallClock::set_alarm(std::optional<u64> when)
{
    alarm_.store(when.value_or(none));
    loop_.wake();
}

/// Looks at the time of day at least once an hour: it may be set while the loop sleeps on another clock.
void HostWallClock::rearm()
{
    constexpr u64 longest_sleep_s = 3600;
    const u64 when = alarm_.load();
    if (when == none) return loop_.disarm(timer_);
    const u64 now = this->seconds();
    const u64 left = when > now ? std::min(when - now, longest_sleep_s) : 0;
    loop_.arm(timer_, steady_clock::now() + std::chrono::seconds(left));
}

} // namespace gimbal::host
