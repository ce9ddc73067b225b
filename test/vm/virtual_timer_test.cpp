// SPDX-License-Identifier: Apache-2.0
#include "vm/virtual_timer.hpp"

#include <gtest/gtest.h>

#include "test/vm/fakes.hpp"

namespace gimbal::test {
namespace {

using enum TimerField;
constexpr VcpuId cpu{0};
constexpr TimerKind virt = TimerKind::virtual_timer;
constexpr TimerKind phys = TimerKind::physical;
constexpr HostTicks at(u64 ticks) { return {1000 + ticks}; }

class VirtualTimer : public testing::Test {
protected:
    void SetUp() override { ASSERT_TRUE(timers.start(at(0)).has_value()); }
    bool line(TimerKind kind) const { return chip.ppi_level[0][(kind == virt ? 27 : 30) - 16]; }
    FakeChip chip;
    VirtualTimers timers{&chip};
};

TEST_F(VirtualTimer, TheOffsetIsSetOnce)
{
    EXPECT_EQ(timers.start(at(5)).error(), TimerError::already_started);
    EXPECT_EQ(timers.counter(at(5)).value, 5U);
}

TEST_F(VirtualTimer, EveryVcpuSeesTheSameCounter)
{
    timers.write({0}, virt, tval, 100, at(10));
    timers.write({1}, virt, tval, 100, at(10));
    EXPECT_EQ(timers.read({0}, virt, cval, at(99)), timers.read({1}, virt, cval, at(500)));
}

TEST_F(VirtualTimer, TvalIsASigned32BitViewOfCval)
{
    timers.write(cpu, virt, tval, 0xffff'ffff, at(100)); // -1
    EXPECT_EQ(timers.read(cpu, virt, cval, at(100)), 99U);
    EXPECT_EQ(timers.read(cpu, virt, tval, at(100)), 0xffff'ffffU);
    timers.write(cpu, virt, tval, 0x1'0000'0010, at(100)); // the upper half is ignored
    EXPECT_EQ(timers.read(cpu, virt, cval, at(100)), 116U);
    EXPECT_EQ(timers.read(cpu, virt, tval, at(110)), 6U);
    EXPECT_EQ(timers.read(cpu, virt, tval, at(120)), 0xffff'fffcU); // 4 ticks late
}

TEST_F(VirtualTimer, ReadingTvalNeverMovesTheDeadline)
{
    timers.write(cpu, virt, tval, 1'000'000, at(0));
    for (u64 tick = 0; tick < 10'000; ++tick) {
        static_cast<void>(timers.read(cpu, virt, tval, at(tick)));
        ASSERT_EQ(timers.read(cpu, virt, cval, at(tick)), 1'000'000U);
    }
}

TEST_F(VirtualTimer, SaveAndRestoreKeepTheDeadline)
{
    timers.write(cpu, virt, cval, 500, at(0));
    timers.write(cpu, virt, ctl, timer_ctl::enable, at(0));
    for (u64 tick = 0; tick < 499; ++tick) timers.restore(cpu, virt, timers.save(cpu, virt), at(tick));
    EXPECT_FALSE(line(virt));
    timers.evaluate(cpu, at(500));
    EXPECT_TRUE(line(virt));
}

TEST_F(VirtualTimer, LineFollowsEnableMaskAndCondition)
{
    timers.write(cpu, phys, cval, 10, at(0));
    timers.evaluate(cpu, at(20));
    EXPECT_FALSE(line(phys)); // disabled
    EXPECT_EQ(timers.read(cpu, phys, ctl, at(20)), 0U);
    timers.write(cpu, phys, ctl, timer_ctl::enable | timer_ctl::imask, at(20));
    EXPECT_FALSE(line(phys)); // masked, but the status shows
    EXPECT_EQ(timers.read(cpu, phys, ctl, at(20)), timer_ctl::enable | timer_ctl::imask | timer_ctl::istatus);
    timers.write(cpu, phys, ctl, timer_ctl::enable | timer_ctl::istatus, at(20)); // ISTATUS is read-only
    EXPECT_TRUE(line(phys));
    EXPECT_FALSE(line(virt));
    timers.write(cpu, phys, cval, 100, at(20)); // level-sensitive: a new deadline lowers it
    EXPECT_FALSE(line(phys));
}

TEST_F(VirtualTimer, ChipHearsChangesOnly)
{
    timers.write(cpu, virt, ctl, timer_ctl::enable, at(10)); // CVAL 0: met
    for (u64 tick = 10; tick < 20; ++tick) timers.evaluate(cpu, at(tick));
    EXPECT_EQ(chip.ppi_events.size(), 1U);
}

TEST_F(VirtualTimer, NextDeadlineIsTheEarliestThatCanStillRaiseALine)
{
    EXPECT_FALSE(timers.next_deadline(cpu, at(0)).has_value());
    timers.write(cpu, virt, cval, 300, at(0));
    timers.write(cpu, phys, cval, 200, at(0));
    timers.write(cpu, virt, ctl, timer_ctl::enable, at(0));
    timers.write(cpu, phys, ctl, timer_ctl::enable, at(0));
    EXPECT_EQ(timers.next_deadline(cpu, at(0))->value, at(200).value);
    EXPECT_EQ(timers.next_deadline(cpu, at(250))->value, at(300).value);
    EXPECT_FALSE(timers.next_deadline(cpu, at(300)).has_value());
    timers.write(cpu, virt, ctl, timer_ctl::enable | timer_ctl::imask, at(0));
    timers.write(cpu, phys, ctl, 0, at(0));
    EXPECT_FALSE(timers.next_deadline(cpu, at(0)).has_value());
}

TEST_F(VirtualTimer, ADeadlineBeyondTheCounterNeverComes)
{
    timers.write(cpu, virt, cval, ~u64{0}, at(0));
    timers.write(cpu, virt, ctl, timer_ctl::enable, at(0));
    EXPECT_FALSE(timers.next_deadline(cpu, at(0)).has_value());
    EXPECT_FALSE(line(virt));
}

TEST_F(VirtualTimer, TheCounterStandsStillWhilePaused)
{
    timers.write(cpu, virt, cval, 300, at(0));
    timers.write(cpu, virt, ctl, timer_ctl::enable, at(0));
    ASSERT_TRUE(timers.pause(at(100)).has_value());
    EXPECT_TRUE(timers.paused());
    EXPECT_EQ(timers.counter(at(5000)).value, 100U);
    ASSERT_TRUE(timers.resume(at(10'100)).has_value());
    EXPECT_EQ(timers.counter(at(10'100)).value, 100U);
    timers.evaluate(cpu, at(10'299));
    EXPECT_FALSE(line(virt));
    timers.evaluate(cpu, at(10'300));
    EXPECT_TRUE(line(virt));
    EXPECT_EQ(timers.resume(at(10'400)).error(), TimerError::not_paused);
}

TEST(VirtualTimerStart, PauseBeforeStartIsAnError)
{
    VirtualTimers timers;
    EXPECT_EQ(timers.pause({1}).error(), TimerError::not_started);
    EXPECT_FALSE(timers.started());
}

TEST(VirtualTimerStart, ARestoredVmMayBeAheadOfItsHost)
{
    VirtualTimers timers;
    ASSERT_TRUE(timers.start({50}, {1'000'000}).has_value());
    EXPECT_EQ(timers.counter({60}).value, 1'000'010U);
    EXPECT_EQ(timers.host_deadline({1'000'020})->value, 70U);
}

TEST_F(VirtualTimer, ResetDisarmsAndLowersTheLines)
{
    timers.write(cpu, virt, ctl, timer_ctl::enable, at(10));
    ASSERT_TRUE(line(virt));
    timers.reset(cpu);
    EXPECT_FALSE(line(virt));
    EXPECT_EQ(timers.save(cpu, virt).ctl, 0U);
}

TEST(InterruptLines, ALineIsTheOrOfItsSources)
{
    FakeChip chip;
    InterruptLine line;
    ASSERT_TRUE(line.connect(chip, {5}).has_value());
    InterruptSource a = *line.add_source();
    InterruptSource b = *line.add_source();
    a.set(true);
    b.set(true);
    a.set(false);
    EXPECT_TRUE(line.level());
    EXPECT_EQ(chip.spi_events, (std::vector<std::pair<u32, bool>>{
                                   {5, true}
    }));
    b.set(false);
    EXPECT_FALSE(line.level());
    EXPECT_EQ(chip.spi_events.size(), 2U);
    EXPECT_EQ(line.spi().intid().value, 37U);
}

TEST(InterruptLines, WiringErrorsAreFoundWhenWiring)
{
    FakeChip chip;
    InterruptLine line;
    EXPECT_EQ(line.connect(chip, {32}).error(), InterruptError::no_such_line);
    for (unsigned i = 0; i < InterruptLine::max_sources; ++i) ASSERT_TRUE(line.add_source().has_value());
    EXPECT_EQ(line.add_source().error(), InterruptError::full);
    InterruptSource loose;
    loose.set(true); // connected to nothing
    EXPECT_TRUE(chip.spi_events.empty());
}

} // namespace
} // namespace gimbal::test
