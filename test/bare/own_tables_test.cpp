// SPDX-License-Identifier: Apache-2.0
#include "bare/own_tables.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <new>
#include <optional>

namespace gimbal::bare {
namespace {

struct Found {
    u64 physical;
    u64 size;
    u64 descriptor;
};

/// Walks as DDI 0487 has it: four levels of nine bits, from bit 47 down.
std::optional<Found> walk(u64 root, u64 address)
{
    u64 table = root;
    for (unsigned level = 0; level < 4; ++level) {
        const unsigned shift = 39 - 9 * level;
        const u64 entry = reinterpret_cast<const u64*>(table)[address >> shift & 511];
        if ((entry & 1) == 0) return std::nullopt;
        const u64 target = entry & 0x0000'FFFF'FFFF'F000;
        const bool points_to_table = level < 3 && (entry & 2) != 0;
        if (!points_to_table) {
            EXPECT_EQ(level == 3, (entry & 2) != 0) << "a page says so, a block does not";
            return Found{target, u64{1} << shift, entry};
        }
        table = target;
    }
    return std::nullopt;
}

class OwnTablesTest : public testing::TestWithParam<OwnRegime> {
protected:
    OwnTablesTest() { tables_.begin(GetParam(), {memory_.get(), OwnTables::usual_memory}); }

    struct FreeAligned {
        void operator()(u8* memory) const { ::operator delete[](memory, std::align_val_t{4096}); }
    };
    std::unique_ptr<u8, FreeAligned> memory_{new (std::align_val_t{4096}) u8[OwnTables::usual_memory]};
    OwnTables tables_;
};
INSTANTIATE_TEST_SUITE_P(Both, OwnTablesTest, testing::Values(OwnRegime::el2, OwnRegime::el2_and_el0));

TEST_P(OwnTablesTest, picks_the_largest_block_that_fits)
{
    ASSERT_TRUE(tables_.map(0x3FFF'F000, 0x4020'3000, PageKind::data)); // a page, a GiB, a 2 MiB block, two pages
    const auto size_at = [&](u64 address) { return walk(tables_.root(), address)->size; };
    EXPECT_EQ(size_at(0x3FFF'F000), 0x1000U);
    EXPECT_EQ(size_at(0x4000'0000), 0x4000'0000U);
    EXPECT_EQ(size_at(0x8000'0000), 0x20'0000U);
    EXPECT_EQ(size_at(0x8020'1000), 0x1000U);
    EXPECT_FALSE(walk(tables_.root(), 0x8020'2000));
    EXPECT_FALSE(walk(tables_.root(), 0x3FFF'E000));
}

TEST_P(OwnTablesTest, nothing_is_writable_and_executable)
{
    ASSERT_TRUE(tables_.map(0x1000, 0x1000, PageKind::code));
    ASSERT_TRUE(tables_.map(0x2000, 0x1000, PageKind::constant));
    ASSERT_TRUE(tables_.map(0x3000, 0x1000, PageKind::data));
    ASSERT_TRUE(tables_.map(0x4000, 0x1000, PageKind::device));
    for (u64 page = 0x1000; page < 0x5000; page += 0x1000) {
        const auto found = walk(tables_.root(), page);
        ASSERT_TRUE(found);
        EXPECT_EQ(found->physical, page);
        const bool writable = (found->descriptor >> 7 & 1) == 0; // AP[2]
        const bool alone = GetParam() == OwnRegime::el2;
        const unsigned never = alone ? 54 : 53; // XN where there is one privilege, PXN where there are two
        const bool executable = (found->descriptor >> never & 1) == 0;
        // EL0 has no access, and executes nothing (UXN); with one privilege, AP[1] is RES1 and PXN is RES0.
        EXPECT_EQ(found->descriptor >> 6 & 1, alone ? 1U : 0U) << page;
        if (alone)
            EXPECT_EQ(found->descriptor >> 53 & 1, 0U) << page;
        else
            EXPECT_EQ(found->descriptor >> 54 & 1, 1U) << page;
        EXPECT_FALSE(writable && executable) << page;
        EXPECT_EQ(executable, page == 0x1000);
        EXPECT_EQ(writable, page >= 0x3000);
        EXPECT_EQ(found->descriptor >> 2 & 7, page == 0x4000 ? 0U : 1U); // AttrIndx
        EXPECT_NE(found->descriptor & 1 << 10, 0U);                      // AF
    }
}

TEST_P(OwnTablesTest, refuses_what_it_cannot_map)
{
    EXPECT_EQ(tables_.map(0x800, 0x1000, PageKind::data).error(), MapError::misaligned);
    EXPECT_EQ(tables_.map(0x1000, 0x800, PageKind::data).error(), MapError::misaligned);
    EXPECT_EQ(tables_.map(~u64{0xFFF}, 0x2000, PageKind::data).error(), MapError::misaligned);
    EXPECT_EQ(tables_.map(u64{1} << 48, 0x1000, PageKind::data).error(), MapError::misaligned);
    ASSERT_TRUE(tables_.map(0x4000'0000, 0x20'0000, PageKind::data));
    EXPECT_EQ(tables_.map(0x4000'1000, 0x1000, PageKind::data).error(), MapError::overlap);
    EXPECT_EQ(tables_.map(0x4000'0000, 0x4000'0000, PageKind::data).error(), MapError::overlap);
    Result<void, MapError> last{};
    for (u64 i = 1; i < 40 && last; ++i) last = tables_.map(i << 39, 0x1000, PageKind::data);
    EXPECT_EQ(last.error(), MapError::full);
}

TEST(OwnTables, the_control_values_fit_their_regime)
{
    // TCR_EL2: T0SZ, IRGN0, ORGN0, SH0, TG0; then PS and RES1, or T1SZ, EPD1, TG1 and IPS (DDI 0487).
    for (const OwnRegime regime : {OwnRegime::el2, OwnRegime::el2_and_el0}) {
        EXPECT_EQ(OwnTables::tcr(regime, 4) & 0xFFFF, 0x3510U);
    }
    EXPECT_EQ(OwnTables::tcr(OwnRegime::el2, 4) >> 16 & 7, 4U);
    EXPECT_EQ(OwnTables::tcr(OwnRegime::el2, 6) >> 16 & 7, 5U) << "no more than 48 bits";
    EXPECT_EQ(OwnTables::tcr(OwnRegime::el2, 0) >> 23 & 0x1FF, 0x101U) << "RES1";
    const u64 two = OwnTables::tcr(OwnRegime::el2_and_el0, 4);
    EXPECT_EQ(two >> 32 & 7, 4U);
    EXPECT_EQ(two >> 16 & 0x3F, 16U);
    EXPECT_EQ(two >> 23 & 1, 1U) << "the upper half is off";
    EXPECT_EQ(two >> 30 & 3, 2U);
    EXPECT_NE(OwnTables::sctlr & 1 << 19, 0U) << "WXN";
}

} // namespace
} // namespace gimbal::bare
