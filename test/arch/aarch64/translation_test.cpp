// SPDX-License-Identifier: Apache-2.0
#include "arch/aarch64/translation.hpp"

#include <gtest/gtest.h>

#include "arch/aarch64/pstate.hpp"

namespace gimbal::aarch64 {
namespace {

TEST(Translation, GranuleEncodingsDifferBetweenTheHalves)
{
    EXPECT_EQ(decode_tg0(0), Granule::kib4);
    EXPECT_EQ(decode_tg0(1), Granule::kib64);
    EXPECT_EQ(decode_tg0(2), Granule::kib16);
    EXPECT_FALSE(decode_tg0(3).has_value());
    EXPECT_FALSE(decode_tg1(0).has_value());
    EXPECT_EQ(decode_tg1(1), Granule::kib16);
    EXPECT_EQ(decode_tg1(2), Granule::kib4);
    EXPECT_EQ(decode_tg1(3), Granule::kib64);
}

TEST(Translation, TcrOfLinuxWith4KPages)
{
    const TcrEl1 tcr{0x0004'80B5'5510'5510 | u64{2} << 30};
    EXPECT_EQ(tcr.input_bits(false), 48U);
    EXPECT_EQ(tcr.input_bits(true), 48U);
    EXPECT_EQ(tcr.granule(false), Granule::kib64);
    EXPECT_EQ(TcrEl1{u64{3} << 14}.granule(false), Granule::kib4); // reserved
}

TEST(Translation, DescriptorKindsByLevel)
{
    const Descriptor block{0x1};
    const Descriptor table{0x3};
    EXPECT_EQ(Descriptor{0x2}.kind(Granule::kib4, 3), DescriptorKind::invalid);
    EXPECT_EQ(block.kind(Granule::kib4, 0), DescriptorKind::invalid);
    EXPECT_EQ(block.kind(Granule::kib4, 1), DescriptorKind::block);
    EXPECT_EQ(block.kind(Granule::kib64, 1), DescriptorKind::invalid);
    EXPECT_EQ(block.kind(Granule::kib64, 2), DescriptorKind::block);
    EXPECT_EQ(block.kind(Granule::kib4, 3), DescriptorKind::invalid);
    EXPECT_EQ(table.kind(Granule::kib4, 2), DescriptorKind::table);
    EXPECT_EQ(table.kind(Granule::kib4, 3), DescriptorKind::page);
    EXPECT_EQ(Descriptor{0xFFFF'0000'1234'5003}.next_table(Granule::kib16), 0x1234'4000U);
    EXPECT_EQ(Descriptor{0xFFFF'0000'1234'5003}.output_address(Granule::kib64, 3), 0x1234'0000U);
}

TEST(Translation, ContiguousRuns)
{
    EXPECT_EQ(contiguous_shift(Granule::kib4, 2), 4U);
    EXPECT_EQ(contiguous_shift(Granule::kib16, 3), 7U);
    EXPECT_EQ(contiguous_shift(Granule::kib16, 2), 5U);
    EXPECT_EQ(contiguous_shift(Granule::kib64, 3), 5U);
}

TEST(Translation, PhysicalSizesAndMemoryAttributes)
{
    EXPECT_EQ(decode_pa_bits(0), 32U);
    EXPECT_EQ(decode_pa_bits(5), 48U);
    EXPECT_EQ(decode_pa_bits(7), 48U);
    EXPECT_EQ(mair_attribute(0x0040'0400'44FF, 0), 0xFF);
    EXPECT_TRUE(is_device_memory(0x04));
    EXPECT_FALSE(is_device_memory(0x44));
}

TEST(Pstate, ViewsOfOneWord)
{
    const Spsr spsr{0x6000'03C5};
    EXPECT_EQ(Spsr::nzcv::get(spsr), 6);
    EXPECT_EQ(Spsr::el::get(spsr), 1);
    EXPECT_TRUE(Spsr::spsel::get(spsr));
    EXPECT_EQ(currentel_value(1), 4U);
    EXPECT_EQ(daif_mask, 0x3C0U);
}

} // namespace
} // namespace gimbal::aarch64
