// SPDX-License-Identifier: Apache-2.0
// A hostile driver and a busy wire at the two ends of a fresh network card.
#include <array>
#include <memory>

#include "base/assert.hpp"
#include "device/virtio/net.hpp"
#include "test/fuzz/op_stream.hpp"

namespace {

using namespace gimbal;
namespace net = virtio::net;

constexpr u64 ram_base = 0x4000'0000;
constexpr usize ram_size = 0x10000;
constexpr u16 queue_size = 8;

struct Wire final : NetBackend {
    u64 frames{};
    void send(std::span<const u8> frame) override
    {
        GIMBAL_ASSERT(frame.size() >= ethernet_header_size && frame.size() <= max_frame_size);
        ++frames;
    }
    void receiver_ready() override {}
};

struct Runner final : virtio::QueueRunner {
    u32 rung{};
    void ring(u32 queue) noexcept override { rung |= 1U << queue; }
};

struct Host final : virtio::DeviceHost {
    explicit Host(GuestMemory& memory) : queues{virtio::Queue(memory), virtio::Queue(memory), virtio::Queue(memory)} {}
    virtio::Queue queues[3];
    virtio::Queue& queue(u32 index) override
    {
        GIMBAL_ASSERT(index < 3);
        return queues[index];
    }
    void used(u32 queue) override { static_cast<void>(queues[queue].take_interrupt()); }
    void config_changed() override {}
    void queue_broken(u32 queue) override { GIMBAL_ASSERT(queues[queue].broken() || !queues[queue].running()); }
};

struct Machine {
    alignas(4096) std::array<u8, ram_size> ram{};
    GuestMemory memory;
    Host host{memory};
    Wire wire;
    Runner runner;
    virtio::Net card{
        {virtio::default_mac_address(0), 9000},
        wire, runner
    };

    Machine()
    {
        GIMBAL_ASSERT(memory.map({.base = {ram_base}, .size = ram_size, .host = ram.data()}).has_value());
        card.attach(host);
    }
    static u64 area(u32 queue) { return ram_base + 0x400 * u64{queue}; }
    static virtio::QueueLayout layout(u32 queue)
    {
        return {queue_size, {area(queue)}, {area(queue) + 0x100}, {area(queue) + 0x200}};
    }
    u16 used_index(u32 queue) { return memory.load<u16>(layout(queue).device + 2).value_or(0); }
};

void start(Machine& machine, u64 features)
{
    for (u32 queue = 0; queue < 3; ++queue) {
        machine.host.queues[queue].stop();
        static_cast<void>(machine.memory.store<u16>(Machine::layout(queue).driver + 2, u16{0}));
        static_cast<void>(machine.memory.store<u16>(Machine::layout(queue).device + 2, u16{0}));
        GIMBAL_ASSERT(machine.host.queues[queue].start(Machine::layout(queue), features));
    }
    machine.card.reset();
    machine.card.activate(features);
}

/// A chain of up to four descriptors that may be anything, made available as it should be.
void offer(Machine& machine, test::OpStream& ops)
{
    const u32 queue = static_cast<u32>(ops.take(1) % 3);
    const virtio::QueueLayout layout = Machine::layout(queue);
    const u64 count = 1 + ops.take(1) % 4;
    const u64 head = ops.take(1) % queue_size;
    for (u64 i = 0; i < count; ++i) {
        const Gpa at = layout.descriptors + 16 * ((head + i) % queue_size);
        const u64 flags = ops.take(1) & 7;
        static_cast<void>(machine.memory.store<u64>(at, ram_base + ops.take(2)));
        static_cast<void>(machine.memory.store<u32>(at + 8, static_cast<u32>(ops.take(2))));
        static_cast<void>(machine.memory.store<u16>(at + 12, static_cast<u16>(i + 1 < count ? flags | 1 : flags & 6)));
        static_cast<void>(machine.memory.store<u16>(at + 14, static_cast<u16>((head + i + 1) % queue_size)));
    }
    const u16 index = machine.memory.load<u16>(layout.driver + 2).value_or(0);
    static_cast<void>(
        machine.memory.store<u16>(layout.driver + (4 + 2 * (index % queue_size)), static_cast<u16>(head)));
    static_cast<void>(machine.memory.store<u16>(layout.driver + 2, static_cast<u16>(index + 1)));
}

void deliver(Machine& machine, test::OpStream& ops)
{
    std::array<u8, 0x4000> frame{};
    const usize size = ops.take(2) % frame.size();
    const auto bytes = ops.take_span(16);
    for (usize i = 0; i < bytes.size(); ++i) frame[i] = bytes[i];
    const u16 before = machine.used_index(net::receive_queue);
    const Delivery delivery = machine.card.deliver({frame.data(), size}, (ops.take(1) & 1) != 0);
    const u16 taken = static_cast<u16>(machine.used_index(net::receive_queue) - before);
    // Whole or not at all; a used ring that lies in a receive buffer is the driver's own doing.
    if (delivery != Delivery::delivered) GIMBAL_ASSERT(machine.host.queues[0].broken() || taken == 0);
    machine.card.end_of_burst();
}

} // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name.
extern "C" int LLVMFuzzerTestOneInput(const u8* data, usize size)
{
    const auto machine = std::make_unique<Machine>();
    test::OpStream ops(data, size);
    start(*machine, virtio::feature::of_every_device | machine->card.features());
    while (!ops.empty()) {
        switch (ops.take(1) % 8) {
        case 0: offer(*machine, ops); break;
        case 1: machine->card.process(static_cast<u32>(ops.take(1) % 3)); break;
        case 2: deliver(*machine, ops); break;
        case 3: { // the driver writes anywhere: rings, descriptors, headers, commands
            const u64 at = ops.take(2);
            const auto bytes = ops.take_span(ops.take(1) % 32);
            static_cast<void>(machine->memory.write({ram_base + at}, bytes));
            break;
        }
        case 4: start(*machine, ops.take(8)); break;
        case 5: {
            std::array<u8, 8> out{};
            machine->card.read_config(static_cast<u32>(ops.take(4)), std::span(out).first(usize{1} << ops.take(1) % 4));
            break;
        }
        case 6: machine->card.set_link((ops.take(1) & 1) != 0); break;
        case 7: {
            const u32 rung = std::exchange(machine->runner.rung, 0);
            for (u32 queue = 0; queue < 3; ++queue)
                if ((rung >> queue & 1) != 0) machine->card.process(queue);
            break;
        }
        }
    }
    return 0;
}
