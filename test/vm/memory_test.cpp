// SPDX-License-Identifier: Apache-2.0
#include "vm/memory.hpp"

#include <gtest/gtest.h>

#include "test/vm/fakes.hpp"

namespace gimbal::test {
namespace {

struct Observer final : MemoryWriteObserver {
    void guest_memory_written(Gpa gpa, u64 size) override { writes.emplace_back(gpa.value, size); }
    std::vector<std::pair<u64, u64>> writes;
};

class Memory : public testing::Test {
protected:
    void SetUp() override
    {
        ASSERT_TRUE(memory.map(low.region(0x1000)).has_value());
        ASSERT_TRUE(memory.map(high.region(0x3000)).has_value()); // adjacent
        memory.set_observer(&observer);
    }
    HostPages low{0x2000};
    HostPages high{0x1000};
    GuestMemory memory;
    Observer observer;
};

TEST_F(Memory, OverlapIsRefusedOnEitherSide)
{
    HostPages other(0x2000);
    EXPECT_EQ(memory.map(other.region(0)).error(), MemoryError::overlap);
    EXPECT_EQ(memory.map(other.region(0x2000)).error(), MemoryError::overlap);
    EXPECT_EQ(memory.map(other.region(0x3000)).error(), MemoryError::overlap);
    HostPages inside(0x1000);
    EXPECT_EQ(memory.map(inside.region(0x2000)).error(), MemoryError::overlap); // the end of the one before
    EXPECT_TRUE(memory.map(other.region(0x4000)).has_value());
    EXPECT_EQ(memory.regions().size(), 3U);
}

TEST_F(Memory, EmptyMisalignedAndWrappingRegionsAreRefused)
{
    HostPages other(0x1000);
    MemoryRegion region = other.region(0x8000);
    region.size = 0;
    EXPECT_EQ(memory.map(region).error(), MemoryError::misaligned);
    region.size = 0x1000;
    region.base = {0x8001};
    EXPECT_EQ(memory.map(region).error(), MemoryError::misaligned);
    region.base = {~u64{0xfff}};
    region.size = 0x2000;
    EXPECT_EQ(memory.map(region).error(), MemoryError::overflow);
    region.size = 0x1000;
    EXPECT_TRUE(memory.map(region).has_value()); // the last page there is
    EXPECT_EQ(memory.load<u32>({~u64{0} - 3}).has_value(), true);
}

TEST_F(Memory, FullTableIsAnError)
{
    HostPages page(0x1000);
    for (u64 i = memory.regions().size(); i < GuestMemory::max_regions; ++i)
        ASSERT_TRUE(memory.map(page.region(0x10'0000 + i * 0x1000)).has_value());
    EXPECT_EQ(memory.map(page.region(0x100'0000)).error(), MemoryError::full);
}

TEST_F(Memory, UnmapForgetsTheRegionOnly)
{
    EXPECT_TRUE(memory.unmap({0x1000}).has_value());
    EXPECT_EQ(memory.unmap({0x1000}).error(), MemoryError::out_of_range);
    EXPECT_EQ(memory.find({0x1000}), nullptr);
    EXPECT_NE(memory.find({0x3fff}), nullptr);
    EXPECT_EQ(memory.find({0x4000}), nullptr);
}

TEST_F(Memory, CopiesSpanAdjacentRegions)
{
    u8 data[64];
    for (unsigned i = 0; i < 64; ++i) data[i] = static_cast<u8>(i);
    ASSERT_TRUE(memory.write({0x3000 - 29}, data).has_value());
    u8 back[64]{};
    ASSERT_TRUE(memory.read({0x3000 - 29}, back).has_value());
    EXPECT_EQ(0, __builtin_memcmp(data, back, 64));
    EXPECT_EQ(high.data()[0], 29);
    ASSERT_EQ(observer.writes.size(), 1U);
    EXPECT_EQ(observer.writes[0], (std::pair<u64, u64>{0x3000 - 29, 64}));
}

TEST_F(Memory, AFailedCopyCopiesNothing)
{
    u8 data[32];
    __builtin_memset(data, 0xee, sizeof data);
    EXPECT_EQ(memory.write({0x4000 - 16}, data).error(), MemoryError::out_of_range);
    EXPECT_EQ(high.data()[0x1000 - 16], 0);
    EXPECT_EQ(memory.read({0x4000 - 16}, data).error(), MemoryError::out_of_range);
    EXPECT_EQ(data[0], 0xee);
    EXPECT_EQ(memory.read({~u64{0} - 8}, data).error(), MemoryError::overflow);
    EXPECT_TRUE(observer.writes.empty());
}

TEST_F(Memory, EmptyCopyTouchesNothing)
{
    EXPECT_TRUE(memory.read({0x9999'0000}, {}).has_value());
    EXPECT_TRUE(memory.write({0x9999'0000}, {}).has_value());
    EXPECT_TRUE(observer.writes.empty());
}

TEST_F(Memory, FieldsAreAlignedAndReported)
{
    ASSERT_TRUE(memory.store<u32>({0x1004}, 0x1234'5678).has_value());
    EXPECT_EQ(*memory.load<u32>({0x1004}), 0x1234'5678U);
    EXPECT_EQ(*memory.load<u16>({0x1006}), 0x1234U);
    EXPECT_EQ(memory.load<u32>({0x1002}).error(), MemoryError::misaligned);
    EXPECT_EQ(memory.store<u64>({0x4000}, 1).error(), MemoryError::out_of_range);
    EXPECT_EQ(observer.writes.size(), 1U);
}

TEST_F(Memory, ReadOnlyRegionsRefuseWritesWhole)
{
    HostPages rom(0x1000);
    MemoryRegion region = rom.region(0x4000);
    region.read_only = true;
    ASSERT_TRUE(memory.map(region).has_value());
    EXPECT_EQ(memory.store<u8>({0x4000}, 1).error(), MemoryError::read_only);
    u8 data[16]{1};
    EXPECT_EQ(memory.write({0x4000 - 8}, data).error(), MemoryError::read_only);
    EXPECT_EQ(high.data()[0x1000 - 8], 0);
    EXPECT_TRUE(memory.read({0x4000 - 8}, data).has_value());
}

TEST_F(Memory, WritesMarkTheirPagesDirty)
{
    HostPages logged(0x3000);
    u64 bitmap = 0;
    MemoryRegion region = logged.region(0x1'0000);
    region.log_dirty = true;
    region.dirty_bitmap = &bitmap;
    ASSERT_TRUE(memory.map(region).has_value());
    ASSERT_TRUE(memory.store<u8>({0x1'0000}, 1).has_value());
    EXPECT_EQ(bitmap, 1U);
    u8 data[2]{};
    ASSERT_TRUE(memory.write({0x1'1fff}, data).has_value());
    EXPECT_EQ(bitmap, 7U);
}

} // namespace
} // namespace gimbal::test
