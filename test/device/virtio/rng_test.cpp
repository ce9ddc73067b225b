// SPDX-License-Identifier: Apache-2.0
#include "device/virtio/rng.hpp"

#include "test/device/virtio/mmio_driver.hpp"

namespace gimbal::test {
namespace {

namespace status = virtio::status;

/// Gives 1, 2, 3... until it runs dry.
struct FakeEntropy final : EntropySource {
    usize left{~usize{0}};
    u8 next{1};
    usize largest{};
    usize fill(std::span<u8> out) override
    {
        largest = std::max(largest, out.size());
        const usize count = std::min(out.size(), left);
        for (u8& byte : out.first(count)) byte = next++;
        left -= count;
        return count;
    }
};

struct FakeRunner final : virtio::QueueRunner {
    unsigned rings{};
    void ring(u32) noexcept override { ++rings; }
};

class VirtioRng : public testing::Test {
protected:
    void SetUp() override { driver.start_with_queue(0, virtio::feature::of_every_device); }
    /// Runs the queue until nobody asks for more.
    void run()
    {
        while (runner.rings != 0) {
            runner.rings = 0;
            rng.process(0);
        }
    }
    void request(u32 length)
    {
        driver.queue.offer({
            DriverQueue::Buffer{data, length, true}
        });
        driver.notify(0);
        run();
    }
    bool needs_reset() const { return (driver.status() & status::device_needs_reset) != 0; }

    FakeLine irq;
    GuestRam ram;
    u64 data{ram.base() + 0x8000};
    FakeEntropy entropy;
    FakeRunner runner;
    virtio::Rng rng{entropy, runner};
    virtio::MmioTransport transport{rng, ram.memory, irq.source};
    MmioDriver driver{transport, ram};
};

TEST_F(VirtioRng, Clause5_4_Identification)
{
    EXPECT_EQ(driver.reg.read(0x008), 4U);
    EXPECT_EQ(driver.offered(), virtio::feature::of_every_device);
    EXPECT_EQ(driver.reg.read(0x100), 0U);
    driver.reg.write(0x100, 1);
    EXPECT_EQ(driver.reg.read(0x100), 0U);
    driver.reg.write(0x030, 1);
    EXPECT_EQ(driver.reg.read(0x034), 0U); // one queue
}

TEST_F(VirtioRng, Clause5_4_6_ABufferIsFilled)
{
    request(5);
    EXPECT_EQ(driver.queue.used(0), (DriverQueue::Used{0, 5}));
    EXPECT_EQ(ram.get(data, 6), std::string("\1\2\3\4\5\0", 6));
    EXPECT_TRUE(irq.level());
    request(600); // more than the source gives at once
    EXPECT_EQ(driver.queue.used(1), (DriverQueue::Used{0, 600}));
    EXPECT_EQ(ram.load<u8>(data + 599), static_cast<u8>(605));
    EXPECT_LE(entropy.largest, 256U);
}

TEST_F(VirtioRng, AHugeBufferGetsABoundedPart)
{
    request(0xFFFF'FFFF);
    EXPECT_EQ(driver.queue.used(0), (DriverQueue::Used{0, virtio::Rng::max_bytes}));
    EXPECT_EQ(ram.load<u8>(data + virtio::Rng::max_bytes), 0U);
    EXPECT_FALSE(needs_reset());
}

TEST_F(VirtioRng, V25_WithoutEntropyNothingIsPassedOffAsRandom)
{
    entropy.left = 3;
    ram.put(data, "old content");
    request(8);
    EXPECT_EQ(driver.queue.used(0), (DriverQueue::Used{0, 3})); // short, with what there was
    EXPECT_EQ(ram.get(data + 3, 8), " content");
    request(8);
    EXPECT_EQ(driver.queue.used_index(), 1); // never returned
    EXPECT_TRUE(needs_reset());
    entropy.left = 100;
    driver.queue.set_available(0);
    driver.start_with_queue(0);
    ram.store<u16>(driver.queue.device() + 2, 0);
    request(8);
    EXPECT_EQ(driver.queue.used(0), (DriverQueue::Used{0, 8}));
}

TEST_F(VirtioRng, ABufferThatIsNotRamComesBackShort)
{
    driver.queue.offer({
        DriverQueue::Buffer{data,          256, true},
        DriverQueue::Buffer{ram.end() - 4, 100, true}
    });
    driver.notify(0);
    run();
    EXPECT_EQ(driver.queue.used(0), (DriverQueue::Used{0, 256}));
    EXPECT_FALSE(needs_reset());
}

TEST_F(VirtioRng, Clause5_4_6_1_ReadableBuffersBreakTheQueue)
{
    driver.queue.offer({
        DriverQueue::Buffer{data, 1},
        DriverQueue::Buffer{data, 8, true}
    });
    driver.notify(0);
    run();
    EXPECT_TRUE(needs_reset());
    EXPECT_EQ(driver.queue.used_index(), 0);
}

TEST_F(VirtioRng, ABufferWithoutRoomBreaksTheQueue)
{
    request(0);
    EXPECT_TRUE(needs_reset());
    EXPECT_EQ(driver.queue.used_index(), 0);
}

TEST_F(VirtioRng, AManySidedDriverIsServedInTurns)
{
    MmioDriver wide(transport, ram, 256);
    wide.start_with_queue(0);
    for (u16 i = 0; i < 200; ++i)
        wide.queue.offer(
            {
                DriverQueue::Buffer{data, 1, true}
        },
            i);
    rng.process(0);
    EXPECT_LT(wide.queue.used_index(), 200);
    EXPECT_EQ(runner.rings, 1U); // it asks to be called again
    run();
    EXPECT_EQ(wide.queue.used_index(), 200);
}

TEST_F(VirtioRng, RingsWithoutWorkAndAfterAResetAreHarmless)
{
    driver.notify(0);
    run();
    driver.queue.offer({
        DriverQueue::Buffer{data, 1, true}
    });
    driver.notify(0);
    driver.reset();
    run();
    EXPECT_EQ(driver.queue.used_index(), 0);
    EXPECT_EQ(driver.status(), 0U);
    EXPECT_FALSE(irq.level());
}

} // namespace
} // namespace gimbal::test
