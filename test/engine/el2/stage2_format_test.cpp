// SPDX-License-Identifier: Apache-2.0
#include "engine/el2/stage2_format.hpp"

#include <gtest/gtest.h>

namespace gimbal::el2 {
namespace {

using aarch64::Descriptor;
using aarch64::DescriptorKind;
using aarch64::Granule;

constexpr Stage2Features all48{.granule_4kib = true, .pa_bits = 48, .vmid_bits = 16, .xnx = true, .cnp = true};
constexpr Stage2Features plain40{.granule_4kib = true, .pa_bits = 40, .vmid_bits = 8};

TEST(Stage2Format, A12_VtcrFollowsSizesWithRes1AndVmidWidth)
{
    // The earlier design's values, with what it left out: RES1 (bit 31) and, where there are 16-bit VMIDs, VS (bit 19).
    EXPECT_EQ(make_stage2_layout(all48, 48)->vtcr().raw, 0x0005'3590u | 0x8000'0000u | 1u << 19);
    EXPECT_EQ(make_stage2_layout(plain40, 39)->vtcr().raw, 0x0002'3559u | 0x8000'0000u);
    EXPECT_EQ(make_stage2_layout(plain40, 40)->vtcr().raw, 0x8002'3558u);
}

TEST(Stage2Format, A12_StartLevelAndConcatenationFollowTheIpaSize)
{
    const struct {
        unsigned ipa_bits, level, root_order, sl0;
    } rows[] = {
        {32, 1, 0, 1},
        {39, 1, 0, 1},
        {40, 1, 1, 1},
        {41, 1, 2, 1},
        {42, 1, 3, 1},
        {43, 1, 4, 1},
        {44, 0, 0, 2},
        {47, 0, 0, 2},
        {48, 0, 0, 2}
    };
    for (const auto& row : rows) {
        const auto layout = make_stage2_layout(all48, row.ipa_bits);
        ASSERT_TRUE(layout) << row.ipa_bits;
        EXPECT_EQ(layout->start_level, row.level) << row.ipa_bits;
        EXPECT_EQ(layout->root_order, row.root_order) << row.ipa_bits;
        EXPECT_EQ(aarch64::VtcrEl2::sl0::get(layout->vtcr()), row.sl0) << row.ipa_bits;
        EXPECT_EQ(aarch64::VtcrEl2::t0sz::get(layout->vtcr()), 64 - row.ipa_bits) << row.ipa_bits;
    }
}

TEST(Stage2Format, A13_TheSmallestPhysicalAddressSizeOfTheCpusLimitsTheIpaSize)
{
    const Stage2Features both = common(all48, plain40);
    EXPECT_EQ(both, plain40);
    EXPECT_EQ(make_stage2_layout(both, 41).error(), Stage2Error::bad_ipa_size);
    EXPECT_EQ(make_stage2_layout(both, 40)->root_order, 1);
    EXPECT_EQ(make_stage2_layout(all48, 31).error(), Stage2Error::bad_ipa_size);
    EXPECT_EQ(make_stage2_layout(all48, 49).error(), Stage2Error::bad_ipa_size);
    EXPECT_EQ(make_stage2_layout(common(all48, {.granule_4kib = false, .pa_bits = 48}), 40).error(),
              Stage2Error::no_4kib_granule);
}

TEST(Stage2Format, A13_FeaturesAreProbed)
{
    // Cortex-A57, then Neoverse N1; the last has larger addresses than 48 bits and no 4 KiB granule at stage 2.
    EXPECT_EQ(probe_stage2({0x0000'1124}, {0}, {0}),
              (Stage2Features{.granule_4kib = true, .pa_bits = 44, .vmid_bits = 8}));
    EXPECT_EQ(probe_stage2({0x0000'0000'0010'1125}, {0x0000'0000'1021'2122}, {0x0000'0000'0000'1011}),
              (Stage2Features{.granule_4kib = true, .pa_bits = 48, .vmid_bits = 16, .xnx = true, .cnp = true}));
    EXPECT_EQ(probe_stage2({0x0000'0100'0000'0006}, {0x20}, {1}),
              (Stage2Features{.pa_bits = 48, .vmid_bits = 16, .cnp = true}));
}

TEST(Stage2Format, A14_VttbrCarriesRootVmidAndCnp)
{
    EXPECT_EQ(make_stage2_layout(all48, 40)->vttbr(0x4812'2000, 0xBEEF).raw, 0xBEEF'0000'4812'2001u);
    EXPECT_EQ(make_stage2_layout(plain40, 40)->vttbr(0x4812'2000, 0x00EF).raw, 0x00EF'0000'4812'2000u);
}

TEST(Stage2Format, A18_DescriptorsHaveTheManualsBits)
{
    // Write-back RAM: page, then 2 MiB block; the earlier design's bits: MemAttr 0xF, SH inner, AF.
    EXPECT_EQ(make_stage2_leaf(0x4000'1000, 3, stage2_ram).raw, 0x4000'17FFu);
    EXPECT_EQ(make_stage2_leaf(0x4020'0000, 2, stage2_ram).raw, 0x4020'07FDu);
    // Device-nGnRE, never executed.
    EXPECT_EQ(make_stage2_leaf(0x0900'0000, 3, stage2_device).raw, 0x0040'0000'0900'04C7u);
    EXPECT_EQ(make_stage2_table(0x4812'2000).raw, 0x4812'2003u);

    const auto xn = [](bool el0, bool el1) {
        return make_stage2_leaf(0, 3, {.read = true, .execute_el0 = el0, .execute_el1 = el1}).raw >> 53;
    };
    EXPECT_EQ(xn(true, true), 0u);
    EXPECT_EQ(xn(true, false), 1u);
    EXPECT_EQ(xn(false, false), 2u);
    EXPECT_EQ(xn(false, true), 3u);
}

TEST(Stage2Format, A18_EveryAttributeRoundTrips)
{
    for (const Stage2Memory memory : {Stage2Memory::normal, Stage2Memory::normal_non_cacheable, Stage2Memory::device}) {
        for (unsigned set = 0; set < 16; ++set) {
            const Stage2Attributes attributes{memory, (set & 1) != 0, (set & 2) != 0, (set & 4) != 0, (set & 8) != 0};
            for (unsigned level = 1; level <= 3; ++level) {
                const Descriptor leaf = make_stage2_leaf(0x1'4000'0000, level, attributes);
                EXPECT_EQ(stage2_attributes(leaf), attributes);
                EXPECT_EQ(leaf.output_address(Granule::kib4, level), 0x1'4000'0000u);
                EXPECT_EQ(leaf.kind(Granule::kib4, level), level == 3 ? DescriptorKind::page : DescriptorKind::block);
            }
        }
    }
}

TEST(Stage2Format, A18_WhatTheCpuCannotSayIsRefused)
{
    const Stage2Layout with_xnx = *make_stage2_layout(all48, 40);
    const Stage2Layout without = *make_stage2_layout(plain40, 40);
    const Stage2Attributes el0_only{.read = true, .execute_el0 = true};
    EXPECT_TRUE(can_express(el0_only, with_xnx));
    EXPECT_FALSE(can_express(el0_only, without));
    EXPECT_TRUE(can_express(stage2_ram, without));
    EXPECT_FALSE(can_express({.memory = Stage2Memory::device, .read = true, .execute_el1 = true}, with_xnx));
}

TEST(Stage2Format, OnlyPermissionsChangeInPlace)
{
    const Descriptor ram = make_stage2_leaf(0x4000'1000, 3, stage2_ram);
    const Stage2Attributes read_only{.read = true};
    EXPECT_TRUE(only_permissions_differ(ram, make_stage2_leaf(0x4000'1000, 3, read_only)));
    EXPECT_FALSE(only_permissions_differ(ram, make_stage2_leaf(0x4000'2000, 3, read_only)));
    EXPECT_FALSE(only_permissions_differ(ram, make_stage2_leaf(0x4000'1000, 3, stage2_device)));
    EXPECT_FALSE(only_permissions_differ(ram, {0}));
}

} // namespace
} // namespace gimbal::el2
