// SPDX-License-Identifier: Apache-2.0
#include "device/pl061/pl061.hpp"

#include "test/device/fakes.hpp"

namespace gimbal::test {
namespace {

class Gpio : public testing::Test {
protected:
    static constexpr u64 all = 0x3FC;
    FakeLine irq;
    Pl061 gpio{irq.source};
    Driver reg{gpio};
};

TEST_F(Gpio, DDI0190_GPIODATA_TheAddressMasksTheData)
{
    reg.write(0x400, 0x0F); // low half outputs
    reg.write(all, 0xFF);
    EXPECT_EQ(reg.read(all), 0x0FU);
    reg.write(0x3 << 2, 0); // lines 0 and 1 only
    EXPECT_EQ(reg.read(all), 0x0CU);
    gpio.set_input(7, true);
    gpio.set_input(3, true); // an output: the pin is ours
    gpio.set_input(8, true); // no such line
    EXPECT_EQ(reg.read(all), 0x8CU);
    EXPECT_EQ(reg.read(0x80 << 2), 0x80U);
}

TEST_F(Gpio, DDI0190_GPIOIEV_RisingEdgeOfThePowerKey)
{
    reg.write(0x40C, 8); // rising
    reg.write(0x410, 8);
    gpio.set_input(3, true);
    EXPECT_TRUE(irq.level());
    EXPECT_EQ(reg.read(0x414), 8U);
    EXPECT_EQ(reg.read(0x418), 8U);
    gpio.set_input(3, false);
    EXPECT_TRUE(irq.level()); // latched
    reg.write(0x41C, 8);
    EXPECT_FALSE(irq.level());
}

TEST_F(Gpio, BothEdgesFallingEdgesAndLevels)
{
    reg.write(0x410, 0xFF);
    gpio.set_input(0, true); // falling only
    EXPECT_FALSE(irq.level());
    gpio.set_input(0, false);
    EXPECT_TRUE(irq.level());
    reg.write(0x41C, 0xFF);
    reg.write(0x408, 1); // both
    gpio.set_input(0, true);
    EXPECT_TRUE(irq.level());
    reg.write(0x41C, 0xFF);
    reg.write(0x40C, 0xFF);
    reg.write(0x404, 0xFF); // high levels
    EXPECT_TRUE(irq.level());
    reg.write(0x41C, 0xFF); // a level is not cleared
    EXPECT_TRUE(irq.level());
    gpio.set_input(0, false);
    EXPECT_FALSE(irq.level());
}

TEST_F(Gpio, RegistersReadBackAndResetKeepsInputs)
{
    for (const u64 offset : {u64{0x400}, u64{0x404}, u64{0x408}, u64{0x40C}, u64{0x420}}) {
        reg.write(offset, 0x5A);
        EXPECT_EQ(reg.read(offset), 0x5AU);
    }
    reg.write(0x410, 0x21);
    EXPECT_EQ(reg.read(0x410), 0x21U);
    EXPECT_EQ(reg.read(0x41C), 0U);
    reg.write(0x414, 0xFF);
    reg.write(0x418, 0xFF);
    gpio.set_input(2, true);
    gpio.reset();
    EXPECT_EQ(reg.read(0x400), 0U);
    EXPECT_EQ(reg.read(all), 4U);
    EXPECT_FALSE(irq.level());
}

TEST_F(Gpio, IdentificationAndRefusals)
{
    constexpr u8 expected[] = {0x61, 0x10, 0x04, 0x00, 0x0D, 0xF0, 0x05, 0xB1};
    for (u64 i = 0; i < 8; ++i) {
        reg.write(0xFE0 + 4 * i, 0);
        EXPECT_EQ(reg.read(0xFE0 + 4 * i), expected[i]);
    }
    EXPECT_TRUE(reg.refuses(0x424, AccessSize::bytes_4));
    EXPECT_TRUE(reg.refuses(0x400, AccessSize::bytes_8));
    EXPECT_TRUE(reg.refuses(0x401, AccessSize::bytes_1));
    EXPECT_EQ(reg.read(0x400, AccessSize::bytes_1), 0U);
}

} // namespace
} // namespace gimbal::test
