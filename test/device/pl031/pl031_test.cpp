// SPDX-License-Identifier: Apache-2.0
#include "device/pl031/pl031.hpp"

#include "test/device/fakes.hpp"

namespace gimbal::test {
namespace {

struct FakeWallClock final : WallClock {
    u64 time{1'700'000'000};
    std::optional<u64> alarm;
    u64 seconds() override { return time; }
    void set_alarm(std::optional<u64> when) override { alarm = when; }
};

class Rtc : public testing::Test {
protected:
    FakeLine irq;
    FakeWallClock clock;
    Pl031 rtc{clock, irq.source};
    Driver reg{rtc};
};

TEST_F(Rtc, DDI0224_RTCDR_DataIsTheTimeOfDay)
{
    EXPECT_EQ(reg.read(0x00), 1'700'000'000U);
    EXPECT_EQ(reg.read(0x0C), 1U);
    reg.write(0x0C, 0); // no effect while it runs
    clock.time += 5;
    EXPECT_EQ(reg.read(0x00), 1'700'000'005U);
    reg.write(0x00, 0); // read-only
    EXPECT_EQ(reg.read(0x00), 1'700'000'005U);
}

TEST_F(Rtc, DDI0224_RTCLR_LoadSetsTheTime)
{
    reg.write(0x08, 1000);
    EXPECT_EQ(reg.read(0x08), 1000U);
    clock.time += 7;
    EXPECT_EQ(reg.read(0x00), 1007U);
}

TEST_F(Rtc, DDI0224_RTCMR_MatchRaisesTheInterruptOnce)
{
    reg.write(0x08, 100);
    reg.write(0x04, 110);
    EXPECT_EQ(reg.read(0x04), 110U);
    reg.write(0x10, 1);
    ASSERT_EQ(clock.alarm, clock.time + 10);
    rtc.alarm_due(); // early: asked for again
    EXPECT_FALSE(irq.level());
    ASSERT_TRUE(clock.alarm.has_value());
    clock.time += 11; // a little late
    rtc.alarm_due();
    EXPECT_TRUE(irq.level());
    EXPECT_EQ(reg.read(0x14), 1U);
    EXPECT_EQ(reg.read(0x18), 1U);
    reg.write(0x1C, 0);
    EXPECT_TRUE(irq.level());
    reg.write(0x1C, 1);
    EXPECT_FALSE(irq.level());
    rtc.alarm_due();
    EXPECT_FALSE(irq.level());
}

TEST_F(Rtc, DDI0224_RTCLR_AClockSetBackMeetsTheMatchAgain)
{
    reg.write(0x08, 100);
    EXPECT_FALSE(clock.alarm.has_value()); // no match was asked for
    reg.write(0x04, 110);
    clock.time += 10;
    rtc.alarm_due();
    EXPECT_EQ(reg.read(0x14), 1U);
    reg.write(0x1C, 1);
    reg.write(0x08, 105);
    ASSERT_EQ(clock.alarm, clock.time + 5);
    clock.time += 5;
    rtc.alarm_due();
    EXPECT_EQ(reg.read(0x14), 1U);
}

TEST_F(Rtc, TheMaskHidesTheInterrupt)
{
    reg.write(0x04, static_cast<u32>(clock.time));
    rtc.alarm_due();
    EXPECT_FALSE(irq.level());
    EXPECT_EQ(reg.read(0x14), 1U);
    EXPECT_EQ(reg.read(0x18), 0U);
    reg.write(0x10, 1);
    EXPECT_EQ(reg.read(0x10), 1U);
    EXPECT_TRUE(irq.level());
    rtc.reset();
    EXPECT_FALSE(irq.level());
    EXPECT_FALSE(clock.alarm.has_value());
    EXPECT_EQ(reg.read(0x10), 0U);
}

TEST_F(Rtc, IdentificationAndRefusals)
{
    constexpr u8 expected[] = {0x31, 0x10, 0x04, 0x00, 0x0D, 0xF0, 0x05, 0xB1};
    for (u64 i = 0; i < 8; ++i) {
        reg.write(0xFE0 + 4 * i, 0);
        EXPECT_EQ(reg.read(0xFE0 + 4 * i), expected[i]);
    }
    EXPECT_EQ(reg.read(0x1C), 0U);
    reg.write(0x14, 1);
    reg.write(0x18, 1);
    EXPECT_TRUE(reg.refuses(0x20, AccessSize::bytes_4));
    EXPECT_TRUE(reg.refuses(0x00, AccessSize::bytes_1));
    EXPECT_TRUE(reg.refuses(0x02, AccessSize::bytes_4));
}

} // namespace
} // namespace gimbal::test
