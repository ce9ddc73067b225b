// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "device/virtio/net.hpp"
#include "test/device/virtio/guest_driver.hpp"

namespace gimbal::test {

namespace net = virtio::net;
using Bytes = std::vector<u8>;

struct FakeBackend final : NetBackend {
    std::vector<Bytes> sent;
    unsigned ready_calls{};

    void send(std::span<const u8> frame) override { sent.emplace_back(frame.begin(), frame.end()); }
    void receiver_ready() override { ++ready_calls; }
};

struct FakeRunner final : virtio::QueueRunner {
    std::vector<u32> rings;
    void ring(u32 queue) noexcept override { rings.push_back(queue); }
};

/// A transport without registers: three queues, and what was reported of each.
struct FakeHost final : virtio::DeviceHost {
    explicit FakeHost(GuestMemory& memory) : queues{virtio::Queue(memory), virtio::Queue(memory), virtio::Queue(memory)}
    {
    }
    virtio::Queue queues[3];
    unsigned used_calls[3]{};
    bool broken[3]{};
    unsigned config_changes{};

    virtio::Queue& queue(u32 index) override { return queues[index]; }
    void used(u32 queue) override { ++used_calls[queue]; }
    void config_changed() override { ++config_changes; }
    void queue_broken(u32 queue) override { broken[queue] = true; }
};

inline constexpr virtio::MacAddress test_mac = virtio::default_mac_address(0);

/// A frame of `size` bytes to `destination`, with a payload that differs from byte to byte.
inline Bytes test_frame(usize size, const virtio::MacAddress& destination = test_mac)
{
    Bytes frame(size);
    for (usize i = 0; i < size; ++i) frame[i] = static_cast<u8>(i * 7 + i / 256);
    std::ranges::copy(destination.bytes, frame.begin());
    return frame;
}

struct NetworkDevice : testing::Test {
    static constexpr u64 all = virtio::feature::of_every_device | net::feature::csum | net::feature::guest_csum |
                               net::feature::mtu | net::feature::mac | net::feature::mrg_rxbuf | net::feature::status |
                               net::feature::ctrl_vq | net::feature::ctrl_rx | net::feature::ctrl_mac_addr;

    void SetUp() override
    {
        device->attach(host);
        start(virtio::feature::version_1);
    }
    void start(u64 features)
    {
        for (u32 i = 0; i < 3; ++i) {
            host.queues[i].stop();
            driver[i].set_available(0);
            ASSERT_TRUE(host.queues[i].start(driver[i].layout(), features));
        }
        device->reset();
        device->activate(features);
    }

    /// Queues `packet` for transmission, cut into descriptors of `piece` bytes, and runs the queue.
    void transmit(const Bytes& packet, usize piece = ~usize{0})
    {
        ASSERT_TRUE(packet.empty() || ram.memory.write({data}, packet).has_value());
        std::vector<DriverQueue::Buffer> buffers;
        for (usize at = 0; at < packet.size(); at += piece)
            buffers.push_back({data + at, static_cast<u32>(std::min(piece, packet.size() - at)), false});
        if (buffers.empty()) buffers.push_back({data, 0, false});
        driver[net::transmit_queue].offer(buffers);
        device->process(net::transmit_queue);
    }
    /// A header and a frame.
    static Bytes packet(const Bytes& frame, u8 flags = 0, u8 gso = 0, u16 start = 0, u16 offset = 0)
    {
        Bytes result(net::header_size);
        result[0] = flags;
        result[1] = gso;
        result[6] = static_cast<u8>(start);
        result[7] = static_cast<u8>(start >> 8);
        result[8] = static_cast<u8>(offset);
        result[9] = static_cast<u8>(offset >> 8);
        result.insert(result.end(), frame.begin(), frame.end());
        return result;
    }
    /// A receive buffer of its own for each head.
    u64 receive_buffer(u16 head) const { return data + 0x20000 + 0x800 * u64{head}; }
    void offer_receive(u16 head, u32 size)
    {
        driver[net::receive_queue].offer(
            {
                {receive_buffer(head), size, true}
        },
            head);
    }
    Bytes memory(u64 address, usize size)
    {
        Bytes bytes(size);
        EXPECT_TRUE(ram.memory.read({address}, bytes).has_value());
        return bytes;
    }
    /// Sends a command, returns the answer; none if there was no room for one.
    std::optional<u8> command(const Bytes& bytes, u32 ack_size = 1)
    {
        DriverQueue& queue = driver[net::control_queue];
        const u16 before = queue.used_index();
        EXPECT_TRUE(ram.memory.write({data}, bytes).has_value());
        ram.store<u8>(data + 0x1000, 0xAA);
        std::vector<DriverQueue::Buffer> buffers{
            {data, static_cast<u32>(bytes.size()), false}
        };
        if (ack_size != 0) buffers.push_back({data + 0x1000, ack_size, true});
        queue.offer(buffers);
        device->process(net::control_queue);
        if (queue.used_index() == before) return std::nullopt;
        return ram.load<u8>(data + 0x1000);
    }
    Delivery deliver(const Bytes& frame, bool good = false) { return device->deliver(frame, good); }

    GuestRam ram{0x80000};
    u64 data{ram.base() + 0x10000};
    DriverQueue driver[3]{
        {ram, ram.base()         },
        {ram, ram.base() + 0x3000},
        {ram, ram.base() + 0x6000}
    };
    FakeHost host{ram.memory};
    FakeBackend backend;
    FakeRunner runner;
    std::unique_ptr<virtio::Net> device =
        std::make_unique<virtio::Net>(virtio::NetConfig{test_mac, 9000}, backend, runner);
};

} // namespace gimbal::test
