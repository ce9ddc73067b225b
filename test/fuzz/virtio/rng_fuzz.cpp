// SPDX-License-Identifier: Apache-2.0
// A hostile driver of the entropy device, and a host that runs dry.
#include "device/virtio/rng.hpp"
#include "test/fuzz/virtio/machine.hpp"

namespace {

using namespace gimbal;

struct Source final : EntropySource {
    usize left{};
    usize fill(std::span<u8> out) override
    {
        const usize count = std::min(out.size(), left);
        std::ranges::fill(out.first(count), u8{0xE5});
        left -= count;
        return count;
    }
};

} // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name.
extern "C" int LLVMFuzzerTestOneInput(const u8* data, usize size)
{
    test::OpStream ops(data, size);
    test::FuzzRunner runner;
    Source source;
    virtio::Rng rng(source, runner);
    test::FuzzMachine machine(rng, runner);
    while (!ops.empty()) {
        if (ops.take(1) % 8 == 0) source.left = ops.take(2);
        machine.step(ops);
    }
    return 0;
}
