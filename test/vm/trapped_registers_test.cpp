// SPDX-License-Identifier: Apache-2.0
#include "vm/aarch64/trapped_registers.hpp"

#include <gtest/gtest.h>

#include "test/vm/fakes.hpp"

namespace gimbal::test {
namespace {

using aarch64::CpuProfile;
using aarch64::encoding;
using aarch64::IccPort;
using aarch64::RegisterAccess;
using aarch64::RegisterRule;
using aarch64::SysReg;
using aarch64::TrappedRegisters;

class FakeIcc final : public IccPort {
public:
    Result<u64, RegisterError> read(VcpuId vcpu, SysReg reg) override
    {
        if (reg == SysReg::icc_ap1r3_el1) return fail(RegisterError::undefined);
        return u64{0x100} + vcpu.value;
    }
    Result<void, RegisterError> write(VcpuId vcpu, SysReg reg, u64 value) override
    {
        writes.emplace_back(vcpu.value, reg, value);
        return {};
    }
    std::vector<std::tuple<u32, SysReg, u64>> writes;
};

constexpr CpuProfile make_profile(u64 pmu_version)
{
    CpuProfile profile;
    profile.midr_el1 = 0x0000'0000'4100'1234;
    profile.id_register(SysReg::id_aa64pfr0_el1) = 0x11;
    profile.id_register(SysReg::id_aa64dfr0_el1) = 6 | pmu_version << 8;
    profile.ctr_el0 = 0x8444'c004;
    profile.dczid_el0 = 4;
    profile.ccsidr_el1[0][1] = 0x1234;
    return profile;
}

class Registers : public testing::Test {
protected:
    void SetUp() override { ASSERT_TRUE(timers.start({1000}).has_value()); }
    Result<u64, RegisterError> read(SysReg reg, u32 vcpu = 0) { return file.read({vcpu}, reg, now); }
    bool write(SysReg reg, u64 value, u32 vcpu = 0) { return file.write({vcpu}, reg, value, now).has_value(); }

    HostTicks now{1000};
    FakeChip chip;
    VirtualTimers timers{&chip};
    FakeIcc icc;
    TrappedRegisters file{make_profile(0), timers, &icc, 62'500'000};
    TrappedRegisters with_pmu{make_profile(4), timers, &icc, 62'500'000};
};

TEST_F(Registers, EveryRowAnswersInItsDirectionsAndNoOther)
{
    for (const auto& row : aarch64::trapped_register_table()) {
        const bool refused_by_port = row.reg == SysReg::icc_ap1r3_el1;
        const bool needs_selector = row.reg == SysReg::pmxevtyper_el0;
        if (refused_by_port || needs_selector) continue;
        const bool readable = row.access != RegisterAccess::write_only;
        const bool writable = row.access != RegisterAccess::read_only;
        EXPECT_EQ(with_pmu.read({0}, row.reg, now).has_value(), readable) << std::hex << encoding(row.reg);
        EXPECT_EQ(with_pmu.write({0}, row.reg, 0, now).has_value(), writable) << std::hex << encoding(row.reg);
    }
}

TEST_F(Registers, WhatTheTableDoesNotHoldIsUndefined)
{
    unsigned answered = 0;
    for (unsigned code = 0; code <= 0xffff; ++code) {
        const auto reg = static_cast<SysReg>(code);
        answered += file.read({0}, reg, now).has_value() ? 1 : 0;
    }
    EXPECT_LT(answered, aarch64::trapped_register_table().size());
    EXPECT_GT(answered, 56U);
    const Completion answer = file.access({0}, {0x1'0000, Direction::read, 0}, now); // not an encoding at all
    EXPECT_EQ(answer.kind, CompletionKind::inject);
    EXPECT_EQ(answer.inject, InjectKind::undefined);
}

TEST_F(Registers, AccessAnswersWithAValueOrAnException)
{
    EXPECT_EQ(file.access({0}, {encoding(SysReg::ctr_el0), Direction::read, 0}, now).results[0], 0x8444'c004U);
    EXPECT_EQ(file.access({0}, {encoding(SysReg::ctr_el0), Direction::write, 1}, now).kind, CompletionKind::inject);
    EXPECT_EQ(file.access({0}, {encoding(SysReg::oslar_el1), Direction::write, 0}, now).kind, CompletionKind::done);
}

TEST_F(Registers, IdentificationComesFromTheProfile)
{
    EXPECT_EQ(*read(SysReg::midr_el1), 0x4100'1234U);
    EXPECT_EQ(*read(SysReg::mpidr_el1, 17), 0x8000'0101U);
    EXPECT_EQ(*read(SysReg::id_aa64pfr0_el1), 0x11U);
    EXPECT_EQ(*read(aarch64::make_sysreg(3, 0, 0, 7, 7)), 0U); // reserved: reads zero by architecture
    EXPECT_EQ(*read(SysReg::dczid_el0), 4U);
    EXPECT_EQ(*read(SysReg::revidr_el1), 0U);
    EXPECT_EQ(*read(SysReg::clidr_el1), 0U);
    EXPECT_FALSE(write(SysReg::midr_el1, 0));
}

TEST_F(Registers, CacheSizeFollowsTheSelector)
{
    EXPECT_EQ(*read(SysReg::ccsidr_el1), 0U);
    EXPECT_TRUE(write(SysReg::csselr_el1, ~u64{0} << 4 | 1));
    EXPECT_EQ(*read(SysReg::csselr_el1), 1U); // the rest is RES0
    EXPECT_EQ(*read(SysReg::ccsidr_el1), 0x1234U);
    EXPECT_EQ(*read(SysReg::csselr_el1, 1), 0U); // per vCPU
    EXPECT_TRUE(write(SysReg::csselr_el1, 14));
    EXPECT_EQ(*read(SysReg::ccsidr_el1), 0U);
    file.reset({0});
    EXPECT_EQ(*read(SysReg::csselr_el1), 0U);
}

TEST_F(Registers, OsLockIsSetAtResetAndFollowsOslar)
{
    EXPECT_EQ(*read(SysReg::oslsr_el1), 0xaU);
    EXPECT_TRUE(write(SysReg::oslar_el1, 0));
    EXPECT_EQ(*read(SysReg::oslsr_el1), 0x8U);
    EXPECT_TRUE(write(SysReg::oslar_el1, 1));
    EXPECT_EQ(*read(SysReg::oslsr_el1), 0xaU);
    EXPECT_FALSE(read(SysReg::oslar_el1).has_value());
    EXPECT_FALSE(write(SysReg::oslsr_el1, 0));
    EXPECT_TRUE(write(SysReg::osdlr_el1, 1)); // no double lock: ignored
    EXPECT_EQ(*read(SysReg::osdlr_el1), 0U);
    file.reset({0});
    EXPECT_EQ(*read(SysReg::oslsr_el1), 0xaU);
}

TEST_F(Registers, ClaimTagsAreSetAndClearedByBit)
{
    EXPECT_EQ(*read(SysReg::dbgclaimset_el1), 0xffU);
    EXPECT_TRUE(write(SysReg::dbgclaimset_el1, 0x1f0));
    EXPECT_EQ(*read(SysReg::dbgclaimclr_el1), 0xf0U);
    EXPECT_TRUE(write(SysReg::dbgclaimclr_el1, 0x10));
    EXPECT_EQ(*read(SysReg::dbgclaimclr_el1), 0xe0U);
}

TEST_F(Registers, TimersAreTheVmsTimers)
{
    EXPECT_EQ(*read(SysReg::cntfrq_el0), 62'500'000U);
    EXPECT_FALSE(write(SysReg::cntfrq_el0, 1)); // writable at the highest exception level only
    now = {1100};
    EXPECT_EQ(*read(SysReg::cntvct_el0), 100U);
    EXPECT_EQ(*read(SysReg::cntpct_el0), 100U);
    EXPECT_TRUE(write(SysReg::cntv_tval_el0, 50));
    EXPECT_TRUE(write(SysReg::cntp_cval_el0, 7));
    EXPECT_EQ(*read(SysReg::cntv_cval_el0), 150U);
    EXPECT_EQ(*read(SysReg::cntp_cval_el0), 7U);
    EXPECT_TRUE(write(SysReg::cntp_ctl_el0, 1));
    EXPECT_EQ(*read(SysReg::cntp_ctl_el0), 5U);
    EXPECT_EQ(*read(SysReg::cntv_ctl_el0), 0U);
    EXPECT_EQ(*read(SysReg::cntp_tval_el0), 0xffff'ffffU & (u64{7} - 100));
    EXPECT_TRUE(chip.ppi_level[0][30 - 16]);
}

TEST_F(Registers, InterruptControllerRegistersGoToTheirPort)
{
    EXPECT_EQ(*read(SysReg::icc_iar1_el1, 3), 0x103U);
    EXPECT_FALSE(write(SysReg::icc_iar1_el1, 1));
    EXPECT_TRUE(write(SysReg::icc_eoir1_el1, 27, 2));
    EXPECT_FALSE(read(SysReg::icc_eoir1_el1).has_value());
    ASSERT_EQ(icc.writes.size(), 1U);
    EXPECT_EQ(icc.writes[0], (std::tuple{2U, SysReg::icc_eoir1_el1, u64{27}}));
    EXPECT_FALSE(read(SysReg::icc_ap1r3_el1).has_value()); // the chip has no such register
    TrappedRegisters without(make_profile(0), timers, nullptr, 1);
    EXPECT_FALSE(without.read({0}, SysReg::icc_pmr_el1, now).has_value());
    EXPECT_FALSE(without.write({0}, SysReg::icc_pmr_el1, 0, now).has_value());
}

TEST_F(Registers, WithoutAPmuItsRegistersAreUndefined)
{
    for (const SysReg reg : {SysReg::pmcr_el0, SysReg::pmccntr_el0, SysReg::pmuserenr_el0, SysReg::pmintenset_el1}) {
        EXPECT_FALSE(read(reg).has_value());
        EXPECT_FALSE(write(reg, 0));
    }
}

class PmuRegisters : public Registers {
protected:
    u64 get(SysReg reg) { return *with_pmu.read({0}, reg, now); }
    bool put(SysReg reg, u64 value) { return with_pmu.write({0}, reg, value, now).has_value(); }
};

TEST_F(PmuRegisters, HasNoEventCounters)
{
    EXPECT_EQ(bits(get(SysReg::pmcr_el0), 11, 5), 0U); // N
    EXPECT_EQ(get(SysReg::pmceid0_el0) | get(SysReg::pmceid1_el0), 0U);
    EXPECT_TRUE(put(SysReg::pmcntenset_el0, ~u64{0}));
    EXPECT_EQ(get(SysReg::pmcntenset_el0), bit(31));
    EXPECT_FALSE(with_pmu.read({0}, SysReg::pmxevcntr_el0, now).has_value());
    EXPECT_FALSE(with_pmu.read({0}, SysReg::pmevcntr0_el0, now).has_value());
    EXPECT_FALSE(with_pmu.read({0}, SysReg::pmxevtyper_el0, now).has_value());
    EXPECT_FALSE(put(SysReg::pmxevtyper_el0, 0));
    EXPECT_TRUE(put(SysReg::pmswinc_el0, 1));
}

TEST_F(PmuRegisters, CycleCounterRunsWhileEnabled)
{
    EXPECT_TRUE(put(SysReg::pmcntenset_el0, bit(31)));
    now = {2000};
    EXPECT_EQ(get(SysReg::pmccntr_el0), 0U);
    EXPECT_TRUE(put(SysReg::pmcr_el0, 1));
    now = {2100};
    EXPECT_EQ(get(SysReg::pmccntr_el0), 100U);
    EXPECT_TRUE(put(SysReg::pmcr_el0, 0));
    now = {2200};
    EXPECT_EQ(get(SysReg::pmccntr_el0), 100U);
    EXPECT_TRUE(put(SysReg::pmcr_el0, 1 | 4)); // C: reset it
    now = {2210};
    EXPECT_EQ(get(SysReg::pmccntr_el0), 10U);
    EXPECT_TRUE(put(SysReg::pmcntenclr_el0, bit(31)));
    now = {2300};
    EXPECT_EQ(get(SysReg::pmccntr_el0), 10U);
    EXPECT_EQ(get(SysReg::pmcr_el0), 1U);
}

TEST_F(PmuRegisters, OverflowSetsItsFlag)
{
    EXPECT_TRUE(put(SysReg::pmccntr_el0, ~u64{0} - 4));
    EXPECT_TRUE(put(SysReg::pmcntenset_el0, bit(31)));
    EXPECT_TRUE(put(SysReg::pmcr_el0, 1));
    now = {now.value + 10};
    EXPECT_EQ(get(SysReg::pmovsset_el0), bit(31));
    EXPECT_TRUE(put(SysReg::pmovsclr_el0, bit(31)));
    EXPECT_EQ(get(SysReg::pmovsclr_el0), 0U);
    EXPECT_TRUE(put(SysReg::pmovsset_el0, ~u64{0}));
    EXPECT_EQ(get(SysReg::pmovsset_el0), bit(31));
}

TEST_F(PmuRegisters, ControlsKeepTheirWritableBits)
{
    EXPECT_TRUE(put(SysReg::pmintenset_el1, ~u64{0}));
    EXPECT_EQ(get(SysReg::pmintenset_el1), bit(31));
    EXPECT_TRUE(put(SysReg::pmintenclr_el1, bit(31)));
    EXPECT_EQ(get(SysReg::pmintenclr_el1), 0U);
    EXPECT_TRUE(put(SysReg::pmuserenr_el0, ~u64{0}));
    EXPECT_EQ(get(SysReg::pmuserenr_el0), 0xfU);
    EXPECT_TRUE(put(SysReg::pmselr_el0, 31));
    EXPECT_EQ(get(SysReg::pmselr_el0), 31U);
    EXPECT_TRUE(put(SysReg::pmxevtyper_el0, ~u64{0}));
    EXPECT_EQ(get(SysReg::pmccfiltr_el0), 0xfc00'0000U);
    EXPECT_EQ(get(SysReg::pmxevtyper_el0), 0xfc00'0000U);
    EXPECT_EQ(get(SysReg::pmcntenclr_el0), 0U);
}

} // namespace
} // namespace gimbal::test
