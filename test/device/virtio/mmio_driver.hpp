// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "device/virtio/mmio.hpp"
#include "test/device/fakes.hpp"
#include "test/device/virtio/guest_driver.hpp"

namespace gimbal::test {

/// Two queues, eight bytes of configuration, and a memory for what it was told.
struct FakeVirtioDevice final : virtio::Device {
    static constexpr u64 own_feature = 1;

    virtio::DeviceHost* host{};
    u8 config[8]{0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17};
    unsigned activations{};
    unsigned resets{};
    u64 negotiated{};
    std::vector<u32> notified;

    virtio::DeviceId id() const override { return virtio::DeviceId::entropy; }
    u64 features() const override { return own_feature; }
    u32 queue_count() const override { return 2; }
    void attach(virtio::DeviceHost& to) override { host = &to; }
    void read_config(u32 offset, std::span<u8> out) override
    {
        for (u8& byte : out) byte = offset < sizeof config ? config[offset++] : u8{0};
    }
    void write_config(u32 offset, std::span<const u8> data) override
    {
        for (const u8 byte : data)
            if (offset < sizeof config) config[offset++] = byte;
    }
    void activate(u64 features) override
    {
        negotiated = features;
        ++activations;
    }
    void reset() override { ++resets; }
    void notify(u32 queue) override { notified.push_back(queue); }
    void process(u32) override {}
};

/// A driver of a virtio-mmio device, up to the point where its queues run.
class MmioDriver {
public:
    MmioDriver(MmioDevice& device, GuestRam& ram, u16 queue_size = 8) : reg{device}, queue(ram, ram.base(), queue_size)
    {
    }

    Driver reg;
    DriverQueue queue; // of start_with_queue()

    u32 status() const { return static_cast<u32>(reg.read(0x070)); }
    void set_status(u32 bits) const { reg.write(0x070, status() | bits); }
    void reset() const { reg.write(0x070, 0); }

    u64 offered() const
    {
        reg.write(0x014, 1);
        const u64 high = reg.read(0x010);
        reg.write(0x014, 0);
        return (high << 32) | reg.read(0x010);
    }
    void write_features(u64 features) const
    {
        for (const u32 half : {0U, 1U}) {
            reg.write(0x024, half);
            reg.write(0x020, static_cast<u32>(features >> (32 * half)));
        }
    }
    /// Whether FEATURES_OK stands.
    bool negotiate(u64 features) const
    {
        set_status(virtio::status::acknowledge);
        set_status(virtio::status::driver);
        write_features(features);
        set_status(virtio::status::features_ok);
        return (status() & virtio::status::features_ok) != 0;
    }
    void set_up(u32 index, const virtio::QueueLayout& layout) const { set_up(index, layout, layout.size); }
    void set_up(u32 index, const virtio::QueueLayout& layout, u32 size) const
    {
        reg.write(0x030, index);
        reg.write(0x038, size);
        write_address(0x080, layout.descriptors);
        write_address(0x090, layout.driver);
        write_address(0x0A0, layout.device);
        reg.write(0x044, 1);
    }
    /// Reset to DRIVER_OK with `queue` as the only one.
    void start_with_queue(u32 index, u64 features = virtio::feature::version_1) const
    {
        reset();
        ASSERT_TRUE(negotiate(features));
        set_up(index, queue.layout());
        set_status(virtio::status::driver_ok);
    }
    void notify(u32 index) const { reg.write(0x050, index); }

private:
    void write_address(u64 offset, Gpa address) const
    {
        reg.write(offset, static_cast<u32>(address.value));
        reg.write(offset + 4, static_cast<u32>(address.value >> 32));
    }
};

} // namespace gimbal::test
