// SPDX-License-Identifier: Apache-2.0
#include "test/engine/translator/cpu/mmu_fixture.hpp"

// Stage-1 translation as running code meets it: faults, flags, contexts, maintenance.
namespace gimbal::translator::aarch64 {
namespace {

TEST_F(MmuTest, LoadThroughAPage)
{
    map(3, data | af | table_or_page);
    poke(data + 0x18, 0x1122'3344'5566'7788);
    begin({load_x2, hvc_0}, window + 0x3018);
    EXPECT_EQ(x(2), 0x1122'3344'5566'7788U);
}

TEST_F(MmuTest, TranslationFaultNamesLevelAndAddress)
{
    begin({load_x2}, window + 0x5008);
    EXPECT_EQ(state().el[1].esr, 0x9600'0007U);
    EXPECT_EQ(state().el[1].far, window + 0x5008);
    EXPECT_EQ(state().el[1].elr, code);
}

TEST_F(MmuTest, StoreToReadOnlyPageIsAPermissionFault)
{
    map(0, data | af | read_only | table_or_page);
    begin({load_x2, store_x2}, window);
    EXPECT_EQ(state().el[1].esr, 0x9600'004FU);
    EXPECT_EQ(state().el[1].elr, code + 4);
}

TEST_F(MmuTest, AccessFlagFaultsOrIsSetByHardware)
{
    map(0, data | table_or_page);
    begin({load_x2, hvc_0}, window);
    EXPECT_EQ(state().el[1].esr, 0x9600'000BU);
    begin({load_x2, hvc_0}, window, u64{1} << 39);
    EXPECT_EQ(peek<u64>(level3), data | af | table_or_page);
}

TEST_F(MmuTest, DirtyStateIsSetByTheFirstStoreOnly)
{
    constexpr u64 clean = data | af | read_only | dbm | table_or_page;
    map(0, clean);
    begin({load_x2, hvc_0, store_x2, hvc_0}, window, u64{3} << 39);
    EXPECT_EQ(peek<u64>(level3), clean); // a load leaves it clean, and cached
    resume(Completion::make_done());
    EXPECT_EQ(peek<u64>(level3), clean & ~read_only);
}

// AArch64.BranchAddr, then the alignment of PC
TEST_F(MmuTest, BranchDropsTheTagBeforeAlignmentIsChecked)
{
    constexpr u32 br_x1 = 0xD61F'0020;
    constexpr u64 top_byte_ignored = u64{1} << 37;
    begin({br_x1}, u64{0x5A} << 56 | (code + 2), top_byte_ignored);
    EXPECT_EQ(state().el[1].esr >> 26, 0x22U);
    EXPECT_EQ(state().el[1].far, code + 2);
    EXPECT_EQ(state().el[1].elr, code + 2);
}

TEST_F(MmuTest, StoreAcrossPagesFaultsBeforeItWrites)
{
    map(0, data | af | table_or_page);
    poke(data + 0xFF8, 0);
    begin({store_x2}, window + 0xFFC);
    EXPECT_EQ(state().el[1].esr, 0x9600'0047U);
    EXPECT_EQ(state().el[1].far, window + 0x1000);
    EXPECT_EQ(peek<u64>(data + 0xFF8), 0U);
}

TEST_F(MmuTest, StoreAcrossPagesWritesBoth)
{
    map(0, data | af | table_or_page);
    map(1, (data + 0x4000) | af | table_or_page);
    put(code, {store_x2, load_x2, hvc_0});
    cpu_->reset({
        .pc = code, .arguments = {0, window + 0xFFD, 0x1122'3344'5566'7788, 0}
    });
    enable();
    resume({});
    EXPECT_EQ(x(2), 0x1122'3344'5566'7788U);
    EXPECT_EQ(peek<u32>(data + 0xFFC) >> 8, 0x66'7788U);
    EXPECT_EQ(peek<u32>(data + 0x4000), 0x2233'4455U);
}

TEST_F(MmuTest, UnprivilegedLoadHasEl0Rights)
{
    map(0, data | af | table_or_page);
    begin({load_x2, ldtr_x3}, window);
    EXPECT_EQ(state().el[1].esr, 0x9600'000FU);
    EXPECT_EQ(state().el[1].elr, code + 4);
}

TEST_F(MmuTest, PanDeniesPrivilegedAccessToUserPages)
{
    map(0, data | af | user | table_or_page);
    put(code, {ldtr_x3, load_x2});
    put(vectors + 0x200, {hvc_0});
    cpu_->reset({
        .pc = code, .arguments = {0, window, 0, 0}
    });
    state().el[1].vbar = vectors;
    enable();
    cpu_->write_register(arch::SysReg::pan, u64{1} << 22);
    resume({});
    EXPECT_EQ(state().el[1].esr, 0x9600'000FU);
    EXPECT_EQ(state().el[1].elr, code + 4); // LDTR went through
}

TEST_F(MmuTest, AsidsKeepTheirOwnPages)
{
    map(0, data | af | ng | table_or_page);
    poke(data, 1);
    poke(data + 0x1000, 2);
    // ldr x2, [x1]; hvc #0; ldr x2, [x1]; hvc #0; ldr x2, [x1]; hvc #0
    begin({load_x2, hvc_0, load_x2, hvc_0, load_x2, hvc_0}, window);
    EXPECT_EQ(x(2), 1U);
    map(0, (data + 0x1000) | af | ng | table_or_page);
    cpu_->write_register(arch::SysReg::ttbr0_el1, level1 | u64{7} << 48);
    resume(Completion::make_done());
    EXPECT_EQ(x(2), 2U);
    cpu_->write_register(arch::SysReg::ttbr0_el1, level1); // ASID 0 again: its old translation is still there
    resume(Completion::make_done());
    EXPECT_EQ(x(2), 1U);
}

TEST_F(MmuTest, TlbInvalidationByAddress)
{
    map(0, data | af | table_or_page);
    poke(data, 1);
    poke(data + 0x1000, 2);
    constexpr u32 tlbi_vae1_x4 = 0xD508'8724;
    begin({load_x2, hvc_0, tlbi_vae1_x4, load_x2, hvc_0}, window);
    map(0, (data + 0x1000) | af | table_or_page);
    x(4) = window >> 12;
    resume(Completion::make_done());
    EXPECT_EQ(x(2), 2U);
}

TEST_F(MmuTest, TlbInvalidationInsideABlockDropsAllOfIt)
{
    constexpr u32 tlbi_vae1_x4 = 0xD508'8724;
    poke(level1 + 24, ram_base | af | block); // 1 GiB at 3 << 30
    poke(data, 1);
    begin({load_x2, hvc_0, tlbi_vae1_x4, load_x2, hvc_0}, (u64{3} << 30) + (data - ram_base));
    EXPECT_EQ(x(2), 1U);
    poke(level1 + 24, 0);
    x(4) = (u64{3} << 30) >> 12; // another page of the same block
    resume(Completion::make_done());
    EXPECT_EQ(state().el[1].esr, 0x9600'0005U);
}

TEST_F(MmuTest, BroadcastInvalidationReachesTheOtherCpu)
{
    Cpu other(*machine_, VcpuId{1});
    map(0, data | af | table_or_page);
    poke(data, 1);
    poke(data + 0x1000, 2);
    constexpr u32 tlbi_vae1is_x4 = 0xD508'8324;
    constexpr u32 dsb_ish = 0xD503'3B9F;
    begin({load_x2, hvc_0, tlbi_vae1is_x4, dsb_ish, hvc_0}, window);
    // The other CPU reads the old page first, ...
    other.reset({
        .pc = code, .arguments = {0, window, 0, 0}
    });
    for (const auto reg :
         {arch::SysReg::mair_el1, arch::SysReg::tcr_el1, arch::SysReg::ttbr0_el1, arch::SysReg::sctlr_el1}) {
        const ElBank& bank = state().el[1];
        other.write_register(reg, reg == arch::SysReg::mair_el1    ? bank.mair
                                  : reg == arch::SysReg::tcr_el1   ? bank.tcr
                                  : reg == arch::SysReg::ttbr0_el1 ? bank.ttbr0
                                                                   : bank.sctlr);
    }
    while (other.run({}).kind != ExitKind::hypercall) {}
    EXPECT_EQ(other.state().x[2], 1U);
    // ... this one changes the mapping, ...
    map(0, (data + 0x1000) | af | table_or_page);
    x(4) = window >> 12;
    EXPECT_EQ(resume(Completion::make_done()).kind, ExitKind::hypercall);
    // ... and the other one sees it without maintenance of its own.
    other.state().common.pc = code;
    while (other.run({}).kind != ExitKind::hypercall) {}
    EXPECT_EQ(other.state().x[2], 2U);
}

TEST_F(MmuTest, TaggedAddressesReachTheSamePage)
{
    map(0, data | af | table_or_page);
    poke(data, 5);
    begin({load_x2, hvc_0}, window | u64{0xAB} << 56, u64{1} << 37);
    EXPECT_EQ(x(2), 5U);
}

TEST_F(MmuTest, NonCanonicalAddressFaultsAtLevelZero)
{
    begin({load_x2}, window | u64{0xAB} << 56);
    EXPECT_EQ(state().el[1].esr, 0x9600'0004U);
}

TEST_F(MmuTest, E0pdHoldsForAPageThatEl1HasCached)
{
    map(0, data | af | user | table_or_page);
    begin({load_x2, ldtr_x3}, window, u64{1} << 55);
    EXPECT_EQ(state().el[1].elr, code + 4);
    EXPECT_EQ(state().el[1].esr, 0x9600'0004U); // level 0, as if nothing were mapped
}

TEST_F(MmuTest, NonCacheableMemoryIsReportedAsOuterShareable)
{
    constexpr u32 at_s1e1r_x1 = 0xD508'7801;
    map(0, data | af | u64{2} << 2 | table_or_page); // AttrIndx 2
    put(code, {at_s1e1r_x1, hvc_0});
    cpu_->reset({
        .pc = code, .arguments = {0, window, 0, 0}
    });
    enable();
    cpu_->write_register(arch::SysReg::mair_el1, 0x44'04FF);
    resume({});
    EXPECT_EQ(state().par & 1, 0U);
    EXPECT_EQ(state().par >> 7 & 3, 2U);
    EXPECT_EQ(state().par >> 56, 0x44U);
}

TEST_F(MmuTest, SteppingABranchToATaggedAddressIsOneStep)
{
    constexpr u64 software_step = 1;
    put(code, {0xD61F'0020});                   // br x1
    put(code + 0x100, {0x9100'04A5});           // add x5, x5, #1
    put(vectors + 0x400, {hvc_0, 0xD69F'03E0}); // eret
    map(0, code | af | user | read_only | table_or_page);
    cpu_->reset({
        .pc = window, .arguments = {0, (window + 0x100) | u64{0xAB} << 56, 0, 0}
    });
    state().el[1].vbar = vectors;
    state().os_lock = 0;
    state().mdscr = software_step;
    enable(u64{1} << 37);
    cpu_->set_pstate(u64{1} << 21); // EL0t, SS = 1
    resume({});
    EXPECT_EQ(state().el[1].elr, window + 0x100);
    EXPECT_EQ(x(5), 0U);
    state().el[1].spsr |= u64{1} << 21;
    resume(Completion::make_done());
    EXPECT_EQ(state().el[1].elr, window + 0x104);
    EXPECT_EQ(x(5), 1U);
}

TEST_F(MmuTest, WalkOutsideMemoryIsAnExternalAbort)
{
    poke(level2, 0x10'0000 | table_or_page);
    put(code, {load_x2});
    put(vectors + 0x200, {hvc_0});
    cpu_->reset({
        .pc = code, .arguments = {0, window, 0, 0}
    });
    state().el[1].vbar = vectors;
    enable();
    poke(level2, 0x10'0000 | table_or_page);
    resume({});
    EXPECT_EQ(state().el[1].esr, 0x9600'0017U);
}

} // namespace
} // namespace gimbal::translator::aarch64
