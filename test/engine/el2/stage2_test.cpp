// SPDX-License-Identifier: Apache-2.0
#include "engine/el2/stage2.hpp"

#include <atomic>
#include <thread>

#include "test/engine/el2/stage2_fixture.hpp"

namespace gimbal::el2::test {
namespace {

constexpr u64 kib4 = 1u << 12, mib2 = 1u << 21, gib1 = 1u << 30;
constexpr Stage2Attributes read_only{.read = true, .execute_el0 = true, .execute_el1 = true};

class Stage2Test : public testing::Test {
protected:
    unsigned level_at(u64 ipa)
    {
        const auto mapping = vm_.stage2.translate({ipa});
        return mapping ? mapping->level : 0;
    }
    ~Stage2Test() override { vm_.check_history("at the end"); }

    Stage2Fixture vm_{features48, 40, 32};
};

TEST_F(Stage2Test, TheLargestBlocksThatAlignmentAllows)
{
    // One page before a 2 MiB boundary up to one page after a 1 GiB block.
    const u64 first = gib1 - mib2 - kib4;
    ASSERT_TRUE(vm_.stage2.map({first}, 4 * gib1 + first, mib2 + kib4 + gib1 + kib4, stage2_ram));
    EXPECT_EQ(level_at(first), 3u);
    EXPECT_EQ(level_at(gib1 - mib2), 2u);
    EXPECT_EQ(level_at(gib1), 1u);
    EXPECT_EQ(level_at(2 * gib1), 3u);
    EXPECT_EQ(vm_.stage2.translate({gib1 + 0x1234})->physical, 5 * gib1 + 0x1234);
    EXPECT_EQ(vm_.stage2.translate({gib1 + 0x1234})->size, gib1 - 0x1234);
    EXPECT_FALSE(vm_.stage2.translate({2 * gib1 + kib4}));
}

TEST_F(Stage2Test, PhysicalAlignmentCountsToo)
{
    ASSERT_TRUE(vm_.stage2.map({gib1}, 4 * gib1 + mib2, 4 * mib2, stage2_ram));
    ASSERT_TRUE(vm_.stage2.map({2 * gib1}, 8 * gib1 + kib4, mib2, stage2_ram));
    EXPECT_EQ(level_at(gib1), 2u);
    EXPECT_EQ(level_at(2 * gib1), 3u);
}

TEST_F(Stage2Test, APagesChangeSplitsItsBlocksAndTheWayBackJoinsThem)
{
    ASSERT_TRUE(vm_.stage2.map({gib1}, 4 * gib1, gib1, stage2_ram));
    const u32 pages = vm_.stage2.pages_in_use();
    ASSERT_TRUE(vm_.stage2.protect({gib1 + 5 * kib4}, kib4, read_only));
    EXPECT_EQ(level_at(gib1 + 5 * kib4), 3u);
    EXPECT_EQ(level_at(gib1 + 6 * kib4), 3u);
    EXPECT_EQ(level_at(gib1 + mib2), 2u);
    EXPECT_EQ(vm_.stage2.pages_in_use(), pages + 2);
    EXPECT_EQ(vm_.stage2.translate({gib1 + 5 * kib4})->attributes, read_only);
    EXPECT_EQ(vm_.stage2.translate({gib1 + 4 * kib4})->attributes, stage2_ram);

    ASSERT_TRUE(vm_.stage2.protect({gib1 + 5 * kib4}, kib4, stage2_ram));
    EXPECT_EQ(level_at(gib1 + 5 * kib4), 1u);
    EXPECT_EQ(vm_.stage2.pages_in_use(), pages);
}

TEST_F(Stage2Test, UnmappingGivesTheTablesBack)
{
    ASSERT_TRUE(vm_.stage2.map({gib1}, 4 * gib1, 3 * kib4, stage2_ram));
    EXPECT_EQ(vm_.stage2.pages_in_use(), 4u); // a root of two, levels 2 and 3
    ASSERT_TRUE(vm_.stage2.unmap({gib1 + kib4}, kib4));
    EXPECT_FALSE(vm_.stage2.translate({gib1 + kib4}));
    EXPECT_TRUE(vm_.stage2.translate({gib1 + 2 * kib4}));
    EXPECT_EQ(vm_.stage2.pages_in_use(), 4u);
    ASSERT_TRUE(vm_.stage2.unmap({gib1}, kib4));
    ASSERT_TRUE(vm_.stage2.unmap({gib1 + 2 * kib4}, kib4));
    EXPECT_EQ(vm_.stage2.pages_in_use(), 2u);
}

TEST_F(Stage2Test, A14_FlushesAreAimedAndMappingFlushesNothing)
{
    ASSERT_TRUE(vm_.stage2.map({gib1}, 4 * gib1, mib2 + 8 * kib4, stage2_ram));
    EXPECT_EQ(vm_.tlb.invalidations(), 0u) << "what was not mapped is in no TLB";
    ASSERT_TRUE(vm_.stage2.protect({gib1 + mib2}, kib4, read_only));
    ASSERT_TRUE(vm_.stage2.unmap({gib1 + mib2}, kib4));
    EXPECT_EQ(vm_.tlb.invalidations(), 2u);
    EXPECT_EQ(vm_.tlb.whole_vm(), 0u) << "one page is invalidated by its address";
    ASSERT_TRUE(vm_.stage2.protect({gib1 + mib2 + kib4}, kib4, stage2_ram));
    EXPECT_EQ(vm_.tlb.invalidations(), 2u) << "nothing changed";
}

TEST(Stage2, AVmThatNeverRanIsNotInvalidated)
{
    FakePool pool(8);
    TlbModel tlb(pool);
    VmidSlot never;
    Stage2 stage2(pool, tlb, never);
    ASSERT_TRUE(stage2.create(*make_stage2_layout(features48, 39)));
    ASSERT_TRUE(stage2.map({0}, gib1, kib4, stage2_ram));
    ASSERT_TRUE(stage2.unmap({0}, kib4));
    stage2.destroy();
    EXPECT_EQ(tlb.invalidations(), 0u);
    EXPECT_EQ(pool.held(), 0u);
}

TEST(Stage2, DestroyInvalidatesTheVmAndGivesEveryPageBack)
{
    Stage2Fixture vm(features48, 43, 64);
    EXPECT_EQ(vm.pool.held(), 16u);
    ASSERT_TRUE(vm.stage2.map({gib1 - kib4}, 4 * gib1, 2 * mib2, stage2_ram));
    EXPECT_GT(vm.pool.held(), 16u);
    vm.tlb.stop(); // no CPU is in it any more
    vm.stage2.destroy();
    EXPECT_EQ(vm.tlb.whole_vm(), 1u);
    EXPECT_EQ(vm.pool.held(), 0u);
    EXPECT_FALSE(vm.stage2.translate({gib1}));
    vm.stage2.destroy(); // twice is once

    ASSERT_TRUE(vm.stage2.create(vm.layout)) << "the same VM starts again";
    EXPECT_EQ(vm.pool.held(), 16u);
}

TEST(Stage2, ARootThatThePoolDoesNotHaveIsAnError)
{
    FakePool pool(8);
    TlbModel tlb(pool);
    VmidSlot vmid;
    Stage2 stage2(pool, tlb, vmid);
    EXPECT_EQ(stage2.create(*make_stage2_layout(features48, 43)).error(), Stage2Error::out_of_pages);
    EXPECT_TRUE(stage2.create(*make_stage2_layout(features48, 42)));
    stage2.destroy();
}

TEST_F(Stage2Test, BadRangesAreRefused)
{
    const u64 limit = u64{1} << 40;
    const auto map = [&](u64 ipa, u64 physical, u64 size) {
        return vm_.stage2.map({ipa}, physical, size, stage2_ram).error();
    };
    EXPECT_EQ(map(0x800, gib1, kib4), Stage2Error::misaligned);
    EXPECT_EQ(map(0, gib1 + 8, kib4), Stage2Error::misaligned);
    EXPECT_EQ(map(0, gib1, 0), Stage2Error::misaligned);
    EXPECT_EQ(map(0, gib1, kib4 - 1), Stage2Error::misaligned);
    EXPECT_EQ(map(limit - kib4, gib1, 2 * kib4), Stage2Error::out_of_range);
    EXPECT_EQ(map(~u64{0} << 12, gib1, 2 * kib4), Stage2Error::out_of_range);
    EXPECT_EQ(map(0, u64{1} << 48, kib4), Stage2Error::out_of_range);
    EXPECT_EQ(map(0, ~u64{0} << 12, 2 * kib4), Stage2Error::out_of_range);
    EXPECT_EQ(vm_.stage2.unmap({limit}, kib4).error(), Stage2Error::out_of_range);
    EXPECT_EQ(vm_.stage2.protect({1}, kib4, stage2_ram).error(), Stage2Error::misaligned);
    EXPECT_FALSE(vm_.stage2.translate({limit}));
    ASSERT_TRUE(vm_.stage2.map({limit - kib4}, gib1, kib4, stage2_ram)) << "the last page is one";
    EXPECT_EQ(vm_.stage2.translate({limit - 1})->physical, gib1 + kib4 - 1);
}

TEST_F(Stage2Test, WhatIsMappedAndWhatIsNotAreToldApart)
{
    ASSERT_TRUE(vm_.stage2.map({gib1}, gib1, mib2, stage2_ram));
    EXPECT_EQ(vm_.stage2.map({gib1 - kib4}, 0, 2 * kib4, stage2_ram).error(), Stage2Error::mapped);
    EXPECT_EQ(vm_.stage2.map({gib1 + kib4}, 0, kib4, stage2_ram).error(), Stage2Error::mapped);
    EXPECT_EQ(vm_.stage2.unmap({gib1 + mib2 - kib4}, 2 * kib4).error(), Stage2Error::not_mapped);
    EXPECT_EQ(vm_.stage2.protect({gib1 - kib4}, 2 * kib4, read_only).error(), Stage2Error::not_mapped);
    EXPECT_EQ(level_at(gib1), 2u) << "a refused call splits nothing";
}

TEST_F(Stage2Test, OutOfPagesChangesNothing)
{
    ASSERT_TRUE(vm_.stage2.map({gib1}, 4 * gib1, gib1, stage2_ram));
    vm_.pool.allow(vm_.pool.held() + 1); // enough for one split of two
    EXPECT_EQ(vm_.stage2.unmap({gib1 + kib4}, kib4).error(), Stage2Error::out_of_pages);
    EXPECT_EQ(level_at(gib1), 1u);
    EXPECT_EQ(vm_.stage2.map({2 * gib1}, 0, mib2 + kib4, stage2_ram).error(), Stage2Error::out_of_pages);
    EXPECT_FALSE(vm_.stage2.translate({2 * gib1}));
    EXPECT_EQ(vm_.pool.held(), 2u);
}

TEST_F(Stage2Test, A18_DeviceMemoryIsNeverExecuted)
{
    Stage2Attributes device = stage2_device;
    device.execute_el1 = true;
    EXPECT_EQ(vm_.stage2.map({0}, gib1, kib4, device).error(), Stage2Error::bad_attributes);
    ASSERT_TRUE(vm_.stage2.map({0}, 0x0A00'0000, kib4, stage2_device));
    EXPECT_EQ(vm_.stage2.protect({0}, kib4, device).error(), Stage2Error::bad_attributes);
    EXPECT_EQ(vm_.stage2.translate({0})->attributes, stage2_device);
}

TEST_F(Stage2Test, ChangingTheMemoryTypeKeepsTheTranslation)
{
    ASSERT_TRUE(vm_.stage2.map({gib1}, 4 * gib1, 3 * mib2 + 2 * kib4, stage2_ram));
    Stage2Attributes uncached = stage2_ram;
    uncached.memory = Stage2Memory::normal_non_cacheable;
    ASSERT_TRUE(vm_.stage2.protect({gib1 + mib2 + kib4}, 2 * mib2, uncached));
    const std::vector<Piece> expected = {
        {gib1,                   mib2 + kib4, 4 * gib1,                   stage2_ram},
        {gib1 + mib2 + kib4,     2 * mib2,    4 * gib1 + mib2 + kib4,     uncached  },
        {gib1 + 3 * mib2 + kib4, kib4,        4 * gib1 + 3 * mib2 + kib4, stage2_ram},
    };
    EXPECT_EQ(vm_.walk_all(), expected);
}

// Whoever handles a fault in the middle of a change waits for its end: memory that stays mapped is never seen as a
// hole.
TEST(Stage2, TranslateWaitsForAChangeInProgress)
{
    Stage2Fixture vm(features48, 39, 32);
    ASSERT_TRUE(vm.stage2.map({gib1}, 4 * gib1, 2 * mib2, stage2_ram));
    std::atomic<bool> end{};
    std::atomic<u64> holes{}, walks{};
    {
        std::jthread handler([&] {
            do {
                const auto mapping = vm.stage2.translate({gib1 + 3 * kib4});
                if (!mapping || mapping->physical != 4 * gib1 + 3 * kib4) ++holes;
                ++walks;
            } while (!end.load());
        });
        Stage2Attributes uncached = stage2_ram;
        uncached.memory = Stage2Memory::normal_non_cacheable;
        for (int i = 0; i < 20; ++i) {
            EXPECT_TRUE(vm.stage2.protect({gib1 + kib4}, 4 * kib4, uncached));
            EXPECT_TRUE(vm.stage2.protect({gib1}, mib2, stage2_ram));
        }
        end = true;
    }
    EXPECT_EQ(holes.load(), 0u);
    EXPECT_GT(walks.load(), 0u);
    vm.check_history("at the end");
}

} // namespace
} // namespace gimbal::el2::test
