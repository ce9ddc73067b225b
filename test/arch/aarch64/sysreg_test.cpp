// SPDX-License-Identifier: Apache-2.0
#include "arch/aarch64/sysreg.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "arch/aarch64/esr.hpp"
#include "arch/aarch64/mpidr.hpp"

namespace gimbal::aarch64 {
namespace {

TEST(SysReg, EveryRowIsFoundByEncodingAndByName)
{
    std::set<SysReg> seen;
    for (const SysRegRow& row : sysreg_table) {
        EXPECT_TRUE(seen.insert(row.reg).second) << row.name;
        EXPECT_STREQ(sysreg_name(row.reg), row.name);
        EXPECT_EQ(find_sysreg(row.name), row.reg);
        EXPECT_EQ(make_sysreg(op0(row.reg), op1(row.reg), crn(row.reg), crm(row.reg), op2(row.reg)), row.reg);
    }
    EXPECT_GT(seen.size(), 400U);
}

TEST(SysReg, UnknownEncodingsAndNamesHaveNoRow)
{
    EXPECT_EQ(sysreg_name(make_sysreg(3, 7, 15, 15, 7)), nullptr);
    EXPECT_EQ(sysreg_name(make_sysreg(0, 0, 0, 0, 0)), nullptr);
    EXPECT_EQ(sysreg_name(make_sysreg(3, 4, 14, 5, 3)), nullptr);
    EXPECT_FALSE(find_sysreg("SCTLR_EL9").has_value());
    EXPECT_FALSE(find_sysreg("SCTLR_EL").has_value());
    EXPECT_FALSE(find_sysreg("").has_value());
    EXPECT_EQ(find_sysreg("sctlr_el1"), SysReg::sctlr_el1);
}

TEST(Esr, ASystemRegisterTrapNamesItsRegisterForEveryRow)
{
    for (const SysRegRow& row : sysreg_table) {
        const Esr esr = make_sysreg_trap(row.reg, 17, true);
        EXPECT_EQ(Esr::ec::get(esr), Ec::msr_mrs);
        EXPECT_EQ(trapped_sysreg(esr), row.reg) << row.name;
        EXPECT_EQ(Esr::rt::get(esr), 17);
        EXPECT_TRUE(Esr::is_read::get(esr));
    }
}

TEST(Esr, FaultKindsLoseTheirLevelAndNothingElse)
{
    for (const FaultStatus kind :
         {FaultStatus::address_size, FaultStatus::translation, FaultStatus::access_flag, FaultStatus::permission,
          FaultStatus::external_abort_on_walk, FaultStatus::ecc_on_walk}) {
        for (unsigned level = 0; level < 4; ++level) EXPECT_EQ(fault_kind(fault_status(kind, level)), kind);
    }
    for (const FaultStatus kind :
         {FaultStatus::external_abort, FaultStatus::tag_check, FaultStatus::ecc, FaultStatus::alignment,
          FaultStatus::debug, FaultStatus::tlb_conflict, FaultStatus::hardware_update, FaultStatus::lockdown,
          FaultStatus::unsupported_exclusive})
        EXPECT_EQ(fault_kind(kind), kind);
}

TEST(Esr, CurrentLevelClassesAreOneAbove)
{
    EXPECT_EQ(current_level(Ec::dabt_lower), Ec::dabt_current);
    EXPECT_EQ(current_level(Ec::iabt_lower), Ec::iabt_current);
    EXPECT_EQ(current_level(Ec::watchpoint_lower), Ec::watchpoint_current);
    EXPECT_EQ(make_software_step(false, false, true), make_esr(Ec::software_step_current, 0x22));
}

TEST(Mpidr, AffinityLeavesTheFlagBitsOut)
{
    const MpidrEl1 mpidr{0x0000'0012'C134'5678};
    EXPECT_EQ(mpidr.affinity(), 0x0000'0012'0034'5678U);
    EXPECT_TRUE(MpidrEl1::res1::get(mpidr) && MpidrEl1::u::get(mpidr) && MpidrEl1::mt::get(mpidr));
    EXPECT_EQ(MpidrEl1::aff3::get(mpidr), 0x12);
}

TEST(Mpidr, IndexAndAffinityAreInverses)
{
    for (u32 index = 0; index < 65'536; index += 7) {
        const MpidrEl1 mpidr = mpidr_of_index(index);
        EXPECT_TRUE(MpidrEl1::res1::get(mpidr));
        EXPECT_EQ(index_of_affinity(mpidr.affinity()), index);
    }
    EXPECT_EQ(index_of_affinity(u64{1} << 32), ~u32{0});
}

} // namespace
} // namespace gimbal::aarch64
