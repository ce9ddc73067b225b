// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "test/engine/translator/cpu/mmu_fixture.hpp"

// What the kind of memory behind a page does to an access: Device memory, logged regions.
namespace gimbal::translator::aarch64 {
namespace {

TEST_F(MmuTest, UnalignedDeviceAccessIsAnAlignmentFault)
{
    map(0, data | af | u64{1} << 2 | table_or_page);
    begin({load_x2}, window + 3);
    EXPECT_EQ(state().el[1].esr, 0x9600'0021U);
}

TEST_F(MmuTest, DeviceAlignmentGoesBeforePermission)
{
    map(0, data | af | read_only | device_memory | table_or_page);
    begin({store_x2}, window + 3);
    EXPECT_EQ(state().el[1].esr, 0x9600'0061U);
    begin({store_x2}, window + 8);
    EXPECT_EQ(state().el[1].esr, 0x9600'004FU);
    map(0, data | af | read_only | table_or_page); // Normal memory has no such alignment
    begin({store_x2}, window + 3);
    EXPECT_EQ(state().el[1].esr, 0x9600'004FU);
}

TEST_F(MmuTest, AccessIntoADevicePageFaultsAtItsFirstByteThere)
{
    map(0, data | af | table_or_page);
    map(1, (data + 0x1000) | af | device_memory | table_or_page);
    begin({load_x2}, window + 0xFFC);
    EXPECT_EQ(state().el[1].esr, 0x9600'0021U);
    EXPECT_EQ(state().el[1].far, window + 0x1000);
}

TEST_F(MmuTest, StructuresReachADeviceAsElements)
{
    constexpr u32 ld1_4s = 0x4C40'7820;  // ld1 {v0.4s}, [x1]
    constexpr u32 st1_16b = 0x4C00'7020; // st1 {v0.16b}, [x1]
    map(0, device | af | device_memory | table_or_page);
    put(code, {ld1_4s, st1_16b, hvc_0});
    cpu_->reset({
        .pc = code, .arguments = {0, window + 4, 0, 0}
    });
    enable();
    cpu_->write_register(arch::SysReg::cpacr_el1, u64{3} << 20);
    Exit exit = resume({});
    for (u64 i = 0; i < 4; ++i) {
        ASSERT_EQ(exit.kind, ExitKind::mmio);
        EXPECT_EQ(exit.mmio.gpa.value, device + 4 + 4 * i);
        EXPECT_EQ(exit.mmio.size, AccessSize::bytes_4);
        exit = resume(Completion::make_done(0x0302'0100 + 0x0404'0404 * i));
    }
    for (u64 i = 0; i < 16; ++i) {
        ASSERT_EQ(exit.kind, ExitKind::mmio);
        EXPECT_EQ(exit.mmio.gpa.value, device + 4 + i);
        EXPECT_EQ(exit.mmio.size, AccessSize::bytes_1);
        EXPECT_EQ(exit.mmio.data, i);
        exit = resume(Completion::make_done());
    }
    EXPECT_EQ(exit.kind, ExitKind::hypercall);
}

TEST_F(MmuTest, StructuresOnDeviceMemoryAreAlignedToTheirElements)
{
    constexpr u32 ld1_4s = 0x4C40'7820;
    map(0, device | af | device_memory | table_or_page);
    put(code, {ld1_4s});
    put(vectors + 0x200, {hvc_0});
    cpu_->reset({
        .pc = code, .arguments = {0, window + 6, 0, 0}
    });
    state().el[1].vbar = vectors;
    enable();
    cpu_->write_register(arch::SysReg::cpacr_el1, u64{3} << 20);
    EXPECT_EQ(resume({}).kind, ExitKind::hypercall);
    EXPECT_EQ(state().el[1].esr, 0x9600'0021U);
}

TEST_F(MmuTest, StoresToALoggedRegionAreNoted)
{
    const MemoryRegion plain = *memory_.find({ram_base});
    std::vector<u64> bitmap(ram_size / 4096 / 64);
    ASSERT_TRUE(memory_.unmap({ram_base}));
    ASSERT_TRUE(memory_.map({{ram_base}, ram_size, plain.host, false, true, bitmap.data()}));
    const auto logged = [&](u64 address) {
        const u64 page = (address - ram_base) / 4096;
        return (bitmap[page / 64] >> (page % 64) & 1) != 0;
    };
    map(0, data | af | table_or_page);
    map(1, (data + 0x1000) | af | table_or_page);
    map(2, (data + 0x2000) | table_or_page); // the walk sets the access flag
    std::ranges::fill(bitmap, 0);
    begin({store_x2, hvc_0}, window);
    EXPECT_TRUE(logged(data));
    EXPECT_FALSE(logged(data + 0x1000));
    std::ranges::fill(bitmap, 0);
    begin({store_x2, hvc_0}, window + 0xFFC);
    EXPECT_TRUE(logged(data) && logged(data + 0x1000));
    std::ranges::fill(bitmap, 0);
    begin({load_x2, hvc_0}, window + 0x2000, u64{1} << 39);
    EXPECT_TRUE(logged(level3));
    EXPECT_FALSE(logged(data + 0x2000));
}

TEST_F(MmuTest, ZeroingDeviceMemoryIsAnAlignmentFault)
{
    constexpr u32 dc_zva_x1 = 0xD50B'7421;
    map(0, data | af | u64{1} << 2 | table_or_page);
    begin({dc_zva_x1}, window);
    EXPECT_EQ(state().el[1].esr, 0x9600'0061U);
    map(1, data | af | table_or_page);
    poke(data + 0x38, 1);
    begin({dc_zva_x1, hvc_0}, window + 0x1024);
    EXPECT_EQ(peek<u64>(data + 0x38), 0U);
}

TEST_F(MmuTest, ZeroingReportsTheAddressThatWasGiven)
{
    constexpr u32 dc_zva_x1 = 0xD50B'7421;
    begin({dc_zva_x1}, window + 0x5024);
    EXPECT_EQ(state().el[1].far, window + 0x5024);
}

} // namespace
} // namespace gimbal::translator::aarch64
