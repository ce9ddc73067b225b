// SPDX-License-Identifier: Apache-2.0
// A guest and a host at the two ends of a fresh PL011.
#include "base/assert.hpp"
#include "device/pl011/pl011.hpp"
#include "test/fuzz/op_stream.hpp"

namespace {

using namespace gimbal;

struct Chip final : InterruptChip {
    bool level{};
    bool has_spi(Spi) const override { return true; }
    void set_spi(Spi, bool now) override { level = now; }
    void set_ppi(VcpuId, Intid, bool) override {}
    void reset_cpu(VcpuId) override {}
};

struct Sink final : CharSink {
    usize room{};
    bool owed{}; // input was refused and nobody has called since
    usize put(std::span<const u8> bytes) override
    {
        const usize taken = bytes.size() < room ? bytes.size() : room;
        room -= taken;
        return taken;
    }
    void receiver_ready() noexcept override { owed = false; }
};

constexpr u64 fr = 0x18;
constexpr u64 mis = 0x40;

void check(Pl011& uart, const Chip& chip, const Sink& sink)
{
    GIMBAL_ASSERT((*uart.read({}, mis, AccessSize::bytes_4) != 0) == chip.level);
    const u64 flags = *uart.read({}, fr, AccessSize::bytes_4);
    GIMBAL_ASSERT((flags & 0x50) != 0x50 && (flags & 0xA0) != 0xA0); // empty and full
    // A host that was refused and not called back must still be without room.
    if (sink.owed) GIMBAL_ASSERT(uart.receive_room() == 0);
}

} // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name.
extern "C" int LLVMFuzzerTestOneInput(const u8* data, usize size)
{
    Chip chip;
    InterruptLine line;
    GIMBAL_ASSERT(line.connect(chip, Spi{1}).has_value());
    Sink sink;
    Pl011 uart(sink, *line.add_source(), true);
    test::OpStream ops(data, size);
    while (!ops.empty()) {
        switch (ops.take(1) % 6) {
        case 0: {
            const AccessSize width = ops.take_size();
            (void)uart.read({}, ops.take(2) & 0x1FFF, width);
            break;
        }
        case 1: {
            const AccessSize width = ops.take_size();
            const u64 offset = ops.take(2) & 0x1FFF;
            (void)uart.write({}, offset, width, ops.take(byte_count(width)));
            break;
        }
        case 2: {
            const auto input = ops.take_span(ops.take(1) % 40);
            const usize taken = uart.receive(input);
            GIMBAL_ASSERT(taken <= input.size());
            if (taken < input.size()) sink.owed = true;
            break;
        }
        case 3:
            sink.room = ops.take(1) % 32;
            uart.transmit_ready();
            break;
        case 4: // the registers a driver uses, so that the stream need not guess offsets
            (void)uart.write({}, ops.take(1) % 19 * 4, AccessSize::bytes_4, ops.take(2));
            break;
        case 5: uart.reset(); break;
        }
        check(uart, chip, sink);
    }
    return 0;
}
