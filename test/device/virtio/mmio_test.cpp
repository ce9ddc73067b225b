// SPDX-License-Identifier: Apache-2.0
#include "device/virtio/mmio.hpp"

#include "test/device/virtio/mmio_driver.hpp"

namespace gimbal::test {
namespace {

using virtio::QueueError;
namespace feature = virtio::feature;
namespace status = virtio::status;

class VirtioMmio : public testing::Test {
protected:
    FakeLine irq;
    GuestRam ram;
    FakeVirtioDevice device;
    virtio::MmioTransport transport{device, ram.memory, irq.source};
    MmioDriver driver{transport, ram};
    Driver& reg{driver.reg};
};

TEST_F(VirtioMmio, Clause4_2_2_Identification)
{
    EXPECT_EQ(reg.read(0x000), 0x7472'6976U);
    EXPECT_EQ(reg.read(0x004), 2U);
    EXPECT_EQ(reg.read(0x008), 4U);
    EXPECT_NE(reg.read(0x00C), 0U);
    for (u64 offset = 0; offset < 0x10; offset += 4) reg.write(offset, 0); // read-only
    EXPECT_EQ(reg.read(0x000), 0x7472'6976U);
}

TEST_F(VirtioMmio, Clause4_2_2_2_RegistersTake32BitAccessesOnly)
{
    for (u64 offset = 0; offset < 0x100; offset += 4) {
        EXPECT_TRUE(reg.refuses(offset, AccessSize::bytes_1)) << offset;
        EXPECT_TRUE(reg.refuses(offset, AccessSize::bytes_2)) << offset;
        EXPECT_TRUE(reg.refuses(offset + 2, AccessSize::bytes_2)) << offset;
        EXPECT_TRUE(reg.refuses(offset, AccessSize::bytes_8)) << offset;
    }
    // Version 1's, QueueReset, and what nobody has described.
    for (const u64 offset :
         {0x018U, 0x01CU, 0x028U, 0x02CU, 0x03CU, 0x040U, 0x048U, 0x054U, 0x068U, 0x074U, 0x0C0U, 0x0F8U})
        EXPECT_TRUE(reg.refuses(offset, AccessSize::bytes_4)) << std::hex << offset;
}

TEST_F(VirtioMmio, Clause4_2_2_WriteOnlyRegistersReadAsZero)
{
    for (const u64 offset : {0x014U, 0x020U, 0x024U, 0x030U, 0x038U, 0x050U, 0x064U, 0x080U, 0x084U, 0x090U, 0x094U,
                             0x0A0U, 0x0A4U, 0x0ACU}) {
        reg.write(offset, 1);
        EXPECT_EQ(reg.read(offset), 0U) << std::hex << offset;
    }
}

TEST_F(VirtioMmio, Clause4_2_2_ThereIsNoSharedMemory)
{
    for (const u32 region : {0U, 1U, ~0U}) {
        reg.write(0x0AC, region);
        for (u64 offset = 0x0B0; offset <= 0x0BC; offset += 4) {
            reg.write(offset, 0);
            EXPECT_EQ(reg.read(offset), 0xFFFF'FFFFU);
        }
    }
}

TEST_F(VirtioMmio, Clause2_2_FeaturesAreNegotiated)
{
    EXPECT_EQ(driver.offered(), feature::of_every_device | FakeVirtioDevice::own_feature);
    reg.write(0x014, 2);
    EXPECT_EQ(reg.read(0x010), 0U);
    EXPECT_TRUE(driver.negotiate(feature::version_1 | FakeVirtioDevice::own_feature));
    driver.write_features(feature::of_every_device); // 3.1.1: too late
    driver.set_status(status::driver_ok);
    EXPECT_EQ(device.negotiated, feature::version_1 | FakeVirtioDevice::own_feature);
}

TEST_F(VirtioMmio, Clause2_2_2_FeaturesThatAreNotOfferedAreRefused)
{
    EXPECT_FALSE(driver.negotiate(feature::version_1 | bit(40)));
    EXPECT_EQ(driver.status(), status::acknowledge | status::driver);
    driver.set_status(status::driver_ok); // does not stand without FEATURES_OK
    EXPECT_EQ(driver.status(), status::acknowledge | status::driver);
    EXPECT_EQ(device.activations, 0U);
    EXPECT_FALSE(driver.negotiate(FakeVirtioDevice::own_feature)); // 6.2: not without VIRTIO_F_VERSION_1
    reg.write(0x024, 2);
    reg.write(0x020, 1);
    EXPECT_FALSE(driver.negotiate(feature::version_1)); // bit 64
    driver.reset();
    EXPECT_TRUE(driver.negotiate(feature::version_1));
}

TEST_F(VirtioMmio, Clause2_1_1_StatusBitsAreSetAndOnlyZeroClears)
{
    driver.set_status(status::acknowledge);
    reg.write(0x070, status::driver); // leaves ACKNOWLEDGE out
    EXPECT_EQ(driver.status(), status::acknowledge | status::driver);
    reg.write(0x070, status::failed | status::device_needs_reset | 0xFFFF'FF00U | 0x30U);
    EXPECT_EQ(driver.status(), status::acknowledge | status::driver | status::failed);
    reg.write(0x070, 0);
    EXPECT_EQ(driver.status(), 0U);
}

TEST_F(VirtioMmio, Clause4_2_3_2_AQueueIsSetUpAndRuns)
{
    ASSERT_TRUE(driver.negotiate(feature::of_every_device));
    reg.write(0x030, 1);
    EXPECT_EQ(reg.read(0x034), virtio::max_queue_size);
    EXPECT_EQ(reg.read(0x044), 0U);
    DriverQueue queue(ram, ram.base());
    driver.set_up(1, queue.layout());
    EXPECT_EQ(reg.read(0x044), 1U);
    EXPECT_FALSE(transport.queue(1).running());
    reg.write(0x050, 1); // nothing runs before DRIVER_OK
    EXPECT_TRUE(device.notified.empty());
    driver.set_status(status::driver_ok);
    EXPECT_TRUE(transport.queue(1).running());
    EXPECT_FALSE(transport.queue(0).running());
    EXPECT_EQ(device.activations, 1U);
    driver.set_status(status::driver_ok); // again
    EXPECT_EQ(device.activations, 1U);
    reg.write(0x050, 1);
    reg.write(0x050, 0); // not ready: the queue says so itself
    EXPECT_EQ(device.notified, (std::vector<u32>{1, 0}));
}

TEST_F(VirtioMmio, QueuesBeyondTheLastAreNotThere)
{
    driver.start_with_queue(0);
    for (const u32 index : {2U, 16U, 0x1'0000U, ~0U}) {
        reg.write(0x030, index);
        EXPECT_EQ(reg.read(0x034), 0U);
        for (const u64 offset : {0x038U, 0x044U, 0x080U, 0x084U, 0x090U, 0x094U, 0x0A0U, 0x0A4U}) reg.write(offset, 1);
        EXPECT_EQ(reg.read(0x044), 0U);
        reg.write(0x050, index);
    }
    EXPECT_TRUE(device.notified.empty());
    EXPECT_TRUE(transport.queue(0).running());
}

TEST_F(VirtioMmio, ARunningQueueIsNotReconfigured)
{
    driver.start_with_queue(0);
    reg.write(0x030, 0);
    const auto rewrite = [&] {
        reg.write(0x038, 4);
        for (const u64 offset : {0x080U, 0x084U, 0x090U, 0x094U, 0x0A0U, 0x0A4U}) reg.write(offset, 0x5555'0000U);
        reg.write(0x044, 1);
    };
    rewrite();
    driver.queue.offer({
        DriverQueue::Buffer{ram.base() + 0x8000, 1}
    });
    virtio::Chain chain;
    EXPECT_TRUE(transport.queue(0).pop(chain).value_or(false));
    EXPECT_TRUE(transport.queue(0).push(chain, 0).has_value());
    EXPECT_EQ(driver.queue.used_index(), 1);
    // Stopped, it is not started again but by a reset.
    reg.write(0x044, 0);
    EXPECT_EQ(reg.read(0x044), 0U);
    EXPECT_EQ(transport.queue(0).pop(chain).error(), QueueError::stopped);
    rewrite();
    EXPECT_EQ(reg.read(0x044), 0U);
    driver.set_status(status::driver_ok);
    EXPECT_FALSE(transport.queue(0).running());
    // Another one that was not ready in time is not started either.
    driver.set_up(1, driver.queue.layout());
    EXPECT_EQ(reg.read(0x044), 0U);
}

TEST_F(VirtioMmio, AReadyQueueIsNotReconfiguredEither)
{
    ASSERT_TRUE(driver.negotiate(feature::version_1));
    driver.set_up(0, driver.queue.layout());
    driver.set_up(0, {4, {0}, {0}, {0}});
    reg.write(0x044, 2); // neither one nor zero
    EXPECT_EQ(reg.read(0x044), 1U);
    driver.set_status(status::driver_ok);
    EXPECT_TRUE(transport.queue(0).running());
    EXPECT_EQ(driver.status() & status::device_needs_reset, 0U);
}

TEST_F(VirtioMmio, Clause2_1_2_AQueueInAnImpossiblePlaceNeedsAReset)
{
    ASSERT_TRUE(driver.negotiate(feature::version_1));
    driver.set_up(0, driver.queue.layout());
    auto layout = driver.queue.layout();
    layout.descriptors = {~u64{0} - 15};
    driver.set_up(1, layout);
    driver.set_status(status::driver_ok);
    EXPECT_TRUE(transport.queue(0).running()); // the other one goes on
    EXPECT_FALSE(transport.queue(1).running());
    EXPECT_NE(driver.status() & status::device_needs_reset, 0U);
    EXPECT_EQ(reg.read(0x060), 2U);
    EXPECT_TRUE(irq.level());
}

TEST_F(VirtioMmio, QueueNumIsJudgedAsItWasWritten)
{
    for (const u32 size : {0U, 3U, 512U, 0x1'0008U, ~0U}) {
        driver.reset();
        ASSERT_TRUE(driver.negotiate(feature::version_1));
        driver.set_up(0, driver.queue.layout(), size);
        driver.set_status(status::driver_ok);
        EXPECT_FALSE(transport.queue(0).running()) << size;
        EXPECT_NE(driver.status() & status::device_needs_reset, 0U) << size;
    }
}

TEST_F(VirtioMmio, V26_InterruptStatusIsALevelUntilItIsAcknowledged)
{
    driver.start_with_queue(0);
    const auto complete_one = [&] {
        driver.queue.offer({
            DriverQueue::Buffer{ram.base() + 0x8000, 1}
        });
        virtio::Chain chain;
        ASSERT_TRUE(transport.queue(0).pop(chain).value_or(false));
        ASSERT_TRUE(transport.queue(0).push(chain, 0).has_value());
        transport.used(0);
    };
    transport.used(0); // nothing is published
    EXPECT_FALSE(irq.level());
    complete_one();
    EXPECT_EQ(reg.read(0x060), 1U);
    EXPECT_TRUE(irq.level());
    transport.config_changed();
    EXPECT_EQ(reg.read(0x060), 3U);
    complete_one(); // never acknowledged: stays as it is
    reg.write(0x064, 1);
    EXPECT_EQ(reg.read(0x060), 2U);
    EXPECT_TRUE(irq.level());
    complete_one(); // comes between the look and the acknowledgement of the other event
    reg.write(0x064, 2);
    EXPECT_TRUE(irq.level());
    reg.write(0x064, 0xFFFF'FFFFU);
    EXPECT_EQ(reg.read(0x060), 0U);
    EXPECT_FALSE(irq.level());
    driver.queue.set_driver_flags(1);
    complete_one();
    EXPECT_FALSE(irq.level());
}

TEST_F(VirtioMmio, Clause2_5_ConfigGenerationMovesWithEachChange)
{
    const u64 before = reg.read(0x0FC);
    EXPECT_EQ(reg.read(0x0FC), before);
    transport.config_changed();
    EXPECT_NE(reg.read(0x0FC), before);
    EXPECT_EQ(reg.read(0x060), 0U); // a driver that is not up is not told
}

TEST_F(VirtioMmio, ConfigurationSpaceTakesEverySize)
{
    EXPECT_EQ(reg.read(0x100, AccessSize::bytes_1), 0x10U);
    EXPECT_EQ(reg.read(0x102, AccessSize::bytes_2), 0x1312U);
    EXPECT_EQ(reg.read(0x104), 0x1716'1514U);
    EXPECT_EQ(reg.read(0x108), 0U); // beyond its end
    EXPECT_EQ(reg.read(0x1FC), 0U);
    reg.write(0x104, 0xAABB'CCDD);
    reg.write(0x106, 0x1122, AccessSize::bytes_2);
    EXPECT_EQ(reg.read(0x104), 0x1122'CCDDU);
    reg.write(0x1FF, 1, AccessSize::bytes_1);
}

TEST_F(VirtioMmio, Clause2_1_2_ABrokenQueueNeedsAResetAndTheOthersGoOn)
{
    ASSERT_TRUE(driver.negotiate(feature::version_1));
    DriverQueue good(ram, ram.base() + 0x4000);
    driver.set_up(0, driver.queue.layout());
    driver.set_up(1, good.layout());
    driver.set_status(status::driver_ok);
    transport.queue_broken(0); // it is not
    EXPECT_EQ(driver.status() & status::device_needs_reset, 0U);
    driver.queue.offer_head(99);
    virtio::Chain chain;
    EXPECT_EQ(transport.queue(0).pop(chain).error(), QueueError::broken);
    transport.queue_broken(0);
    EXPECT_NE(driver.status() & status::device_needs_reset, 0U);
    EXPECT_EQ(reg.read(0x060), 2U);
    EXPECT_TRUE(irq.level());
    reg.write(0x064, 2);
    transport.queue_broken(0); // once
    EXPECT_FALSE(irq.level());
    good.offer({
        DriverQueue::Buffer{ram.base() + 0x8000, 1}
    });
    EXPECT_TRUE(transport.queue(1).pop(chain).value_or(false));
    EXPECT_TRUE(transport.queue(1).push(chain, 0).has_value());
    transport.used(1);
    EXPECT_EQ(reg.read(0x060), 1U);
}

TEST_F(VirtioMmio, Clause2_4_1_ResetForgetsEverything)
{
    driver.start_with_queue(0);
    driver.queue.offer({
        DriverQueue::Buffer{ram.base() + 0x8000, 1}
    });
    virtio::Chain in_flight;
    ASSERT_TRUE(transport.queue(0).pop(in_flight).value_or(false));
    transport.config_changed();
    reg.write(0x014, 1);
    reg.write(0x030, 1);
    driver.reset();
    EXPECT_EQ(device.resets, 2U); // start_with_queue() begins with one
    EXPECT_EQ(driver.status(), 0U);
    EXPECT_EQ(reg.read(0x060), 0U);
    EXPECT_FALSE(irq.level());
    EXPECT_EQ(static_cast<u32>(reg.read(0x010)),
              static_cast<u32>(feature::of_every_device | 1)); // selects the low half
    for (const u32 index : {0U, 1U}) {
        reg.write(0x030, index);
        EXPECT_EQ(reg.read(0x044), 0U);
    }
    // The request in flight has no effect, neither now nor on the next life.
    EXPECT_EQ(transport.queue(0).push(in_flight, 0).error(), QueueError::stopped);
    transport.used(0);
    transport.config_changed();
    EXPECT_FALSE(irq.level());
    driver.queue.set_available(0);
    driver.start_with_queue(0);
    EXPECT_EQ(transport.queue(0).push(in_flight, 0).error(), QueueError::stopped);
    reg.write(0x050, 0);
    EXPECT_EQ(device.notified, (std::vector<u32>{0}));
    EXPECT_EQ(driver.queue.used_index(), 0);
}

TEST_F(VirtioMmio, AnOldQueueIsNotRevivedByDriverOkAlone)
{
    driver.start_with_queue(0);
    driver.reset();
    ASSERT_TRUE(driver.negotiate(feature::version_1));
    driver.set_status(status::driver_ok);
    EXPECT_FALSE(transport.queue(0).running());
    EXPECT_EQ(driver.status() & status::device_needs_reset, 0U);
}

} // namespace
} // namespace gimbal::test
