// SPDX-License-Identifier: Apache-2.0
#include "host/wall_clock.hpp"

#include <gtest/gtest.h>

namespace gimbal::host {
namespace {

using namespace std::chrono_literals;

TEST(WallClock, an_alarm_comes_once)
{
    EventLoop loop;
    HostWallClock clock(loop);
    unsigned calls = 0;
    clock.set_on_alarm([&] { ++calls; });
    clock.set_alarm(clock.seconds());
    auto& timer = loop.add_timer([&] { loop.quit(); });
    loop.arm(timer, std::chrono::steady_clock::now() + 50ms);
    loop.run();
    EXPECT_EQ(calls, 1U);
}

TEST(WallClock, an_alarm_may_be_set_by_the_one_that_comes)
{
    EventLoop loop;
    HostWallClock clock(loop);
    unsigned calls = 0;
    clock.set_on_alarm([&] {
        if (++calls == 3) return loop.quit();
        clock.set_alarm(clock.seconds());
    });
    clock.set_alarm(clock.seconds());
    loop.run();
    EXPECT_EQ(calls, 3U);
}

TEST(WallClock, a_cancelled_alarm_does_not_come)
{
    EventLoop loop;
    HostWallClock clock(loop);
    clock.set_on_alarm([] { ADD_FAILURE(); });
    clock.set_alarm(clock.seconds());
    clock.set_alarm(std::nullopt);
    auto& timer = loop.add_timer([&] { loop.quit(); });
    loop.arm(timer, std::chrono::steady_clock::now() + 20ms);
    loop.run();
}

} // namespace
} // namespace gimbal::host
