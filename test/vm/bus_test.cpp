// SPDX-License-Identifier: Apache-2.0
#include "vm/bus.hpp"

#include <gtest/gtest.h>

#include "test/vm/fakes.hpp"

namespace gimbal::test {
namespace {

constexpr AccessContext context{{3}};
using enum AccessSize;

class Bus : public testing::Test {
protected:
    void add(AccessLimits limits) { ASSERT_TRUE(bus.add({{0x1000}, 0x100, &device, limits}).has_value()); }
    MmioBus bus;
    FakeDevice device;
};

TEST_F(Bus, OverlapIsAnErrorAtInsertion)
{
    add({});
    EXPECT_EQ(bus.add({{0x10ff}, 1, &device, {}}).error(), BusMapError::overlap);
    EXPECT_EQ(bus.add({{0xfff}, 2, &device, {}}).error(), BusMapError::overlap);
    EXPECT_EQ(bus.add({{0x800}, 0x1000, &device, {}}).error(), BusMapError::overlap);
    EXPECT_TRUE(bus.add({{0x1100}, 0x100, &device, {}}).has_value());
    EXPECT_TRUE(bus.add({{0xf00}, 0x100, &device, {}}).has_value());
    EXPECT_EQ(bus.ranges()[0].base.value, 0xf00U);
}

TEST_F(Bus, NonsenseRangesAreRefused)
{
    EXPECT_EQ(bus.add({{0}, 0, &device, {}}).error(), BusMapError::empty);
    EXPECT_EQ(bus.add({{0}, 1, nullptr, {}}).error(), BusMapError::empty);
    EXPECT_EQ(bus.add({{~u64{0}}, 2, &device, {}}).error(), BusMapError::overflow);
    for (u64 i = 0; i < MmioBus::max_ranges; ++i) ASSERT_TRUE(bus.add({{i * 16}, 16, &device, {}}).has_value());
    EXPECT_EQ(bus.add({{0x9000}, 16, &device, {}}).error(), BusMapError::full);
}

TEST_F(Bus, UnclaimedBytesAreNobodys)
{
    add({});
    EXPECT_EQ(bus.read(context, {0xfff}, bytes_1).error(), BusError::unclaimed);
    EXPECT_EQ(bus.read(context, {0x1100}, bytes_4).error(), BusError::unclaimed);
    EXPECT_EQ(bus.write(context, {0x10fe}, bytes_4, 0).error(), BusError::unclaimed); // half of it is claimed
    EXPECT_TRUE(device.accesses.empty());
}

TEST_F(Bus, TheDeviceSeesOffsetSizeAndVcpu)
{
    add({});
    ASSERT_TRUE(bus.write(context, {0x1010}, bytes_2, 0xffff'1234).has_value());
    ASSERT_EQ(device.accesses.size(), 1U);
    EXPECT_EQ(device.accesses[0].offset, 0x10U);
    EXPECT_EQ(device.accesses[0].size, 2U);
    EXPECT_EQ(device.accesses[0].value, 0x1234U);
    EXPECT_EQ(device.accesses[0].vcpu, 3U);
}

TEST_F(Bus, UnalignedAccessIsRefused)
{
    add({});
    EXPECT_EQ(bus.read(context, {0x1001}, bytes_2).error(), BusError::bad_access);
}

TEST_F(Bus, NarrowReadsTakeTheirBytesOfTheWord)
{
    add({.smallest = bytes_4, .largest = bytes_4});
    device.next_value = 0x4433'2211;
    EXPECT_EQ(*bus.read(context, {0x1006}, bytes_1), 0x33U);
    EXPECT_EQ(*bus.read(context, {0x1006}, bytes_2), 0x4433U);
    EXPECT_EQ(device.accesses[0].offset, 4U);
    EXPECT_EQ(device.accesses[0].size, 4U);
}

TEST_F(Bus, NarrowWritesAreWidenedOrRefused)
{
    add({.smallest = bytes_4, .largest = bytes_4});
    ASSERT_TRUE(bus.write(context, {0x1002}, bytes_1, 0xab).has_value());
    EXPECT_EQ(device.accesses[0].offset, 0U);
    EXPECT_EQ(device.accesses[0].value, 0xab'0000U);
    FakeDevice strict;
    ASSERT_TRUE(bus.add({
                            {0x2000},
                            0x100, &strict, {bytes_4, bytes_4, false}
    })
                    .has_value());
    EXPECT_EQ(bus.write(context, {0x2000}, bytes_1, 1).error(), BusError::bad_access);
    EXPECT_TRUE(strict.accesses.empty());
}

TEST_F(Bus, WideAccessesAreSplitLowestAddressFirst)
{
    add({.smallest = bytes_1, .largest = bytes_4});
    device.next_value = 0x9'1111'2222;
    EXPECT_EQ(*bus.read(context, {0x1008}, bytes_8), 0x1111'2222'1111'2222U);
    ASSERT_TRUE(bus.write(context, {0x1008}, bytes_8, 0x8877'6655'4433'2211).has_value());
    ASSERT_EQ(device.accesses.size(), 4U);
    EXPECT_EQ(device.accesses[2].offset, 8U);
    EXPECT_EQ(device.accesses[2].value, 0x4433'2211U);
    EXPECT_EQ(device.accesses[3].offset, 12U);
    EXPECT_EQ(device.accesses[3].value, 0x8877'6655U);
}

TEST_F(Bus, ADevicesRefusalIsPassedOn)
{
    add({.smallest = bytes_1, .largest = bytes_4});
    device.refuse = true;
    EXPECT_EQ(bus.read(context, {0x1008}, bytes_8).error(), BusError::bad_access);
    EXPECT_EQ(bus.write(context, {0x1008}, bytes_8, 1).error(), BusError::bad_access);
    EXPECT_EQ(device.accesses.size(), 2U); // each stopped at its first half
}

} // namespace
} // namespace gimbal::test
