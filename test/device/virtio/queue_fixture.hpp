// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "device/virtio/queue.hpp"
#include "test/device/virtio/guest_driver.hpp"

namespace gimbal::test {

using virtio::Chain;
using virtio::Queue;
using virtio::QueueError;
using virtio::QueueLayout;
namespace feature = virtio::feature;
namespace flag = virtio::descriptor_flag;

inline constexpr u64 everything = feature::of_every_device;
inline constexpr u64 plain = feature::version_1;

class Virtqueue : public testing::Test {
protected:
    void SetUp() override { start(plain); }
    void start(u64 features) { ASSERT_TRUE(queue.start(driver.layout(), features)); }
    void offer_one(u16 head = 0) { driver.offer(one_byte, head); }
    bool take() { return queue.pop(chain).value_or(false); }
    QueueError refusal()
    {
        const auto result = queue.pop(chain);
        EXPECT_FALSE(result.has_value());
        return result ? QueueError::stopped : result.error();
    }
    std::string read(u64 offset, usize size)
    {
        std::string text(size, '\0');
        EXPECT_TRUE(queue.read(chain, offset, {reinterpret_cast<u8*>(text.data()), size}).has_value());
        return text;
    }
    Result<void, QueueError> write(u64 offset, std::string_view text)
    {
        return queue.write(chain, offset, {reinterpret_cast<const u8*>(text.data()), text.size()});
    }
    void restart(u64 features = plain)
    {
        queue.stop();
        driver.set_available(0);
        start(features);
    }

    GuestRam ram;
    u64 data{ram.base() + 0x8000};
    DriverQueue driver{ram, ram.base()};
    Queue queue{ram.memory};
    Chain chain;
    const std::vector<DriverQueue::Buffer> one_byte{
        DriverQueue::Buffer{data, 1}
    };
};

} // namespace gimbal::test
