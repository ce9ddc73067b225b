// SPDX-License-Identifier: Apache-2.0
#include "device/pci/ecam.hpp"

#include "test/device/fakes.hpp"

namespace gimbal::test {
namespace {

struct FakeFunction final : PciFunction {
    u32 words[64]{};
    u32 last_mask{};
    u32 read_configuration(u32 offset) override { return words[offset / 4]; }
    void write_configuration(u32 offset, u32 value, u32 mask) override
    {
        words[offset / 4] = (words[offset / 4] & ~mask) | (value & mask);
        last_mask = mask;
    }
};

class Ecam : public testing::Test {
protected:
    static constexpr u64 device_1 = 1 << 15;
    Ecam() { ecam.add(1, function); }
    FakeFunction function;
    PciEcam ecam;
    Driver reg{ecam};
};

TEST_F(Ecam, PCIe_7_2_2_EachWidthReachesItsBytes)
{
    function.words[1] = 0x4433'2211;
    EXPECT_EQ(reg.read(device_1 + 4), 0x4433'2211U);
    EXPECT_EQ(reg.read(device_1 + 6, AccessSize::bytes_2), 0x4433U);
    EXPECT_EQ(reg.read(device_1 + 5, AccessSize::bytes_1), 0x22U);
    reg.write(device_1 + 6, 0xBEEF, AccessSize::bytes_2);
    EXPECT_EQ(function.words[1], 0xBEEF'2211U);
    EXPECT_EQ(function.last_mask, 0xFFFF'0000U);
    reg.write(device_1 + 5, 0xAA, AccessSize::bytes_1);
    EXPECT_EQ(function.words[1], 0xBEEF'AA11U);
    reg.write(device_1 + 4, 0x1234'5678);
    EXPECT_EQ(function.words[1], 0x1234'5678U);
    EXPECT_TRUE(reg.refuses(device_1, AccessSize::bytes_8));
}

TEST_F(Ecam, WhatIsNotThereReadsAllOnesAndTakesWrites)
{
    for (const u64 offset : {u64{0}, device_1 + 0x1000, device_1 + 0x100, device_1 + 0xFFC, u64{31} << 15}) {
        EXPECT_EQ(reg.read(offset), 0xFFFF'FFFFU) << offset;
        EXPECT_EQ(reg.read(offset, AccessSize::bytes_2), 0xFFFFU) << offset;
        EXPECT_EQ(reg.read(offset, AccessSize::bytes_1), 0xFFU) << offset;
        reg.write(offset, 0);
    }
    for (const u32 word : function.words) EXPECT_EQ(word, 0U);
}

} // namespace
} // namespace gimbal::test
