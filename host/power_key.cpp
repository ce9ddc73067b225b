// SPDX-License-Identifier: Apache-2.0
#include "host/power_key.hpp"

namespace gimbal::host {

PowerKey::PowerKey(EventLoop& loop)
    : loop_(loop), release_(loop.add_timer([this] {
          if (on_change_) on_change_(false);
      }))
{
}

void PowerKey::press()
{
    if (!on_change_) return;
    on_change_(true);
    loop_.arm(release_, std::chrono::steady_clock::now() + press_time);
}

void PowerKey::set_on_change(std::function<void(bool)> callback)
{
    loop_.disarm(release_); // a machine that resets finds its key up
    on_change_ = std::move(callback);
}

} // namespace gimbal::host
