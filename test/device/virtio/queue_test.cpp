// SPDX-License-Identifier: Apache-2.0
#include "test/device/virtio/queue_fixture.hpp"

namespace gimbal::test {
namespace {

TEST_F(Virtqueue, V24_Clause2_7_1_ARequestGoesThereAndBack)
{
    EXPECT_FALSE(take());
    ram.put(data, "hello");
    driver.offer(
        {
            {data, 3},
            {data + 3, 2},
            {data + 0x100, 4, true},
            {data + 0x200, 4, true}
    },
        2);
    ASSERT_TRUE(take());
    EXPECT_EQ(chain.head(), 2);
    EXPECT_EQ(chain.readable().size(), 2U);
    EXPECT_EQ(chain.writable().size(), 2U);
    EXPECT_EQ(chain.readable_bytes(), 5U);
    EXPECT_EQ(chain.writable_bytes(), 8U);
    EXPECT_EQ(read(0, 5), "hello");
    EXPECT_EQ(read(2, 2), "ll");
    EXPECT_TRUE(write(2, "wxyz").has_value());
    EXPECT_EQ(ram.get(data + 0x102, 2), "wx");
    EXPECT_EQ(ram.get(data + 0x200, 2), "yz");
    EXPECT_EQ(driver.used_index(), 0);
    ASSERT_TRUE(queue.push(chain, 6).has_value());
    EXPECT_EQ(driver.used_index(), 1);
    EXPECT_EQ(driver.used(0), (DriverQueue::Used{2, 6}));
    EXPECT_FALSE(take());
}

TEST_F(Virtqueue, V24_Clause2_7_IndexesWrapAt65536)
{
    for (u32 i = 0; i < 70'000; ++i) {
        offer_one(static_cast<u16>(i % 8));
        ASSERT_TRUE(take()) << i;
        ASSERT_EQ(chain.head(), i % 8);
        ASSERT_TRUE(queue.push(chain, 0).has_value());
        ASSERT_EQ(driver.used_index(), static_cast<u16>(i + 1));
    }
    EXPECT_EQ(driver.used(static_cast<u16>(69'999)), (DriverQueue::Used{69'999 % 8, 0}));
}

TEST_F(Virtqueue, CopiesStayInsideTheChain)
{
    driver.offer({
        {data, 4},
        {data + 0x100, 4, true}
    });
    ASSERT_TRUE(take());
    u8 bytes[8];
    EXPECT_EQ(queue.read(chain, 0, std::span(bytes).first(5)).error(), QueueError::range);
    EXPECT_EQ(queue.read(chain, 5, std::span(bytes).first(0)).error(), QueueError::range);
    EXPECT_EQ(queue.read(chain, ~u64{0}, std::span(bytes).first(2)).error(), QueueError::range);
    EXPECT_TRUE(queue.read(chain, 4, std::span(bytes).first(0)).has_value());
    EXPECT_EQ(write(1, "four").error(), QueueError::range);
    EXPECT_EQ(queue.push(chain, 5).error(), QueueError::range);
    EXPECT_TRUE(queue.push(chain, 4).has_value());
}

TEST_F(Virtqueue, BuffersThatAreNotRamAreTheRequestsProblem)
{
    driver.offer({
        {ram.end() - 2, 2},
        {ram.end() - 2, 3},
        {ram.end() - 1, 1, true},
        {ram.end() - 1, 2, true}
    });
    ASSERT_TRUE(take());
    u8 bytes[5];
    EXPECT_TRUE(queue.read(chain, 0, std::span(bytes).first(2)).has_value()); // the last bytes of RAM
    EXPECT_EQ(queue.read(chain, 0, bytes).error(), QueueError::range);
    EXPECT_TRUE(write(0, "x").has_value());
    EXPECT_EQ(write(0, "xyz").error(), QueueError::range);
    EXPECT_TRUE(queue.push(chain, 1).has_value());

    driver.offer({
        {~u64{0} - 1, 4},
        {0, 8},
        {~u64{0} - 0xFFF, 0x1000, true}
    });
    ASSERT_TRUE(take());
    EXPECT_EQ(queue.read(chain, 0, std::span(bytes).first(4)).error(), QueueError::range); // the sum wraps
    EXPECT_EQ(queue.read(chain, 3, std::span(bytes).first(1)).error(), QueueError::range);
    EXPECT_EQ(queue.read(chain, 4, std::span(bytes).first(4)).error(), QueueError::range);
    EXPECT_EQ(write(0, "x").error(), QueueError::range);
    EXPECT_TRUE(queue.push(chain, 0).has_value());
    EXPECT_FALSE(queue.broken());
}

TEST_F(Virtqueue, ABufferMayStraddleAdjacentRegions)
{
    std::vector<u8> storage(0x3000);
    u8* const page = reinterpret_cast<u8*>(align_up(reinterpret_cast<std::uintptr_t>(storage.data()), 4096));
    ASSERT_TRUE(ram.memory.map({.base = {ram.end()}, .size = 0x1000, .host = page}).has_value());
    driver.offer({
        {ram.end() - 2, 4, true}
    });
    ASSERT_TRUE(take());
    EXPECT_TRUE(write(0, "abcd").has_value());
    EXPECT_EQ(ram.get(ram.end() - 2, 4), "abcd");
}

TEST_F(Virtqueue, V24_ARequestIsWhatItWasWhenItWasTaken)
{
    ram.put(data, "abcd");
    driver.offer({
        {data, 4},
        {data + 0x100, 4, true}
    });
    ASSERT_TRUE(take());
    driver.describe(0, ram.end(), 0xFFFF'FFFF, flag::write | flag::next, 0);
    driver.describe(1, driver.device(), 0xFFFF'FFFF, flag::indirect, 9);
    EXPECT_EQ(chain.readable_bytes(), 4U);
    EXPECT_EQ(read(0, 4), "abcd");
    EXPECT_TRUE(write(0, "wxyz").has_value());
    EXPECT_EQ(write(4, "!").error(), QueueError::range);
    EXPECT_TRUE(queue.push(chain, 4).has_value());
    EXPECT_EQ(ram.get(data + 0x100, 4), "wxyz");
    EXPECT_EQ(driver.used(0), (DriverQueue::Used{0, 4}));
}

TEST_F(Virtqueue, ALengthOfZeroIsAnEmptyBuffer)
{
    ram.put(data, "ab");
    driver.offer({
        {data, 1},
        {0xDEAD'0000'0000, 0},
        {data + 1, 1},
        {0, 0, true}
    });
    ASSERT_TRUE(take());
    EXPECT_EQ(chain.readable_bytes(), 2U);
    EXPECT_EQ(read(0, 2), "ab");
    EXPECT_EQ(chain.writable_bytes(), 0U);
    EXPECT_EQ(write(0, "x").error(), QueueError::range);
}

TEST_F(Virtqueue, ABufferMayBeTheRingItself)
{
    driver.offer({
        {driver.descriptors(), 16},
        {driver.device(), 16, true}
    });
    ASSERT_TRUE(take());
    EXPECT_TRUE(write(0, std::string(16, 'x')).has_value()); // the driver's own damage
    EXPECT_TRUE(queue.push(chain, 16).has_value());
    EXPECT_EQ(driver.used_index(), 1); // ours comes last
}

TEST_F(Virtqueue, V24_Clause2_7_5_LoopsBreakTheQueue)
{
    driver.describe(0, data, 1, flag::next, 0); // itself
    driver.offer_head(0);
    EXPECT_EQ(refusal(), QueueError::broken);
    EXPECT_TRUE(queue.broken());
    restart();
    EXPECT_FALSE(queue.broken());
    driver.describe(0, data, 1, flag::next, 1); // each other
    driver.describe(1, data, 1, flag::next, 0);
    driver.offer_head(0);
    EXPECT_EQ(refusal(), QueueError::broken);
    EXPECT_EQ(refusal(), QueueError::broken); // until the reset
    EXPECT_EQ(driver.used_index(), 0);
}

TEST_F(Virtqueue, V24_Clause2_7_5_HeadAndNextLieInTheTable)
{
    driver.offer_head(8);
    EXPECT_EQ(refusal(), QueueError::broken);
    restart();
    driver.offer_head(0xFFFF);
    EXPECT_EQ(refusal(), QueueError::broken);
    restart();
    driver.describe(7, data, 1, flag::next, 8);
    driver.offer_head(7);
    EXPECT_EQ(refusal(), QueueError::broken);
}

TEST_F(Virtqueue, AChainMayHaveAsManyDescriptorsAsTheQueue)
{
    driver.offer(std::vector<DriverQueue::Buffer>(8, {data, 1}), 3);
    ASSERT_TRUE(take());
    EXPECT_EQ(chain.readable().size(), 8U);
}

TEST_F(Virtqueue, Clause2_7_4_2_WritableComesAfterReadable)
{
    driver.offer({
        {data, 1, true},
        {data, 1}
    });
    EXPECT_EQ(refusal(), QueueError::broken);
}

TEST_F(Virtqueue, Clause2_7_5_AChainIsAtMost4GiB)
{
    driver.offer({
        {data, 0xFFFF'FFFF},
        {data, 1, true}
    });
    ASSERT_TRUE(take());
    EXPECT_EQ(chain.readable_bytes(), 0xFFFF'FFFFU);
    u8 byte[1];
    EXPECT_TRUE(queue.read(chain, 0x30000, byte).has_value());
    EXPECT_EQ(queue.read(chain, 0x4'0000, byte).error(), QueueError::range); // beyond RAM
    ASSERT_TRUE(queue.push(chain, 0).has_value());
    driver.offer({
        {data, 0xFFFF'FFFF},
        {data, 2, true}
    });
    EXPECT_EQ(refusal(), QueueError::broken);
}

TEST_F(Virtqueue, Clause5_1_6_4_StagedChainsAreSeenTogether)
{
    for (const u16 head : {u16{2}, u16{5}}) {
        driver.offer(
            {
                {data, 10, true}
        },
            head);
        ASSERT_TRUE(take());
        ASSERT_TRUE(queue.stage(chain, 10).has_value());
        EXPECT_EQ(driver.used_index(), 0);
        EXPECT_FALSE(queue.take_interrupt());
    }
    ASSERT_TRUE(queue.publish().has_value());
    EXPECT_EQ(driver.used_index(), 2);
    EXPECT_EQ(driver.used(0), (DriverQueue::Used{2, 10}));
    EXPECT_EQ(driver.used(1), (DriverQueue::Used{5, 10}));
    EXPECT_TRUE(queue.take_interrupt());
    EXPECT_EQ(queue.size(), 8);
}

TEST_F(Virtqueue, StagedChainsCanBePutBack)
{
    for (const u16 head : {u16{2}, u16{5}})
        driver.offer(
            {
                {data, 10, true}
        },
            head);
    for (int round = 0; round < 2; ++round) {
        ASSERT_TRUE(take());
        EXPECT_EQ(chain.head(), 2);
        ASSERT_TRUE(queue.stage(chain, 1).has_value());
        ASSERT_TRUE(take());
        EXPECT_EQ(chain.head(), 5);
        queue.unpop(chain);
        queue.unstage();
    }
    EXPECT_EQ(driver.used_index(), 0);
    ASSERT_TRUE(take());
    ASSERT_TRUE(queue.push(chain, 1).has_value());
    EXPECT_EQ(driver.used(0), (DriverQueue::Used{2, 1}));
}

TEST_F(Virtqueue, StagedChainsDieWithTheQueue)
{
    driver.offer({
        {data, 10, true}
    });
    ASSERT_TRUE(take());
    EXPECT_EQ(queue.stage(chain, 11).error(), QueueError::range);
    ASSERT_TRUE(queue.stage(chain, 10).has_value());
    queue.stop();
    EXPECT_EQ(queue.publish().error(), QueueError::stopped);
    restart();
    EXPECT_EQ(queue.stage(chain, 10).error(), QueueError::stopped);
    queue.unstage();
    ASSERT_TRUE(queue.publish().has_value());
    EXPECT_EQ(driver.used_index(), 0);
    EXPECT_FALSE(take());
}

} // namespace
} // namespace gimbal::test
