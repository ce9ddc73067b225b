// SPDX-License-Identifier: Apache-2.0
// Indirect tables, notifications, reset, and where a queue may lie.
#include <atomic>
#include <thread>

#include "test/device/virtio/queue_fixture.hpp"

namespace gimbal::test {
namespace {

class IndirectTable : public Virtqueue {
protected:
    void SetUp() override { start(everything); }
    void offer_table(u32 length, u16 flags = flag::indirect)
    {
        driver.describe(0, table, length, flags);
        driver.offer_head(0);
    }
    QueueError refusal_of(u32 length, u16 flags = flag::indirect)
    {
        restart(everything);
        offer_table(length, flags);
        return refusal();
    }
    u64 table{data + 0x1000};
};

TEST_F(IndirectTable, Clause2_7_5_3_HoldsTheWholeRequest)
{
    ram.put(data, "abc");
    driver.describe(table, 0, data, 2, flag::next, 2);
    driver.describe(table, 2, data + 2, 1, flag::next, 1);
    driver.describe(table, 1, data + 0x10, 4, flag::write);
    offer_table(48, flag::indirect | flag::write); // 2.7.5.3.2: the write-only flag means nothing here
    ASSERT_TRUE(take());
    EXPECT_EQ(read(0, 3), "abc");
    EXPECT_TRUE(write(0, "wxyz").has_value());
    ASSERT_TRUE(queue.push(chain, 4).has_value());
    EXPECT_EQ(driver.used(0), (DriverQueue::Used{0, 4}));
}

TEST_F(IndirectTable, Clause2_7_5_3_2_MayFollowDirectDescriptors)
{
    ram.put(data, "ab");
    driver.describe(3, data, 1, flag::next, 5);
    driver.describe(5, table, 16, flag::indirect);
    driver.describe(table, 0, data + 1, 1, 0);
    driver.offer_head(3);
    ASSERT_TRUE(take());
    EXPECT_EQ(read(0, 2), "ab");
}

TEST_F(IndirectTable, NeedsNoAlignment)
{
    table += 3;
    u8 entry[16]{};
    for (unsigned i = 0; i < 8; ++i) entry[i] = static_cast<u8>(data >> (8 * i));
    entry[8] = 5;
    ram.put(table, {reinterpret_cast<const char*>(entry), 16});
    offer_table(16);
    ASSERT_TRUE(take());
    EXPECT_EQ(chain.readable_bytes(), 5U);
}

TEST_F(IndirectTable, V24_Clause2_7_5_3_1_WhatNoDriverMayDo)
{
    driver.describe(table, 0, data, 1, flag::next, 1);
    driver.describe(table, 1, data, 1, 0);
    EXPECT_EQ(refusal_of(0), QueueError::broken);
    EXPECT_EQ(refusal_of(24), QueueError::broken);
    EXPECT_EQ(refusal_of(16), QueueError::broken); // next is beyond the table
    EXPECT_EQ(refusal_of(32, flag::indirect | flag::next), QueueError::broken);
    driver.describe(table, 1, table, 16, flag::indirect); // a table in a table
    EXPECT_EQ(refusal_of(32), QueueError::broken);
    driver.describe(table, 1, data, 1, flag::next, 0); // a loop
    EXPECT_EQ(refusal_of(32), QueueError::broken);
    table = ram.end() - 16; // half of it is not RAM
    driver.describe(table, 0, data, 1, flag::next, 1);
    EXPECT_EQ(refusal_of(32), QueueError::broken);
    table = ~u64{0} - 15;
    EXPECT_EQ(refusal_of(0xFFFF'FFF0), QueueError::broken);
}

TEST_F(IndirectTable, IsRefusedUnlessNegotiated)
{
    restart(plain);
    driver.describe(table, 0, data, 1, 0);
    offer_table(16);
    EXPECT_EQ(refusal(), QueueError::broken);
}

TEST_F(IndirectTable, MayBeLongerThanTheQueueUpToTheLimit)
{
    const u32 count = Chain::max_segments;
    for (u32 i = 0; i < count + 1; ++i)
        driver.describe(table, i, data, 1, i + 1 < count ? flag::next : 0, static_cast<u16>(i + 1));
    offer_table(16 * count);
    ASSERT_TRUE(take());
    EXPECT_EQ(chain.readable().size(), count);
    driver.describe(table, count - 1, data, 1, flag::next, static_cast<u16>(count));
    EXPECT_EQ(refusal_of(16 * (count + 1)), QueueError::broken);
}

TEST_F(Virtqueue, V24_Clause2_7_6_1_TheAvailableIndexNeitherJumpsNorGoesBack)
{
    driver.set_available(9); // of 8
    EXPECT_EQ(refusal(), QueueError::broken);
    restart();
    offer_one();
    ASSERT_TRUE(take());
    ASSERT_TRUE(queue.push(chain, 0).has_value());
    driver.set_available(0);
    EXPECT_EQ(refusal(), QueueError::broken);
}

TEST_F(Virtqueue, NoMoreRequestsAreUnderWayThanTheQueueHasEntries)
{
    for (u16 i = 0; i < 8; ++i) offer_one(i);
    for (u16 i = 0; i < 8; ++i) ASSERT_TRUE(take());
    EXPECT_FALSE(take());
    offer_one(0); // without waiting for one to come back
    EXPECT_EQ(refusal(), QueueError::broken);
}

TEST_F(Virtqueue, UnpopOffersTheSameRequestAgain)
{
    offer_one(5);
    ASSERT_TRUE(take());
    queue.unpop(chain);
    ASSERT_TRUE(take());
    EXPECT_EQ(chain.head(), 5);
    EXPECT_TRUE(queue.push(chain, 0).has_value());
    EXPECT_FALSE(take());
}

TEST_F(Virtqueue, ADeviceMayRefuseARequestAsMalformed)
{
    offer_one();
    offer_one(1);
    ASSERT_TRUE(take());
    EXPECT_EQ(queue.refuse(chain), QueueError::broken);
    EXPECT_TRUE(queue.broken());
    EXPECT_EQ(queue.push(chain, 0).error(), QueueError::broken);
    EXPECT_EQ(refusal(), QueueError::broken);
    restart();
    EXPECT_EQ(queue.refuse(chain), QueueError::stopped); // of an earlier life
    EXPECT_FALSE(queue.broken());
}

TEST_F(Virtqueue, Clause2_7_7_2_FlagsSuppressInterrupts)
{
    const auto complete_one = [&] {
        offer_one();
        ASSERT_TRUE(take());
        ASSERT_TRUE(queue.push(chain, 0).has_value());
    };
    EXPECT_FALSE(queue.take_interrupt()); // nothing is published
    complete_one();
    EXPECT_TRUE(queue.take_interrupt());
    EXPECT_FALSE(queue.take_interrupt());
    driver.set_driver_flags(1);
    complete_one();
    EXPECT_FALSE(queue.take_interrupt());
    driver.set_driver_flags(0);
    driver.set_used_event(100); // means nothing now
    complete_one();
    EXPECT_TRUE(queue.take_interrupt());
}

TEST_F(Virtqueue, Clause2_7_7_2_TheUsedEventNamesTheEntryToInterruptFor)
{
    restart(everything);
    driver.set_driver_flags(1); // means nothing now
    driver.set_used_event(2);
    unsigned interrupts = 0;
    for (u16 i = 0; i < 6; ++i) {
        offer_one();
        ASSERT_TRUE(take());
        ASSERT_TRUE(queue.push(chain, 0).has_value());
        const bool wanted = queue.take_interrupt();
        EXPECT_EQ(wanted, i == 2);
        interrupts += wanted ? 1 : 0;
    }
    EXPECT_EQ(interrupts, 1U);
    driver.set_used_event(7); // 6, 7 and 8 at once
    for (u16 i = 0; i < 3; ++i) offer_one();
    for (u16 i = 0; i < 3; ++i) {
        ASSERT_TRUE(take());
        ASSERT_TRUE(queue.push(chain, 0).has_value());
    }
    EXPECT_TRUE(queue.take_interrupt());
}

TEST_F(Virtqueue, V24_TheUsedEventIsComparedModulo65536)
{
    restart(everything);
    for (u32 i = 0; i < 0x1'0001; ++i) {
        const bool wanted = i == 0xFFFF || i == 0x1'0000;
        driver.set_used_event(wanted ? static_cast<u16>(i) : static_cast<u16>(i + 10));
        offer_one();
        ASSERT_TRUE(take());
        ASSERT_TRUE(queue.push(chain, 0).has_value());
        ASSERT_EQ(queue.take_interrupt(), wanted) << i;
    }
    // A whole round without a look passes every event there is.
    driver.set_used_event(0x8000);
    for (u32 i = 0; i < 0x1'0000; ++i) {
        offer_one();
        ASSERT_TRUE(take());
        ASSERT_TRUE(queue.push(chain, 0).has_value());
    }
    EXPECT_TRUE(queue.take_interrupt());
}

TEST_F(Virtqueue, Clause2_7_10_1_NotificationsAreAskedForBeforeSleep)
{
    queue.disable_notifications();
    EXPECT_EQ(driver.device_flags(), 1);
    EXPECT_FALSE(queue.enable_notifications());
    EXPECT_EQ(driver.device_flags(), 0);
    offer_one();
    EXPECT_TRUE(queue.enable_notifications()); // look again

    restart(everything);
    queue.disable_notifications();
    EXPECT_EQ(driver.device_flags(), 0); // the device MUST set flags to 0
    offer_one();
    ASSERT_TRUE(take());
    EXPECT_FALSE(queue.enable_notifications());
    EXPECT_EQ(driver.available_event(), 1);
}

TEST_F(Virtqueue, AfterAStopNothingIsReadOrWritten)
{
    driver.offer({
        {data, 1},
        {data + 8, 1, true}
    });
    ASSERT_TRUE(take());
    queue.stop();
    EXPECT_FALSE(queue.running());
    u8 byte[1];
    EXPECT_EQ(queue.read(chain, 0, byte).error(), QueueError::stopped);
    EXPECT_EQ(write(0, "x").error(), QueueError::stopped);
    EXPECT_EQ(queue.push(chain, 1).error(), QueueError::stopped);
    EXPECT_EQ(refusal(), QueueError::stopped);
    EXPECT_FALSE(queue.take_interrupt());
    EXPECT_FALSE(queue.enable_notifications());
    EXPECT_EQ(driver.used_index(), 0);

    driver.set_available(0); // the next life is not this chain's either
    start(plain);
    EXPECT_EQ(queue.read(chain, 0, byte).error(), QueueError::stopped);
    EXPECT_EQ(write(0, "x").error(), QueueError::stopped);
    EXPECT_EQ(queue.push(chain, 1).error(), QueueError::stopped);
    queue.unpop(chain);
    EXPECT_FALSE(take());
    EXPECT_EQ(ram.get(data + 8, 1), std::string(1, '\0'));
}

TEST_F(Virtqueue, Clause2_7_SizeAndPlaceAreChecked)
{
    queue.stop();
    const auto starts = [&](auto change) {
        QueueLayout layout = driver.layout();
        change(layout);
        return queue.start(layout, plain);
    };
    for (const u32 size : {0U, 3U, 255U, 512U, 0x8000U})
        EXPECT_FALSE(starts([&](QueueLayout& layout) { layout.size = static_cast<u16>(size); })) << size;
    EXPECT_FALSE(starts([](QueueLayout& layout) { layout.descriptors.value += 8; }));
    EXPECT_FALSE(starts([](QueueLayout& layout) { layout.driver.value += 1; }));
    EXPECT_FALSE(starts([](QueueLayout& layout) { layout.device.value += 2; }));
    EXPECT_FALSE(starts([](QueueLayout& layout) { layout.device = layout.descriptors; }));
    EXPECT_FALSE(starts([](QueueLayout& layout) { layout.driver = layout.descriptors + 16 * 7; }));
    EXPECT_FALSE(starts([](QueueLayout& layout) { layout.device = layout.driver + 20; }));
    for (const u64 address : {u64{0}, ram.end() - 16, ram.end(), ~u64{0} - 15}) {
        EXPECT_FALSE(starts([&](QueueLayout& layout) { layout.descriptors.value = address; }));
        EXPECT_FALSE(starts([&](QueueLayout& layout) { layout.driver.value = address; }));
        EXPECT_FALSE(starts([&](QueueLayout& layout) { layout.device.value = address; }));
    }
    EXPECT_FALSE(queue.running());
    // Side by side up to the last byte of RAM.
    EXPECT_TRUE(starts([&](QueueLayout& layout) {
        layout.device.value = ram.end() - 72;
        layout.driver.value = layout.device.value - 24;
        layout.descriptors.value = align_down(layout.driver.value - 16 * 8, 16);
    }));
    EXPECT_TRUE(starts([](QueueLayout& layout) { layout.size = 1; }));
    EXPECT_TRUE(starts([](QueueLayout& layout) { layout.size = 256; }));
}

TEST_F(Virtqueue, AUsedRingThatCannotBeWrittenIsRefused)
{
    std::vector<u8> storage(0x2000);
    u8* const page = reinterpret_cast<u8*>(align_up(reinterpret_cast<std::uintptr_t>(storage.data()), 4096));
    ASSERT_TRUE(ram.memory.map({.base = {0x1000}, .size = 0x1000, .host = page, .read_only = true}).has_value());
    QueueLayout layout = driver.layout();
    layout.device = {0x1000};
    EXPECT_FALSE(queue.start(layout, plain));
    layout = driver.layout();
    layout.driver = {0x1000}; // is only read
    EXPECT_TRUE(queue.start(layout, plain));
}

/// The driver resets while a worker copies; what the worker still does has no effect on the next life.
TEST_F(Virtqueue, AResetRacesWithTheDevice)
{
    std::atomic<bool> ended{};
    std::thread worker([&] {
        Chain mine;
        const std::string junk(0x3000, 'x');
        while (!ended) {
            if (!queue.pop(mine).value_or(false)) {
                std::this_thread::yield();
                continue;
            }
            static_cast<void>(queue.write(mine, 0, {reinterpret_cast<const u8*>(junk.data()), junk.size()}));
            static_cast<void>(queue.push(mine, 0x3000));
        }
    });
    for (unsigned round = 0; round < 100; ++round) {
        driver.offer({
            {data, 0x3000, true}
        });
        if (round % 3 != 0) std::this_thread::yield();
        queue.stop();
        ram.store<u64>(data, 0);
        ram.store<u64>(data + 0x2FF8, 0);
        ram.store<u16>(driver.device() + 2, 0);
        std::this_thread::yield();
        ASSERT_EQ(ram.load<u64>(data), 0U);
        ASSERT_EQ(ram.load<u64>(data + 0x2FF8), 0U);
        ASSERT_EQ(driver.used_index(), 0);
        driver.set_available(0);
        start(round % 2 == 0 ? plain : everything);
    }
    ended = true;
    worker.join();
}

} // namespace
} // namespace gimbal::test
