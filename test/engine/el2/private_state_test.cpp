// SPDX-License-Identifier: Apache-2.0
// What a world switch moves beside the list of system registers: breakpoints, watchpoints, pointer-authentication keys.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "engine/el2/debug_state.hpp"
#include "engine/el2/pointer_keys.hpp"
#include "engine/el2/trap.hpp"
#include "test/engine/el2/trap_fixture.hpp"
#include "vm/aarch64/trapped_registers.hpp"

namespace gimbal::el2 {
namespace {

using aarch64::debug_register;
using aarch64::SysReg;

struct FakeCpu {
    std::map<SysReg, u64> values;
    unsigned writes{};
    template <SysReg reg>
    u64 read()
    {
        return values[reg];
    }
    template <SysReg reg>
    void write(u64 value)
    {
        ++writes;
        values[reg] = value;
    }
};
static_assert(aarch64::RegisterPort<FakeCpu>);

constexpr DebugCounts counts{6, 4};
constexpr u64 mde = aarch64::MdscrEl1::mde::mask;

TEST(PrivateState, A8_EachRegisterOfAGuestHasOneHome)
{
    std::map<SysReg, unsigned> homes;
    for (const aarch64::GuestRegisterRow& row : aarch64::guest_register_table) ++homes[row.reg];
    for (const SysReg key : pointer_key_registers) ++homes[key];
    for (unsigned n = 0; n < DebugState::most; ++n)
        for (const SysReg first : {SysReg::dbgbvr0_el1, SysReg::dbgbcr0_el1, SysReg::dbgwvr0_el1, SysReg::dbgwcr0_el1})
            ++homes[debug_register(first, n)];
    for (const auto& [reg, count] : homes) EXPECT_EQ(count, 1U) << aarch64::sysreg_name(reg);
    EXPECT_EQ(homes.count(SysReg::sp_el0), 0U) << "the frame's";
    // What the switch keeps never has a second value in the VM's table, but for those that some engines trap: timers,
    // ACTLR, CSSELR, PMCR and the counter, where the table is asked only if the engine does not have the register.
    const std::set<SysReg> by_engine{SysReg::cntp_ctl_el0, SysReg::cntp_cval_el0, SysReg::cntv_ctl_el0,
                                     SysReg::cntvct_el0,   SysReg::cntv_cval_el0, SysReg::actlr_el1,
                                     SysReg::csselr_el1,   SysReg::pmcr_el0};
    for (const aarch64::TrappedRegisterRow& row : aarch64::trapped_register_table())
        EXPECT_TRUE(by_engine.contains(row.reg) || !homes.contains(row.reg)) << aarch64::sysreg_name(row.reg);
}

TEST(PrivateState, A8_EveryRegisterThatAGuestCanNameIsSwitchedOrTraps)
{
    // Op0 3 with op1 0 and 3, what EL1 and EL0 reach, by the manual's names: in the switch, in the frame, in the FP
    // state, in the list registers' virtual interface, a constant of the CPU, or behind a trap that docs/el2.md names.
    const auto starts = [](std::string_view name, std::initializer_list<const char*> prefixes) {
        for (const char* prefix : prefixes)
            if (name.starts_with(prefix)) return true;
        return false;
    };
    std::set<SysReg> switched;
    for (const aarch64::GuestRegisterRow& row : aarch64::guest_register_table) switched.insert(row.reg);
    for (const SysReg key : pointer_key_registers) switched.insert(key);
    for (const aarch64::TrappedRegisterRow& row : aarch64::trapped_register_table()) switched.insert(row.reg);
    for (const aarch64::SysRegRow& row : aarch64::sysreg_table) {
        if (aarch64::op0(row.reg) != 3 || (aarch64::op1(row.reg) != 0 && aarch64::op1(row.reg) != 3)) continue;
        const std::string_view name = row.name;
        const bool elsewhere = starts(name, {"SP_EL0", "FPCR", "FPSR", // frame, FP state
                                             "CurrentEL", "SPSel", "NZCV", "DAIF", "PAN", "UAO", "DIT", "SSBS", "TCO",
                                             "ALLINT", "PM"}) || // PSTATE; PMU
                               starts(name, {"ICC_", "RNDR", "CNTVCTSS", "CNTPCTSS", "DLR_EL0",
                                             "DSPSR_EL0"}); // virtual interface; no state
        const bool trapped =
            starts(name, {"SCXTNUM", "TPIDR2", "SMCR",   "SMPRI",   "ZCR",      "SVCR",   "TRFCR", "TFSR", "RGSR",
                          "GCR",     "GMID",   "ERR",    "ERX",     "LOR",      "PMS",    "PMB",   "PMM",  "TRB",
                          "BRB",     "AM",     "MPAM",   "ACCDATA", "FPMR",     "SCTLR2", "TCR2",  "PIR",  "POR",
                          "S2POR",   "MAIR2",  "AMAIR2", "RCWMASK", "RCWSMASK", "GCS"});
        // VDISR_EL2 stands for DISR_EL1 and is cleared on entry. RMR, RVBAR, ISR: constants or views of PSTATE.
        const bool harmless = starts(name, {"DISR_EL1", "RMR", "RVBAR", "ISR", "CNTFRQ", "SPSR_EL1", "SMIDR"});
        EXPECT_TRUE(switched.contains(row.reg) || elsewhere || trapped || harmless) << name;
    }
}

TEST(PrivateState, A8_KeysOfTwoGuestsStayApart)
{
    FakeCpu cpu;
    PointerKeys first;
    PointerKeys second;
    first.apiakeylo_el1 = 0x1111;
    first.apgakeyhi_el1 = 0x2222;
    first.restore(cpu);
    EXPECT_EQ(cpu.writes, std::size(pointer_key_registers));
    cpu.values[SysReg::apdbkeyhi_el1] = 0x3333; // the guest's own write
    first.store(cpu);
    second.restore(cpu);
    for (const SysReg key : pointer_key_registers) EXPECT_EQ(cpu.values[key], 0U) << aarch64::sysreg_name(key);
    second.store(cpu);
    first.restore(cpu);
    EXPECT_EQ(cpu.values[SysReg::apiakeylo_el1], 0x1111U);
    EXPECT_EQ(cpu.values[SysReg::apgakeyhi_el1], 0x2222U);
    EXPECT_EQ(cpu.values[SysReg::apdbkeyhi_el1], 0x3333U);
}

TEST(PrivateState, A8_DebugRegistersReadBackWithoutReachingTheHardware)
{
    FakeCpu cpu;
    DebugState debug;
    EXPECT_TRUE(debug.write(cpu, SysReg::dbgbvr5_el1, 0xFFFF'0000'1234'5679, counts));
    EXPECT_TRUE(debug.write(cpu, SysReg::dbgbcr5_el1, ~u64{0}, counts));
    EXPECT_TRUE(debug.write(cpu, SysReg::dbgwcr3_el1, ~u64{0}, counts));
    EXPECT_EQ(debug.read(cpu, SysReg::dbgbvr5_el1, counts), 0xFFFF'0000'1234'5678U);
    EXPECT_EQ(debug.read(cpu, SysReg::dbgbcr5_el1, counts), 0x00FF'E1E7U);
    EXPECT_EQ(debug.read(cpu, SysReg::dbgwcr3_el1, counts), 0x1F1F'FFFFU);
    EXPECT_EQ(cpu.writes, 0U) << "MDE is clear: nothing can happen";
}

TEST(PrivateState, A8_OnlyWhatTheCpuHasExists)
{
    FakeCpu cpu;
    DebugState debug;
    EXPECT_FALSE(debug.write(cpu, SysReg::dbgbvr6_el1, 1, counts));
    EXPECT_FALSE(debug.read(cpu, SysReg::dbgwcr4_el1, counts));
    EXPECT_FALSE(debug.read(cpu, SysReg::sctlr_el1, counts));
    EXPECT_FALSE(debug.write(cpu, SysReg::dbgdtr_el0, 1, counts));
    const DebugCounts probed = debug_counts(0x0000'0000'1030'5006);
    EXPECT_EQ(probed.breakpoints, 6U);
    EXPECT_EQ(probed.watchpoints, 4U);
}

TEST(PrivateState, A8_BreakpointsAreInTheHardwareWhileTheyMayHappen)
{
    FakeCpu cpu;
    DebugState debug;
    EXPECT_TRUE(debug.write(cpu, SysReg::dbgbvr1_el1, 0x8000, counts));
    EXPECT_TRUE(debug.write(cpu, SysReg::dbgbcr1_el1, 0x1E5, counts));
    EXPECT_TRUE(debug.write(cpu, SysReg::mdscr_el1, mde | 1 << 30, counts));
    EXPECT_EQ(cpu.values[SysReg::mdscr_el1], mde) << "what is not the guest's stays clear";
    EXPECT_EQ(cpu.values[SysReg::dbgbvr1_el1], 0x8000U);
    EXPECT_EQ(cpu.values[SysReg::dbgbcr1_el1], 0x1E5U);
    EXPECT_EQ(cpu.values.count(SysReg::dbgbvr6_el1), 0U) << "it does not exist";
    EXPECT_TRUE(debug.write(cpu, SysReg::dbgbcr1_el1, 0, counts));
    EXPECT_EQ(cpu.values[SysReg::dbgbcr1_el1], 0U) << "at once";
    EXPECT_TRUE(debug.write(cpu, SysReg::dbgbcr0_el1, 0x0080'01E7, counts)); // BT 8: by VMID
    EXPECT_EQ(cpu.values[SysReg::dbgbcr0_el1] & 1, 0U) << "a type that needs EL2 is off";

    DebugState other; // another vCPU that has breakpoints of its own
    EXPECT_TRUE(other.write(cpu, SysReg::mdscr_el1, 0, counts));
    cpu.values[SysReg::mdscr_el1] = mde;
    other.load(cpu, counts);
    EXPECT_EQ(cpu.values[SysReg::dbgbvr1_el1], 0U);
}

using PrivateTraps = test::TrapTest;

TEST_F(PrivateTraps, A8_ARegisterOfTheEnginesIsReadAndWrittenAtTheTrap)
{
    guest.engine_registers[SysReg::dbgbvr0_el1] = 0x77;
    ASSERT_TRUE(decode({aarch64::make_sysreg_trap(SysReg::dbgbvr0_el1, 3, true)}));
    EXPECT_FALSE(next(Completion::make_inject(InjectKind::undefined)));
    EXPECT_EQ(frame.x[3], 0x77U);
    EXPECT_EQ(frame.elr, pc + 4);
    ASSERT_TRUE(decode({aarch64::make_sysreg_trap(SysReg::dbgbvr0_el1, 31, false)}));
    EXPECT_FALSE(next(Completion::make_inject(InjectKind::undefined)));
    EXPECT_EQ(guest.engine_registers[SysReg::dbgbvr0_el1], 0U);
    EXPECT_EQ(frame.elr, pc + 8);
    EXPECT_TRUE(guest.taken.empty());
}

TEST_F(PrivateTraps, A8_TheFirstUseOfKeysRunsAgainWithThem)
{
    guest.key_register = SysReg::apiakeylo_el1;
    const u64 before = frame.x[3];
    ASSERT_TRUE(decode({aarch64::make_sysreg_trap(SysReg::apiakeylo_el1, 3, true)}));
    EXPECT_FALSE(next(Completion::make_inject(InjectKind::undefined)));
    EXPECT_EQ(frame.elr, pc);
    EXPECT_EQ(frame.x[3], before);
    const Trap instruction{{u64{static_cast<u8>(aarch64::Ec::pauth)} << 26 | aarch64::Esr::il::mask}};
    guest.offers_pointer_auth = true;
    EXPECT_FALSE(decode(instruction));
    EXPECT_EQ(frame.elr, pc);
    EXPECT_TRUE(guest.taken.empty());
    EXPECT_FALSE(decode(instruction)); // and if that did not help, or there is none
    expect_taken(0x0200'0000);
}

TEST_F(PrivateTraps, WhatStage2AllowsByNowRunsAgain)
{
    guest.allowed_now = true;
    for (const bool write : {false, true}) {
        ASSERT_TRUE(decode(abort_at(device + 8, described(write, 2, 1))));
        EXPECT_FALSE(next(Completion::make_inject(InjectKind::external_abort)));
        EXPECT_EQ(guest.asked.va, device + 8);
        EXPECT_EQ(guest.asked.direction, write ? Direction::write : Direction::read);
        EXPECT_FALSE(guest.asked.execute);
        EXPECT_EQ(frame.elr, pc);
        EXPECT_FALSE(decoder.waits_for_answer());
    }
    ASSERT_TRUE(decode({aarch64::make_instruction_abort(true, fault_status(aarch64::FaultStatus::translation, 2)), pc,
                        (pc >> 12) << 4}));
    EXPECT_FALSE(next(Completion::make_inject(InjectKind::external_abort)));
    EXPECT_TRUE(guest.asked.execute);
    EXPECT_EQ(guest.asked.va, pc);
    EXPECT_TRUE(guest.taken.empty());
    guest.allowed_now = false;
    ASSERT_TRUE(decode(abort_at(device + 8, described(false, 2, 1))));
    EXPECT_FALSE(next(Completion::make_inject(InjectKind::external_abort)));
    EXPECT_EQ(guest.taken.size(), 1U);
}

} // namespace
} // namespace gimbal::el2
