// SPDX-License-Identifier: Apache-2.0
// Two guests at the ends of a channel, through configuration space and registers; what each sees must fit its line.
#include "base/assert.hpp"
#include "device/ivshmem/ivshmem.hpp"
#include "device/pci/ecam.hpp"
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

InterruptSource connect(InterruptLine& line, Chip& chip)
{
    GIMBAL_ASSERT(line.connect(chip, Spi{1}).has_value());
    return *line.add_source();
}

struct End {
    Chip chip;
    InterruptLine line;
    Ivshmem device;
    PciEcam ecam;

    explicit End(u32 id) : device({0x1000'0000, 0x1100'0000, 0x1'0000}, id, connect(line, chip))
    {
        ecam.add(1, device);
    }
    void check()
    {
        const u32 word = device.read_configuration(4);
        const bool pending = (word & 1U << 19) != 0;
        GIMBAL_ASSERT(chip.level == (pending && (word & 1U << 10) == 0));
        GIMBAL_ASSERT((word & ~(0x546U | 1U << 19 | 1U << 20)) == 0);
        GIMBAL_ASSERT(device.read_configuration(0) == 0x1110'1af4);
    }
};

} // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name.
extern "C" int LLVMFuzzerTestOneInput(const u8* data, usize size)
{
    End ends[] = {End(0), End(1)};
    ends[0].device.connect(ends[1].device);
    ends[1].device.connect(ends[0].device);
    test::OpStream ops(data, size);
    while (!ops.empty()) {
        const u64 what = ops.take(1);
        End& end = ends[what >> 7];
        const AccessSize width = ops.take_size();
        switch (what % 7) {
        case 0: (void)end.device.read({}, ops.take(2), width); break;
        case 1: {
            const u64 offset = ops.take(2);
            (void)end.device.write({}, offset, width, ops.take(byte_count(width)));
            break;
        }
        case 2: { // the registers there are
            const u64 offset = ops.take(1) % 4 * 4;
            (void)end.device.write({}, offset, AccessSize::bytes_4, ops.take(4));
            break;
        }
        case 3: (void)end.ecam.read({}, ops.take(3) & (PciEcam::size - 1) & ~u64{byte_count(width) - 1}, width); break;
        case 4: {
            const u64 offset = ops.take(3) & (PciEcam::size - 1) & ~u64{byte_count(width) - 1};
            (void)end.ecam.write({}, offset, width, ops.take(byte_count(width)));
            break;
        }
        case 5: {
            const u64 offset = u64{1} << 15 | (ops.take(1) & ~u64{3});
            (void)end.ecam.write({}, offset, AccessSize::bytes_4, ops.take(4));
            break;
        }
        case 6: end.device.reset(); break;
        }
        ends[0].check();
        ends[1].check();
    }
    return 0;
}
