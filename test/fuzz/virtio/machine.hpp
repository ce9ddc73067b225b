// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "base/assert.hpp"
#include "device/virtio/mmio.hpp"
#include "test/fuzz/op_stream.hpp"

namespace gimbal::test {

/// RAM with a hole behind it, and a page beyond that which may only be read.
class FuzzRam {
public:
    static constexpr u64 base = 0x1'0000;
    static constexpr u64 size = 0x8000;
    static constexpr u64 read_only_base = 0x2'0000;

    FuzzRam()
    {
        std::ranges::fill(ram_, u8{0});
        std::ranges::fill(read_only_, u8{0x5A});
        GIMBAL_ASSERT(memory.map({.base = {base}, .size = size, .host = ram_}).has_value());
        GIMBAL_ASSERT(
            memory.map({.base = {read_only_base}, .size = sizeof read_only_, .host = read_only_, .read_only = true})
                .has_value());
    }
    ~FuzzRam()
    {
        GIMBAL_ASSERT(std::ranges::all_of(read_only_, [](u8 byte) { return byte == 0x5A; }));
    }
    FuzzRam(const FuzzRam&) = delete;
    FuzzRam& operator=(const FuzzRam&) = delete;

    GuestMemory memory;

    std::span<u8> bytes() { return ram_; }
    /// As the guest does it, anywhere in RAM.
    void poke(u64 offset, std::span<const u8> data)
    {
        offset %= size;
        std::ranges::copy(data.first(std::min<usize>(data.size(), size - offset)), ram_ + offset);
    }
    void poke_field(u64 offset, u64 value, unsigned width)
    {
        for (unsigned i = 0; i < width; ++i) ram_[(offset + i) % size] = static_cast<u8>(value >> (8 * i));
    }

private:
    alignas(4096) static inline u8 ram_[size];
    alignas(4096) static inline u8 read_only_[4096];
};

/// An address that is likely to be interesting: mostly in RAM, or near one of its edges.
inline u64 take_address(OpStream& ops)
{
    const u64 value = ops.take(2);
    switch (ops.take(1) % 8) {
    case 0: return FuzzRam::base + FuzzRam::size - (value & 0x1F);
    case 1: return FuzzRam::read_only_base + (value & 0xFFF);
    case 2: return ~u64{0} - value;
    case 3: return ops.take(8);
    default: return FuzzRam::base + value % FuzzRam::size;
    }
}

/// Where the driver of a fuzzer puts a sound queue: descriptors, available ring, used ring, 0x400 bytes each.
struct FuzzQueue {
    static constexpr u16 size = 8;
    u64 offset{};
    u16 available{}; ///< The index published last.

    virtio::QueueLayout layout() const
    {
        const u64 at = FuzzRam::base + offset;
        return {size, {at}, {at + 0x400}, {at + 0x800}};
    }
    void describe(FuzzRam& ram, OpStream& ops) const
    {
        const u64 at = offset + 16 * (ops.take(1) % (size + 1));
        ram.poke_field(at, take_address(ops), 8);
        const u64 kind = ops.take(1);
        ram.poke_field(at + 8, kind % 4 == 0 ? ops.take(4) : kind, 4);
        ram.poke_field(at + 12, ops.take(1) & 7, 2);
        ram.poke_field(at + 14, ops.take(1) % (size + 1), 2);
    }
    void offer(FuzzRam& ram, u64 head)
    {
        ram.poke_field(offset + 0x400 + 4 + 2 * (available % size), head, 2);
        ram.poke_field(offset + 0x400 + 2, ++available, 2);
    }
};

struct FuzzChip final : InterruptChip {
    bool level{};
    bool has_spi(Spi) const override { return true; }
    void set_spi(Spi, bool now) override { level = now; }
    void set_ppi(VcpuId, Intid, bool) override {}
    void reset_cpu(VcpuId) override {}
};

struct FuzzRunner final : virtio::QueueRunner {
    u32 rung{};
    void ring(u32 queue) noexcept override { rung |= 1U << queue; }
};

/// A guest around one virtio device. The device's threads are the fuzzer's: run() is one of their turns.
class FuzzMachine {
public:
    FuzzMachine(virtio::Device& device, FuzzRunner& runner)
        : device_(device), runner_(runner), transport_(device, ram.memory, connect())
    {
        for (u32 i = 0; i < device.queue_count(); ++i) queues[i].offset = 0x1000 * i;
    }

    FuzzRam ram;
    FuzzQueue queues[virtio::max_queues];

    u32 read(u64 offset) { return static_cast<u32>(*transport_.read({}, offset, AccessSize::bytes_4)); }
    void write(u64 offset, u32 value)
    {
        GIMBAL_ASSERT(transport_.write({}, offset, AccessSize::bytes_4, value).has_value());
    }
    /// One operation of the guest or of a device's thread.
    void step(OpStream& ops)
    {
        const u32 index = static_cast<u32>(ops.take(1) % device_.queue_count());
        switch (ops.take(1) % 9) {
        case 0: any_access(ops); break;
        case 1: write(ops.take(1) % 2 * 4 + 0x020, static_cast<u32>(ops.take(4))); break;
        case 2: bring_up(ops.take(1)); break;
        case 3: ram.poke(ops.take(2), ops.take_span(ops.take(1) % 32)); break;
        case 4: queues[index].describe(ram, ops); break;
        case 5: queues[index].offer(ram, ops.take(1) % (FuzzQueue::size + 1)); break;
        case 6: write(0x050, index); break;
        case 7: run(); break;
        case 8: write(0x064, static_cast<u32>(ops.take(1))); break;
        }
        check();
    }
    /// What was rung has its turn, once.
    void run()
    {
        const u32 rung = std::exchange(runner_.rung, 0);
        for (u32 index = 0; index < device_.queue_count(); ++index)
            if ((rung >> index & 1) != 0) device_.process(index);
    }
    void check()
    {
        GIMBAL_ASSERT((read(0x060) != 0) == chip_.level);
        GIMBAL_ASSERT(read(0x000) == virtio::mmio::magic);
        const u32 status = read(0x070);
        GIMBAL_ASSERT((status & virtio::status::driver_ok) == 0 || (status & virtio::status::features_ok) != 0);
    }

private:
    InterruptSource connect()
    {
        GIMBAL_ASSERT(line_.connect(chip_, Spi{1}).has_value());
        return *line_.add_source();
    }
    void any_access(OpStream& ops)
    {
        const AccessSize width = ops.take_size();
        const u64 offset = (ops.take(2) & 0x1FF) / byte_count(width) * byte_count(width);
        if (ops.take(1) % 2 == 0)
            static_cast<void>(transport_.read({}, offset, width));
        else
            static_cast<void>(transport_.write({}, offset, width, ops.take(byte_count(width))));
    }
    /// From a reset to DRIVER_OK, so that the stream need not guess it.
    void bring_up(u64 how)
    {
        write(0x070, 0);
        GIMBAL_ASSERT(read(0x070) == 0 && !chip_.level);
        write(0x070, 3);
        write(0x024, 1);
        write(0x020, 1);
        write(0x024, 0);
        write(0x020, static_cast<u32>(how << 28));
        write(0x070, 11);
        for (u32 index = 0; index < device_.queue_count(); ++index) {
            FuzzQueue& queue = queues[index];
            std::ranges::fill(ram.bytes().subspan(queue.offset + 0x400, 0x800), u8{0});
            queue.available = 0;
            const virtio::QueueLayout layout = queue.layout();
            write(0x030, index);
            write(0x038, layout.size);
            write(0x080, static_cast<u32>(layout.descriptors.value));
            write(0x090, static_cast<u32>(layout.driver.value));
            write(0x0A0, static_cast<u32>(layout.device.value));
            write(0x044, 1);
        }
        write(0x070, 15);
    }

    virtio::Device& device_;
    FuzzRunner& runner_;
    FuzzChip chip_;
    InterruptLine line_;
    virtio::MmioTransport transport_;
};

} // namespace gimbal::test
