// SPDX-License-Identifier: Apache-2.0
#include "arch/aarch64/guest_system_registers.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace gimbal::aarch64 {
namespace {

/// A register file that remembers the order of writes and lets its counter run on.
struct FakeCpu {
    std::map<SysReg, u64> values;
    std::vector<SysReg> writes;
    std::vector<SysReg> reads;
    u64 counter{1000};
    u64 timer_armed_with_stale_deadline{};

    template <SysReg reg>
    u64 read()
    {
        reads.push_back(reg);
        ++counter;
        return reg == SysReg::cntvct_el0 ? counter : values[reg];
    }
    template <SysReg reg>
    void write(u64 value)
    {
        writes.push_back(reg);
        ++counter;
        const bool is_cval = reg == SysReg::cntp_cval_el0 || reg == SysReg::cntv_cval_el0;
        const SysReg ctl = reg == SysReg::cntp_cval_el0 ? SysReg::cntp_ctl_el0 : SysReg::cntv_ctl_el0;
        if (is_cval && (values[ctl] & 1) != 0) ++timer_armed_with_stale_deadline;
        values[reg] = value;
    }
    usize position(SysReg reg) const
    {
        return static_cast<usize>(std::find(writes.begin(), writes.end(), reg) - writes.begin());
    }
    usize last_position(SysReg reg) const
    {
        return writes.size() - 1 - static_cast<usize>(std::find(writes.rbegin(), writes.rend(), reg) - writes.rbegin());
    }
};
static_assert(RegisterPort<FakeCpu>);

bool is_tval(SysReg reg) { return reg == SysReg::cntp_tval_el0 || reg == SysReg::cntv_tval_el0; }

TEST(GuestSystemRegisters, A5_EveryListedRegisterRoundTripsExceptTheObservedOnes)
{
    FakeCpu cpu;
    u64 next = 0x1'0000'0001;
    for (const GuestRegisterRow& row : guest_register_table) cpu.values[row.reg] = next++;
    const auto before = cpu.values;

    GuestSystemRegisters saved;
    saved.store(cpu);
    cpu.values.clear();
    saved.restore(cpu);
    for (const GuestRegisterRow& row : guest_register_table) {
        if (row.phase == RestorePhase::observed)
            EXPECT_EQ(cpu.values.count(row.reg), 0U) << sysreg_name(row.reg);
        else
            EXPECT_EQ(cpu.values[row.reg], before.at(row.reg)) << sysreg_name(row.reg);
    }
    EXPECT_EQ(cpu.position(SysReg::cntvct_el0), cpu.writes.size()); // stored, never restored
    EXPECT_GT(saved.cntvct_el0, 1000U);
}

TEST(GuestSystemRegisters, A5_TheListHoldsWhatTheSeedSwitches)
{
    std::set<SysReg> listed;
    for (const GuestRegisterRow& row : guest_register_table) EXPECT_TRUE(listed.insert(row.reg).second);
    for (const char* name :
         {"CNTVOFF_EL2", "CNTP_CVAL_EL0", "CNTV_CVAL_EL0", "CNTKCTL_EL1", "CNTP_CTL_EL0",   "CNTV_CTL_EL0",
          "CNTHCTL_EL2", "VMPIDR_EL2",    "SP_EL1",        "ELR_EL1",     "SPSR_EL1",       "SCTLR_EL1",
          "CPACR_EL1",   "TTBR0_EL1",     "TTBR1_EL1",     "TCR_EL1",     "ESR_EL1",        "FAR_EL1",
          "PAR_EL1",     "MAIR_EL1",      "AMAIR_EL1",     "VBAR_EL1",    "CONTEXTIDR_EL1", "TPIDR_EL0",
          "TPIDR_EL1",   "TPIDRRO_EL0",   "PMCR_EL0",      "ACTLR_EL1",   "VTCR_EL2",       "VTTBR_EL2",
          "HCR_EL2",     "CNTVCT_EL0",    "VPIDR_EL2",     "CPTR_EL2",    "HSTR_EL2",       "FAR_EL2",
          "HPFAR_EL2"})
        EXPECT_EQ(listed.count(*find_sysreg(name)), 1U) << name;
}

TEST(GuestSystemRegisters, A6_TvalIsNeverTouched)
{
    FakeCpu cpu;
    GuestSystemRegisters saved;
    saved.store(cpu);
    saved.restore(cpu);
    EXPECT_TRUE(std::none_of(cpu.writes.begin(), cpu.writes.end(), is_tval));
    EXPECT_TRUE(std::none_of(cpu.reads.begin(), cpu.reads.end(), is_tval));
}

TEST(GuestSystemRegisters, A6_ADeadlineSurvivesTenThousandExits)
{
    FakeCpu cpu;
    cpu.values[SysReg::cntv_cval_el0] = 5'000'000;
    cpu.values[SysReg::cntv_ctl_el0] = 1;
    cpu.values[SysReg::cntp_cval_el0] = 6'000'000;
    cpu.values[SysReg::cntp_ctl_el0] = 3;
    GuestSystemRegisters saved;
    for (int exit = 0; exit < 10'000; ++exit) {
        saved.store(cpu);
        saved.restore(cpu);
        cpu.writes.clear();
        cpu.reads.clear();
    }
    EXPECT_EQ(cpu.values[SysReg::cntv_cval_el0], 5'000'000U);
    EXPECT_EQ(cpu.values[SysReg::cntv_ctl_el0], 1U);
    EXPECT_EQ(cpu.values[SysReg::cntp_cval_el0], 6'000'000U);
    EXPECT_EQ(cpu.values[SysReg::cntp_ctl_el0], 3U);
    EXPECT_EQ(cpu.timer_armed_with_stale_deadline, 0U);
    EXPECT_GT(cpu.counter, 500'000U);
}

TEST(GuestSystemRegisters, A9_SpEl0HasOneHomeWhichIsTheFrame)
{
    FakeCpu cpu;
    GuestSystemRegisters saved;
    saved.store(cpu);
    saved.restore(cpu);
    EXPECT_EQ(std::count(cpu.writes.begin(), cpu.writes.end(), SysReg::sp_el0), 0);
    EXPECT_EQ(std::count(cpu.reads.begin(), cpu.reads.end(), SysReg::sp_el0), 0);
    EXPECT_EQ(std::count(cpu.writes.begin(), cpu.writes.end(), SysReg::tpidr_el0), 1);
}

TEST(GuestSystemRegisters, A10_UpperHalvesAreKept)
{
    FakeCpu cpu;
    for (const SysReg reg : {SysReg::sctlr_el1, SysReg::esr_el1, SysReg::cpacr_el1, SysReg::cntkctl_el1,
                             SysReg::spsr_el1, SysReg::contextidr_el1})
        cpu.values[reg] = 0xFEDC'BA98'7654'3210;
    GuestSystemRegisters saved;
    saved.store(cpu);
    cpu.values.clear();
    saved.restore(cpu);
    EXPECT_EQ(cpu.values[SysReg::sctlr_el1], 0xFEDC'BA98'7654'3210U);
    EXPECT_EQ(cpu.values[SysReg::esr_el1], 0xFEDC'BA98'7654'3210U);
    EXPECT_EQ(cpu.values[SysReg::spsr_el1], 0xFEDC'BA98'7654'3210U);
    static_assert(sizeof(GuestSystemRegisters) % 16 == 0 && alignof(GuestSystemRegisters) == 16);
}

TEST(GuestSystemRegisters, A18b_CounterFirstThenTimersOffThenDeadlinesThenControls)
{
    FakeCpu cpu;
    GuestSystemRegisters saved;
    saved.restore(cpu);
    const std::vector<SysReg> expected = {SysReg::cntvoff_el2,   SysReg::cntkctl_el1,  SysReg::cnthctl_el2,
                                          SysReg::cntp_ctl_el0,  SysReg::cntv_ctl_el0, SysReg::cntp_cval_el0,
                                          SysReg::cntv_cval_el0, SysReg::cntp_ctl_el0, SysReg::cntv_ctl_el0};
    ASSERT_GE(cpu.writes.size(), expected.size());
    EXPECT_TRUE(std::equal(expected.begin(), expected.end(), cpu.writes.begin()));
    EXPECT_LT(cpu.last_position(SysReg::cntv_ctl_el0), cpu.position(SysReg::hcr_el2));
}

TEST(GuestSystemRegisters, ResetGivesResBitsInSctlrAndZeroElsewhere)
{
    GuestSystemRegisters registers;
    for (const GuestRegisterRow& row : guest_register_table) registers.*row.field = ~u64{0};
    registers.reset();
    for (const GuestRegisterRow& row : guest_register_table)
        EXPECT_EQ(registers.*row.field, row.reg == SysReg::sctlr_el1 ? 0x30C5'0830U : 0U) << sysreg_name(row.reg);
}

TEST(GuestSystemRegisters, FormatPrintsTheManualsNames)
{
    GuestSystemRegisters registers;
    registers.hpfar_el2 = 0xABC0;
    char buffer[guest_registers_text_size];
    const std::string text(buffer, format(registers, buffer));
    EXPECT_NE(text.find("SCTLR_EL1       0000000030c50830\n"), std::string::npos);
    EXPECT_NE(text.find("HPFAR_EL2       000000000000abc0\n"), std::string::npos);
    EXPECT_LT(text.size(), sizeof(buffer));
}

} // namespace
} // namespace gimbal::aarch64
