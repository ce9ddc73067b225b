// SPDX-License-Identifier: Apache-2.0
// A hostile driver of the virtio console, and a host that types, prints slowly and resizes.
#include "device/virtio/console.hpp"
#include "test/fuzz/virtio/machine.hpp"

namespace {

using namespace gimbal;

struct Sink final : CharSink {
    usize room{};
    bool owed{}; // input was refused and nobody has called since
    usize put(std::span<const u8> bytes) override
    {
        const usize taken = std::min(bytes.size(), room);
        room -= taken;
        return taken;
    }
    void receiver_ready() noexcept override { owed = false; }
};

} // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name.
extern "C" int LLVMFuzzerTestOneInput(const u8* data, usize size)
{
    test::OpStream ops(data, size);
    test::FuzzRunner runner;
    Sink sink;
    virtio::Console console(sink, runner, virtio::ConsoleSize{80, 25});
    test::FuzzMachine machine(console, runner);
    while (!ops.empty()) {
        switch (ops.take(1) % 8) {
        case 0: {
            const auto input = ops.take_span(ops.take(1));
            const usize taken = console.receive(input);
            GIMBAL_ASSERT(taken <= input.size());
            if (taken < input.size()) sink.owed = true;
            break;
        }
        case 1:
            sink.room = ops.take(2);
            console.transmit_ready();
            break;
        case 2: console.resize({static_cast<u16>(ops.take(1)), static_cast<u16>(ops.take(1))}); break;
        default: machine.step(ops); break;
        }
        // A host that was refused and not called back must still be without room.
        if (sink.owed) GIMBAL_ASSERT(console.receive_room() == 0);
    }
    return 0;
}
