// SPDX-License-Identifier: Apache-2.0
// A guest of five vCPUs, its devices and its scheduler, on software ICC registers and on list registers at once.
#include "test/device/gicv3/twin_machines.hpp"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name.
extern "C" int LLVMFuzzerTestOneInput(const gimbal::u8* data, gimbal::usize size)
{
    using namespace gimbal;
    test::OpStream ops(data, size);
    test::FakeIch kind;
    const auto shape = static_cast<unsigned>(ops.take(1));
    kind.count = 1 + shape % 5;
    kind.traps_dir_alone = (shape & 0x80) == 0;
    test::TwinMachines twins(1 + shape / 8 % 4, kind);
    if ((shape & 0x40) == 0) twins.start();
    while (!ops.empty()) GIMBAL_ASSERT(twins.step(ops));
    return 0;
}
