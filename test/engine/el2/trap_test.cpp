// SPDX-License-Identifier: Apache-2.0
#include "engine/el2/trap.hpp"

#include <gtest/gtest.h>

#include "engine/el2/trap_classes.hpp"
#include "test/engine/el2/trap_fixture.hpp"

namespace gimbal::el2::test {
namespace {

using aarch64::Ec;
using aarch64::Esr;
using aarch64::Spsr;
using aarch64::SysReg;
using aarch64::TrappedWait;

class Calls : public TrapTest {};
class TrappedRegisters : public TrapTest {};
class Waits : public TrapTest {};
class Classes : public TrapTest {};

Trap trap_of(Esr esr) { return {esr}; }

TEST_F(Calls, A30_AHypercallCarriesItsImmediateAndEightRegisters)
{
    frame.elr = pc + 4;
    ASSERT_TRUE(decode(trap_of(aarch64::make_hvc(0x1234))));
    EXPECT_EQ(exit.kind, ExitKind::hypercall);
    EXPECT_EQ(exit.call.immediate, 0x1234);
    for (unsigned i = 0; i < 8; ++i) EXPECT_EQ(exit.call.arguments[i], frame.x[i]);
}

TEST_F(Calls, A25_HvcIsNotAdvancedAndReturnsAsManyRegistersAsTheAnswerHas)
{
    const u64 untouched = frame.x[2];
    frame.elr = pc + 4;
    ASSERT_TRUE(decode(trap_of(aarch64::make_hvc(0))));
    EXPECT_FALSE(next({
        CompletionKind::done, {},
         2, {7, 8, 9, 10}
    }));
    EXPECT_EQ(frame.elr, pc + 4);
    EXPECT_EQ(frame.x[0], 7U);
    EXPECT_EQ(frame.x[1], 8U);
    EXPECT_EQ(frame.x[2], untouched);
    EXPECT_FALSE(decoder.waits_for_answer());
}

TEST_F(Calls, A25_AnExceptionInsteadOfHvcUndoesItsAdvance)
{
    frame.elr = pc + 4;
    ASSERT_TRUE(decode(trap_of(aarch64::make_hvc(0))));
    EXPECT_FALSE(next(Completion::make_inject(InjectKind::undefined)));
    expect_taken(0x0200'0000);
}

TEST_F(Calls, A25_ARetriedHvcRunsAgain)
{
    frame.elr = pc + 4;
    ASSERT_TRUE(decode(trap_of(aarch64::make_hvc(0))));
    EXPECT_FALSE(next(Completion::make_retry()));
    EXPECT_EQ(frame.elr, pc);
}

TEST_F(Calls, A25_SmcMovesPastItselfOnceItIsAnswered)
{
    ASSERT_TRUE(decode(trap_of(aarch64::make_smc(0))));
    EXPECT_EQ(exit.kind, ExitKind::secure_call);
    EXPECT_EQ(frame.elr, pc);
    EXPECT_FALSE(next({
        CompletionKind::done, {},
         4, {1, 2, 3, 4}
    }));
    EXPECT_EQ(frame.elr, pc + 4);
    EXPECT_EQ(frame.x[3], 4U);
}

TEST_F(Calls, A25_SmcStaysForAnException)
{
    ASSERT_TRUE(decode(trap_of(aarch64::make_smc(0))));
    EXPECT_FALSE(next(Completion::make_inject(InjectKind::undefined)));
    expect_taken(0x0200'0000);
}

TEST_F(Calls, ACallThatClaimsTooManyResultsReturnsFour)
{
    frame.elr = pc + 4;
    const u64 untouched = frame.x[4];
    ASSERT_TRUE(decode(trap_of(aarch64::make_hvc(0))));
    EXPECT_FALSE(next({
        CompletionKind::done, {},
         255, {1, 2, 3, 4}
    }));
    EXPECT_EQ(frame.x[4], untouched);
}

TEST_F(Calls, DiscardForgetsTheCall)
{
    ASSERT_TRUE(decode(trap_of(aarch64::make_smc(0))));
    decoder.discard();
    EXPECT_FALSE(done(5));
    EXPECT_EQ(frame.elr, pc);
    ASSERT_TRUE(decode(trap_of(aarch64::make_smc(0))));
    EXPECT_FALSE(next(Completion::make_discard()));
    EXPECT_FALSE(done(5));
    EXPECT_EQ(frame.elr, pc);
}

TEST_F(TrappedRegisters, A28_ReadGoesToItsRegisterAndAdvances)
{
    ASSERT_TRUE(decode(trap_of(aarch64::make_sysreg_trap(SysReg::cntp_ctl_el0, 9, true))));
    EXPECT_EQ(exit.kind, ExitKind::system_register);
    EXPECT_EQ(exit.system_register.encoding, aarch64::encoding(SysReg::cntp_ctl_el0));
    EXPECT_EQ(exit.system_register.direction, Direction::read);
    EXPECT_FALSE(done(0xABCD));
    EXPECT_EQ(frame.x[9], 0xABCDU);
    EXPECT_EQ(frame.elr, pc + 4);
}

TEST_F(TrappedRegisters, A28_WriteCarriesItsValueAndChangesNoRegister)
{
    const auto before = frame;
    ASSERT_TRUE(decode(trap_of(aarch64::make_sysreg_trap(SysReg::icc_sgi1r_el1, 9, false))));
    EXPECT_EQ(exit.system_register.encoding, aarch64::encoding(SysReg::icc_sgi1r_el1));
    EXPECT_EQ(exit.system_register.direction, Direction::write);
    EXPECT_EQ(exit.system_register.value, frame.x[9]);
    EXPECT_FALSE(done(1));
    EXPECT_TRUE(std::equal(std::begin(frame.x), std::end(frame.x), std::begin(before.x)));
    EXPECT_EQ(frame.elr, pc + 4);
}

TEST_F(TrappedRegisters, A3_Register31IsZero)
{
    ASSERT_TRUE(decode(trap_of(aarch64::make_sysreg_trap(SysReg::icc_sgi1r_el1, 31, false))));
    EXPECT_EQ(exit.system_register.value, 0U);
    EXPECT_FALSE(done());
    const auto before = frame;
    ASSERT_TRUE(decode(trap_of(aarch64::make_sysreg_trap(SysReg::cntpct_el0, 31, true))));
    EXPECT_FALSE(done(77));
    EXPECT_TRUE(std::equal(std::begin(frame.x), std::end(frame.x), std::begin(before.x)));
    EXPECT_EQ(frame.sp_el0, before.sp_el0);
}

TEST_F(TrappedRegisters, A28_WhatIsNotThereIsUndefinedAtTheInstruction)
{
    ASSERT_TRUE(decode(trap_of(aarch64::make_sysreg_trap(SysReg::pmcr_el0, 3, true))));
    const u64 before = frame.x[3];
    EXPECT_FALSE(next(Completion::make_inject(InjectKind::undefined)));
    expect_taken(0x0200'0000);
    EXPECT_EQ(frame.x[3], before);
}

TEST_F(TrappedRegisters, CleaningBySetAndWayCleansTheWholeGuest)
{
    unsigned cleaned = 0;
    for (const unsigned crm : {6U, 10U, 14U}) {
        EXPECT_FALSE(decode(trap_of(aarch64::make_sysreg_trap(aarch64::make_sysreg(1, 0, 7, crm, 2), 2, false))));
        EXPECT_EQ(guest.cache_cleans, ++cleaned);
        EXPECT_EQ(frame.elr, pc + 4 * cleaned);
    }
    // Any other system instruction is asked for, and the VM's table knows none.
    ASSERT_TRUE(decode(trap_of(aarch64::make_sysreg_trap(aarch64::make_sysreg(1, 0, 8, 7, 0), 2, false))));
    EXPECT_EQ(exit.kind, ExitKind::system_register);
}

TEST_F(Waits, EachFormIsAnIdleExitThatItsAnswerMovesPast)
{
    for (const TrappedWait which : {TrappedWait::wfi, TrappedWait::wfe}) {
        frame.elr = pc;
        ASSERT_TRUE(decode(trap_of(aarch64::make_wfx_trap(which))));
        EXPECT_EQ(exit.kind, ExitKind::idle);
        const bool event = which == TrappedWait::wfe;
        EXPECT_EQ(exit.idle.kind, event ? IdleKind::wait_for_event : IdleKind::wait_for_interrupt);
        EXPECT_FALSE(exit.idle.has_deadline);
        EXPECT_EQ(exit.idle.monitor_armed, event);
        EXPECT_EQ(frame.elr, pc);
        EXPECT_FALSE(done());
        EXPECT_EQ(frame.elr, pc + 4);
    }
}

TEST_F(Waits, TimedFormsEndAtTheCountInTheirRegister)
{
    const u64 rn_valid = 9U << 5 | 1U << 2;
    ASSERT_TRUE(decode(trap_of({aarch64::make_wfx_trap(TrappedWait::wfit).raw | rn_valid})));
    EXPECT_EQ(exit.idle.kind, IdleKind::wait_for_interrupt);
    EXPECT_TRUE(exit.idle.has_deadline);
    EXPECT_EQ(exit.idle.deadline.value, frame.x[9]);
    ASSERT_TRUE(decode(trap_of({aarch64::make_wfx_trap(TrappedWait::wfet).raw | 31U << 5 | 1U << 2})));
    EXPECT_EQ(exit.idle.kind, IdleKind::wait_for_event);
    EXPECT_EQ(exit.idle.deadline.value, 0U);
    // Without the register nobody knows when: it ends at once, which it may.
    EXPECT_FALSE(decode(trap_of(aarch64::make_wfx_trap(TrappedWait::wfit))));
    EXPECT_EQ(frame.elr, pc + 4);
}

TEST_F(Classes, AdvancingClearsBtypeAndSoftwareStep)
{
    frame.spsr = el1h | Spsr::btype::mask | Spsr::ss::mask | Spsr::z::mask;
    ASSERT_TRUE(decode(trap_of(aarch64::make_wfx_trap(TrappedWait::wfi))));
    EXPECT_FALSE(done());
    EXPECT_EQ(frame.spsr, el1h | Spsr::z::mask);
}

TEST_F(Classes, FpTrapsLoadTheRegistersAndRunTheInstructionAgain)
{
    EXPECT_FALSE(decode(trap_of(aarch64::make_fp_trap())));
    EXPECT_EQ(guest.fp_loads, 1U);
    EXPECT_EQ(frame.elr, pc);
}

TEST_F(Classes, WhatTheGuestsCpuDoesNotHaveIsUndefined)
{
    for (const Ec ec : {Ec::unknown, Ec::sve, Ec::sme, Ec::pauth, Ec::ld64b_st64b, Ec::eret}) {
        guest.taken.clear();
        EXPECT_FALSE(decode(trap_of(aarch64::make_esr(ec, 5))));
        expect_taken(0x0200'0000);
    }
}

TEST_F(Classes, TheGuestsOwnExceptionsAreHandedOn)
{
    for (const Ec ec : {Ec::illegal_state, Ec::sp_alignment, Ec::brk64, Ec::svc64, Ec::bti, Ec::pac_fail, Ec::mops,
                        Ec::fp_exception64}) {
        if (ec == Ec::brk64) continue; // a debugger's
        guest.taken.clear();
        EXPECT_FALSE(decode(trap_of(aarch64::make_esr(ec, 3))));
        expect_taken(aarch64::make_esr(ec, 3).raw);
        EXPECT_FALSE(guest.taken[0].exception.has_far);
    }
    guest.taken.clear();
    EXPECT_FALSE(decode({aarch64::make_esr(Ec::pc_alignment), 0x1235}));
    EXPECT_TRUE(guest.taken[0].exception.has_far);
    EXPECT_EQ(guest.taken[0].exception.far, 0x1235U);
}

TEST_F(Classes, DebugExceptionsGoToTheDebugger)
{
    ASSERT_TRUE(decode(trap_of(aarch64::make_brk(1))));
    EXPECT_EQ(exit.kind, ExitKind::debug);
    EXPECT_EQ(exit.debug.cause, DebugCause::breakpoint);
    EXPECT_EQ(exit.debug.address, pc);
    ASSERT_TRUE(decode({aarch64::make_watchpoint(true, true), 0x5000}));
    EXPECT_EQ(exit.debug.cause, DebugCause::watchpoint);
    EXPECT_EQ(exit.debug.address, 0x5000U);
    ASSERT_TRUE(decode(trap_of(aarch64::make_software_step(true, true, false))));
    EXPECT_EQ(exit.debug.cause, DebugCause::step);
    // The debugger may hand the exception on.
    EXPECT_FALSE(next(Completion::make_inject(InjectKind::architectural, aarch64::make_brk(1).raw)));
    expect_taken(aarch64::make_brk(1).raw);
}

TEST_F(Classes, A24_NoClassPanicsAndWhatAGuestCannotCauseStopsItsVm)
{
    unsigned fatal = 0;
    for (u32 ec = 0; ec < 64; ++ec) {
        guest.taken.clear();
        decoder.discard();
        const Esr esr = aarch64::make_esr(static_cast<Ec>(ec), 0x1FF'FFFF);
        if (!decode({esr, device + 4, 0x9000'0, 0})) continue;
        EXPECT_TRUE(TrapDecoder::raises.contains(exit.kind)) << ec;
        if (exit.kind != ExitKind::fatal) continue;
        ++fatal;
        EXPECT_EQ(treatment_of(static_cast<Ec>(ec)), Treatment::impossible) << ec;
        EXPECT_EQ(exit.fatal.reason, FatalReason::unsupported_state);
        EXPECT_EQ(exit.fatal.detail, esr.raw);
    }
    // All but the 37 classes that a lower level has: EL2's own, SError, and the values without a meaning.
    EXPECT_EQ(fatal, 64U - 37U);
}

TEST_F(Classes, AArch32ProgramsTakeUndefinedUnlessTheirConditionFails)
{
    frame.spsr = aarch32_user | Spsr::z::mask;
    const Esr eq = Esr::cond::set(Esr::cv::set(aarch64::make_esr(Ec::cp15_32), true), 0);
    const Esr ne = Esr::cond::set(eq, 1);
    EXPECT_FALSE(decode(trap_of(ne)));
    EXPECT_TRUE(guest.taken.empty());
    EXPECT_EQ(frame.elr, pc + 4);
    frame.elr = pc;
    EXPECT_FALSE(decode(trap_of(eq)));
    expect_taken(0x0200'0000);
}

TEST_F(Classes, AdvancingInT32StepsTheItBlock)
{
    const auto with_it = [](u64 it) { return aarch32_user | 1U << 5 | (it >> 2) << 10 | (it & 3) << 25; };
    frame.spsr = with_it(0b0000'1101); // three instructions left: EQ, NE, EQ
    const Esr narrow = aarch64::make_data_abort(true, described(false, 2, 1));
    for (const u64 next_it : {u64{0b0001'1010}, u64{0b0001'0100}, u64{0b0000'1000}}) {
        advance(frame, Esr::il::set(narrow, false));
        EXPECT_EQ(frame.spsr, with_it(next_it));
    }
    advance(frame, narrow);
    EXPECT_EQ(frame.spsr, with_it(0));
    EXPECT_EQ(frame.elr, pc + 3 * 2 + 4);
    // The condition comes from the IT block where the syndrome has none.
    frame.spsr = with_it(0b0001'1000) | Spsr::z::mask;
    EXPECT_FALSE(condition_holds(frame, aarch64::make_esr(Ec::wfx)));
    frame.spsr = with_it(0b0000'1000) | Spsr::z::mask;
    EXPECT_TRUE(condition_holds(frame, aarch64::make_esr(Ec::wfx)));
}

TEST_F(Classes, ConditionsAreTheManuals)
{
    const Esr esr = Esr::cv::set(aarch64::make_esr(Ec::wfx), true);
    for (u64 flags = 0; flags < 16; ++flags) {
        const bool n = (flags & 8) != 0;
        const bool z = (flags & 4) != 0;
        const bool c = (flags & 2) != 0;
        const bool v = (flags & 1) != 0;
        frame.spsr = aarch32_user | flags << 28;
        const bool expected[16] = {z,       !z,     c,      !c,           n,           !n,   v,   !v, c && !z,
                                   !c || z, n == v, n != v, !z && n == v, z || n != v, true, true};
        for (u8 cond = 0; cond < 16; ++cond)
            EXPECT_EQ(condition_holds(frame, Esr::cond::set(esr, cond)), expected[cond]) << flags << ' ' << +cond;
    }
}

} // namespace
} // namespace gimbal::el2::test
