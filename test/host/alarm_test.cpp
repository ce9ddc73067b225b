// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <thread>

#include <gtest/gtest.h>

#include "host/clock.hpp"
#include "host/parker.hpp"

namespace gimbal::host {
namespace {

constexpr u64 ticks_per_ms = 62'500;

struct Machine {
    MonotonicClock clock;
    std::unique_ptr<Vm> vm = std::make_unique<Vm>(VmConfig{.vcpu_count = 2}, clock);
    AlarmClock alarms{*vm, clock};
    HostTicks in_ms(u64 ms) const { return {clock.now().value + ms * ticks_per_ms}; }
};

TEST(Clock, converts_exactly)
{
    const MonotonicClock clock;
    EXPECT_EQ(clock.frequency_hz(), 62'500'000U);
    const timespec when = to_timespec({62'500'000 * 7 + 3});
    EXPECT_EQ(when.tv_sec, 7);
    EXPECT_EQ(when.tv_nsec, 48);
}

TEST(Parker, sleeps_until_its_deadline)
{
    Machine machine;
    FutexParker parker(machine.vm->slot({0}), {0}, machine.alarms);
    RequestWord& word = machine.vm->slot({0}).requests;
    const HostTicks deadline = machine.in_ms(5);
    while (machine.clock.now() < deadline) parker.wait(word, word.sequence(), deadline);
    EXPECT_FALSE(word.any());
}

TEST(Parker, returns_at_once_if_the_sequence_moved)
{
    Machine machine;
    FutexParker parker(machine.vm->slot({0}), {0}, machine.alarms);
    RequestWord& word = machine.vm->slot({0}).requests;
    const u32 seen = word.sequence();
    word.post(Request::kick);
    parker.wait(word, seen, std::nullopt);
    EXPECT_TRUE(word.pending(Request::kick));
}

TEST(Parker, no_wake_is_ever_lost)
{
    // Two threads hand a token to and fro; one lost wake-up and the test hangs until its time limit.
    Machine machine;
    FutexParker parkers[2]{
        {machine.vm->slot({0}), {0}, machine.alarms},
        {machine.vm->slot({1}), {1}, machine.alarms}
    };
    constexpr int rounds = 20'000;
    const auto play = [&](u32 self) {
        RequestWord& mine = machine.vm->slot({self}).requests;
        RequestWord& other = machine.vm->slot({1 - self}).requests;
        for (int i = 0; i < rounds; ++i) {
            while (true) {
                const u32 seen = mine.sequence();
                if (mine.take(Request::event)) break;
                parkers[self].wait(mine, seen, std::nullopt);
            }
            other.post(Request::event);
            parkers[1 - self].wake();
        }
    };
    std::thread second(play, 1);
    machine.vm->slot({0}).requests.post(Request::event);
    play(0);
    second.join();
}

TEST(Alarm, kicks_a_vcpu_at_its_deadline)
{
    Machine machine;
    FutexParker parker(machine.vm->slot({1}), {1}, machine.alarms);
    VcpuSlot& slot = machine.vm->slot({1});
    struct Handle final : VcpuHandle {
        Atomic<u32> kicks{0};
        void kick() noexcept override { kicks.fetch_add(1); }
        void set_interrupt(InterruptInput, bool) noexcept override {}
    } handle;
    const VcpuAttachment attachment(slot, handle, parker);
    for (int i = 0; i < 20; ++i) {
        const HostTicks deadline = machine.in_ms(1);
        parker.set_alarm(machine.in_ms(1000));
        parker.set_alarm(deadline); // an earlier one replaces it
        while (!slot.requests.take(Request::kick)) {
            const u32 seen = slot.requests.sequence();
            if (!slot.requests.any()) parker.wait(slot.requests, seen, std::nullopt);
        }
        EXPECT_GE(machine.clock.now().value, deadline.value);
    }
    EXPECT_GE(handle.kicks.load(), 20U);
    parker.set_alarm(machine.in_ms(3));
    parker.set_alarm(std::nullopt);
    parker.wait(slot.requests, slot.requests.sequence(), machine.in_ms(10));
    EXPECT_FALSE(slot.requests.pending(Request::kick)); // cancelled
}

} // namespace
} // namespace gimbal::host
