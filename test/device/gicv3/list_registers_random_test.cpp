// SPDX-License-Identifier: Apache-2.0
#include "test/device/gicv3/twin_machines.hpp"

#include <gtest/gtest.h>

#include <random>

namespace gimbal::test {
namespace {

struct Shape {
    const char* name;
    unsigned cpus;
    unsigned list_registers;
    bool separate_dir_trap;
    bool warm; ///< Set up as a driver leaves it; otherwise at reset.
};

class ListRegistersAndSoftware : public testing::TestWithParam<Shape> {};

TEST_P(ListRegistersAndSoftware, ShowAGuestTheSame)
{
    const Shape shape = GetParam();
    FakeIch kind;
    kind.count = shape.list_registers;
    kind.traps_dir_alone = shape.separate_dir_trap;
    for (u32 seed = 0; seed < 30; ++seed) {
        std::mt19937 random(seed);
        std::vector<u8> bytes(6000);
        for (u8& byte : bytes) byte = static_cast<u8>(random());
        TwinMachines twins(shape.cpus, kind);
        if (shape.warm) twins.start();
        OpStream ops(bytes.data(), bytes.size());
        for (unsigned step = 0; !ops.empty(); ++step)
            ASSERT_TRUE(twins.step(ops)) << "seed " << seed << ", step " << step << ": " << twins.difference;
    }
}

INSTANTIATE_TEST_SUITE_P(Shapes, ListRegistersAndSoftware,
                         testing::Values(Shape{"TwoCpusFour", 2, 4, true, true}, Shape{"OneCpuOne", 1, 1, true, true},
                                         Shape{"ThreeCpusTwo", 3, 2, true, true},
                                         Shape{"FourCpusSixteen", 4, 16, true, true},
                                         Shape{"TwoCpusFourFromReset", 2, 4, true, false},
                                         Shape{"TwoCpusFourWithoutTds", 2, 4, false, true}),
                         [](const auto& info) { return std::string(info.param.name); });

} // namespace
} // namespace gimbal::test
