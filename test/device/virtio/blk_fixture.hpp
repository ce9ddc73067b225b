// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gmock/gmock.h>

#include <memory>

#include "device/virtio/blk.hpp"
#include "test/device/fake_disk.hpp"
#include "test/device/virtio/guest_driver.hpp"

namespace gimbal::test {

using virtio::BlkStatus;
using virtio::BlkType;
namespace blk_feature = virtio::blk_feature;
namespace blk_limits = virtio::blk_limits;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;

/// A block device with its queues, a driver for the first of them, and a disk in memory.
class BlkDevice : public testing::Test {
protected:
    static constexpr u32 queues = 2;
    static constexpr u8 untouched = 0xEE; ///< In buffers and the status before the device runs.
    using Buffer = DriverQueue::Buffer;

    struct Host final : virtio::DeviceHost, virtio::QueueRunner {
        explicit Host(GuestMemory& memory) : first(memory), second(memory) {}
        virtio::Queue& queue(u32 index) override { return index == 0 ? first : second; }
        void used(u32) override { ++used_calls; }
        void config_changed() override {}
        void queue_broken(u32 queue) override { broken.push_back(queue); }
        void ring(u32 queue) noexcept override { rings.push_back(queue); }

        virtio::Queue first;
        virtio::Queue second;
        unsigned used_calls{};
        std::vector<u32> broken;
        std::vector<u32> rings;
    };

    void make(u64 sectors = 64, bool read_only = false)
    {
        disk.emplace(sectors, read_only);
        device.emplace(*disk, host, std::span(workers));
        device->attach(host);
    }
    /// DRIVER_OK with everything the device offers, or some of it.
    void start(u64 without = 0)
    {
        if (!device) make();
        ASSERT_TRUE(host.first.start(driver.layout(), virtio::feature::version_1));
        device->activate((device->features() & ~without) | virtio::feature::version_1);
    }
    void SetUp() override { ram.put(data, std::string(0x10000, static_cast<char>(untouched))); }

    u64 put_header(u32 type, u64 sector)
    {
        ram.store<u32>(header, type);
        ram.store<u32>(header + 4, 0xFFFF'FFFF); // reserved: of no effect
        ram.store<u64>(header + 8, sector);
        return header;
    }
    /// Runs one request of these buffers and returns its status byte, or 0xEE if there was none.
    u8 run(const std::vector<Buffer>& buffers)
    {
        ram.store<u8>(status, untouched);
        driver.offer(buffers);
        device->process(0);
        return ram.load<u8>(status);
    }
    u8 request(BlkType type, u64 sector, const std::vector<Buffer>& middle)
    {
        std::vector<Buffer> buffers{
            {put_header(static_cast<u32>(type), sector), 16, false}
        };
        buffers.insert(buffers.end(), middle.begin(), middle.end());
        buffers.push_back({status, 1, true});
        return run(buffers);
    }
    u8 read(u64 sector, u32 bytes)
    {
        return request(BlkType::in, sector,
                       {
                           {data, bytes, true}
        });
    }
    u8 write(u64 sector, u32 bytes)
    {
        return request(BlkType::out, sector,
                       {
                           {data, bytes, false}
        });
    }

    struct Segment {
        u64 sector;
        u32 sectors;
        u32 flags;
    };
    u8 change(BlkType type, const std::vector<Segment>& segments, u32 surplus = 0)
    {
        for (usize i = 0; i < segments.size(); ++i) {
            ram.store<u64>(data + 16 * i, segments[i].sector);
            ram.store<u32>(data + 16 * i + 8, segments[i].sectors);
            ram.store<u32>(data + 16 * i + 12, segments[i].flags);
        }
        return request(type, 0,
                       {
                           {data, static_cast<u32>(segments.size() * 16) + surplus, false}
        });
    }
    u32 used_length() { return driver.used(static_cast<u16>(driver.used_index() - 1)).length; }
    std::string on_disk(u64 offset, usize size)
    {
        return {disk->bytes.begin() + static_cast<std::ptrdiff_t>(offset),
                disk->bytes.begin() + static_cast<std::ptrdiff_t>(offset + size)};
    }
    template <class T>
    T config(u32 offset)
    {
        u8 bytes[sizeof(T)];
        device->read_config(offset, bytes);
        T value;
        std::memcpy(&value, bytes, sizeof(value));
        return value;
    }
    void set_writeback(u8 value) { device->write_config(32, {&value, 1}); }

    static constexpr u8 ok = static_cast<u8>(BlkStatus::ok);
    static constexpr u8 ioerr = static_cast<u8>(BlkStatus::ioerr);
    static constexpr u8 unsupp = static_cast<u8>(BlkStatus::unsupp);

    GuestRam ram{0x80000};
    u64 header{ram.base() + 0x6000};
    u64 status{ram.base() + 0x7000};
    u64 data{ram.base() + 0x10000};
    DriverQueue driver{ram, ram.base(), 16};
    Host host{ram.memory};
    std::vector<virtio::BlkWorker> workers{queues};
    std::optional<FakeDisk> disk;
    std::optional<virtio::Blk> device;
};

} // namespace gimbal::test
