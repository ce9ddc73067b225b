// SPDX-License-Identifier: Apache-2.0
#include "vm/run_loop.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "test/vm/fakes.hpp"

namespace gimbal::test {
namespace {

using aarch64::SysReg;

constexpr u64 device = Machine<BareProfile>::device_base;
constexpr u32 reg(SysReg r) { return aarch64::encoding(r); }

template <class Profile>
class EveryProfile : public testing::Test {};
using Profiles = testing::Types<BareProfile, KvmLikeProfile, El2LikeProfile>;
TYPED_TEST_SUITE(EveryProfile, Profiles);

TYPED_TEST(EveryProfile, RunsItsScriptToAnOrderlyPowerOff)
{
    Machine<TypeParam> machine;
    ScriptedEngine<TypeParam> engine({Op::move(1, 7), Op::store(1, device, AccessSize::bytes_4)});
    EXPECT_EQ(machine.run(engine).reason, StopReason::guest_power_off);
    EXPECT_TRUE(machine.ok);
    EXPECT_TRUE(engine.violations.empty());
    ASSERT_EQ(machine.device.accesses.size(), 1U);
    EXPECT_EQ(machine.device.accesses[0].value, 7U);
}

TYPED_TEST(EveryProfile, HvcIsNotAdvancedTwice)
{
    Machine<TypeParam> machine;
    // Each instruction behind a call leaves its trace: one skipped would be missed.
    ScriptedEngine<TypeParam> engine({Op::move(0, 0xc300'0000), Op::hvc(), Op::move(4, 1), Op::hvc(), Op::move(5, 1)});
    machine.run(engine);
    EXPECT_EQ(engine.x(4), 1U);
    EXPECT_EQ(engine.x(5), 1U);
    EXPECT_TRUE(engine.violations.empty());
}

TYPED_TEST(EveryProfile, SmcMovesPastItselfOnce)
{
    Machine<TypeParam> machine;
    ScriptedEngine<TypeParam> engine({Op::move(0, 0x8300'0000), Op::smc(), Op::move(4, 1), Op::move(5, 2)});
    machine.run(engine);
    EXPECT_EQ(engine.x(0), 0xffff'ffffU); // unknown: NOT_SUPPORTED, as wide as the call
    EXPECT_EQ(engine.x(4), 1U);
    EXPECT_EQ(engine.x(5), 2U);
}

TYPED_TEST(EveryProfile, LoadsAreExtendedAtTheEdge)
{
    Machine<TypeParam> machine;
    machine.device.next_value = 0x1'8080'8080;
    ScriptedEngine<TypeParam> engine({
        Op::load(1, device, AccessSize::bytes_1, true),
        Op::load(2, device, AccessSize::bytes_2, true, false),
        Op::load(3, device, AccessSize::bytes_4, true),
        Op::load(4, device, AccessSize::bytes_4),
    });
    machine.run(engine);
    EXPECT_EQ(engine.x(1), 0xffff'ffff'ffff'ff80U);
    EXPECT_EQ(engine.x(2), 0xffff'8080U);
    EXPECT_EQ(engine.x(3), 0xffff'ffff'8080'8080U);
    EXPECT_EQ(engine.x(4), 0x8080'8080U);
}

TYPED_TEST(EveryProfile, Register31StoresZeroAndDropsLoads)
{
    Machine<TypeParam> machine;
    machine.device.next_value = 0x1234;
    ScriptedEngine<TypeParam> engine(
        {Op::load(31, device, AccessSize::bytes_4), Op::store(31, device + 8, AccessSize::bytes_4), Op::move(1, 9)});
    machine.run(engine);
    EXPECT_EQ(machine.device.accesses.at(1).value, 0U);
    EXPECT_EQ(engine.x(1), 9U); // the PC was not the register that the load hit
    EXPECT_EQ(engine.pc, 3U * 4U);
}

TYPED_TEST(EveryProfile, UnclaimedAccessIsAnExternalAbortAtTheInstruction)
{
    Machine<TypeParam> machine;
    ScriptedEngine<TypeParam> engine({Op::move(1, 5), Op::load(1, 0x7000'0000, AccessSize::bytes_4)});
    machine.run(engine);
    ASSERT_EQ(engine.exceptions.size(), 1U);
    EXPECT_EQ(engine.exceptions[0].kind, InjectKind::external_abort);
    EXPECT_EQ(engine.exceptions[0].return_address, 4U);
    EXPECT_EQ(engine.x(1), 5U);
}

TYPED_TEST(EveryProfile, UnknownRegisterIsUndefinedNotZero)
{
    Machine<TypeParam> machine;
    ScriptedEngine<TypeParam> engine({Op::move(1, 5), Op::mrs(1, aarch64::encode_sysreg(3, 6, 15, 15, 7))});
    machine.run(engine);
    ASSERT_EQ(engine.exceptions.size(), 1U);
    EXPECT_EQ(engine.exceptions[0].kind, InjectKind::undefined);
    EXPECT_EQ(engine.exceptions[0].return_address, 4U);
    EXPECT_EQ(engine.x(1), 5U);
}

TYPED_TEST(EveryProfile, FetchFromAHoleIsTheGuestsProblem)
{
    Machine<TypeParam> machine;
    ScriptedEngine<TypeParam> engine({Op::raw(Exit(Stage2FaultExit{{0x6000'0000}, GuestAccess::execute}))});
    machine.run(engine);
    ASSERT_EQ(engine.exceptions.size(), 1U);
    EXPECT_EQ(engine.exceptions[0].kind, InjectKind::external_abort);
}

TYPED_TEST(EveryProfile, FatalExitStopsTheWholeVm)
{
    Machine<TypeParam> machine(2);
    ScriptedEngine<TypeParam> engine({Op::raw(Exit(FatalExit{FatalReason::host_memory, 12}))});
    const StopInfo info = machine.run(engine);
    EXPECT_EQ(info.reason, StopReason::engine_failure);
    EXPECT_EQ(info.fatal, FatalReason::host_memory);
    EXPECT_EQ(info.detail, 12U);
    EXPECT_TRUE(machine.vm.slot({1}).requests.pending(Request::stop));
}

TEST(Multibeat, PairCommitsOnlyAfterItsLastAccess)
{
    Machine<El2LikeProfile> machine;
    machine.device.next_value = 0x55;
    ScriptedEngine<El2LikeProfile> engine({Op::move(1, 1), Op::move(2, 2), Op::load_pair(1, 2, device + 0xff8, 3, 99)});
    machine.run(engine); // the second half lies behind the device
    ASSERT_EQ(engine.exceptions.size(), 1U);
    EXPECT_EQ(engine.exceptions[0].return_address, 8U);
    EXPECT_EQ(engine.x(1), 1U);
    EXPECT_EQ(engine.x(2), 2U);
    EXPECT_EQ(engine.x(3), 0U); // nor is write-back done
}

TEST(Multibeat, PairWritesBothRegistersAndTheBase)
{
    Machine<El2LikeProfile> machine;
    machine.device.next_value = 0x55;
    ScriptedEngine<El2LikeProfile> engine({Op::load_pair(1, 2, device, 3, 99)});
    machine.run(engine);
    EXPECT_EQ(engine.x(1), 0x55U);
    EXPECT_EQ(engine.x(2), 0x55U);
    EXPECT_EQ(engine.x(3), 99U);
    EXPECT_EQ(machine.exits[static_cast<unsigned>(ExitKind::mmio)], 2U);
}

TEST(Multibeat, CommitDiscardsAHalfDoneSequence)
{
    ScriptedEngine<El2LikeProfile> engine({Op::load_pair(1, 2, device, 3, 99)});
    EXPECT_EQ(engine.run({}).kind, ExitKind::mmio);
    EXPECT_EQ(engine.run(Completion::make_done(1)).kind, ExitKind::mmio);
    EXPECT_TRUE(engine.in_sequence());
    engine.commit(Completion::make_discard());
    EXPECT_FALSE(engine.in_sequence());
    EXPECT_EQ(engine.pc, 0U);
    EXPECT_EQ(engine.x(1), 0U);
}

TEST(Multibeat, AccessWithoutDecodableSyndromeIsNeverMisread)
{
    Machine<KvmLikeProfile> machine;
    ScriptedEngine<KvmLikeProfile> engine({Op::load_pair(1, 2, device)});
    const StopInfo info = machine.run(engine);
    EXPECT_EQ(info.reason, StopReason::guest_fault);
    EXPECT_EQ(info.fatal, FatalReason::undecodable_access);
    EXPECT_TRUE(machine.device.accesses.empty());
}

TEST(Timer, DeadlineSurvivesTenThousandForcedExits)
{
    Machine<BareProfile> machine;
    ScriptedEngine<BareProfile> engine({
        Op::move(1, 50'000),
        Op::msr(reg(SysReg::cntv_tval_el0), 1),
        Op::move(1, 1),
        Op::msr(reg(SysReg::cntv_ctl_el0), 1),
        Op::mrs(2, reg(SysReg::cntv_cval_el0)),
        Op::wfi(),
        Op::mrs(3, reg(SysReg::cntv_cval_el0)),
        Op::mrs(4, reg(SysReg::cntvct_el0)),
    });
    engine.forced_exits = 10'000;
    machine.run(engine);
    EXPECT_EQ(machine.exits[static_cast<unsigned>(ExitKind::host_interrupt)], 10'000U);
    EXPECT_EQ(engine.x(2), 50'000U);
    EXPECT_EQ(engine.x(3), 50'000U);
    EXPECT_EQ(engine.x(4), 50'000U); // the sleep ended when it was due, not later
}

TEST(Timer, ArmedDeadlineSurvivesForcedExitsWhileTimePasses)
{
    Machine<BareProfile> machine;
    ASSERT_TRUE(machine.vm.start({}).has_value());
    VirtualTimers& timers = machine.vm.timers;
    timers.write({0}, TimerKind::virtual_timer, TimerField::tval, 20'000, machine.clock.now());
    timers.write({0}, TimerKind::virtual_timer, TimerField::ctl, 1, machine.clock.now());
    ScriptedEngine<BareProfile> engine;
    VcpuRunner<ScriptedEngine<BareProfile>> runner(machine.vm, {0}, engine, machine.parker, {1});
    machine.vm.slot({0}).complete_power_on();
    machine.vm.slot({0}).requests.take(Request::power_on);
    for (unsigned i = 0; i < 10'000; ++i) {
        engine.forced_exits = 1;
        ASSERT_EQ(runner.step().action, Action::resume);
        machine.clock.advance(1);
        ASSERT_EQ(timers.save({0}, TimerKind::virtual_timer).cval, 20'000U);
        ASSERT_FALSE(machine.chip.ppi_level[0][27 - 16]);
    }
    machine.clock.advance(10'000);
    engine.forced_exits = 1;
    static_cast<void>(runner.step());
    EXPECT_TRUE(machine.chip.ppi_level[0][27 - 16]);
}

TEST(Idle, WfiSleepsToTheDeadlineWithoutPolling)
{
    Machine<BareProfile> machine;
    ScriptedEngine<BareProfile> engine({
        Op::move(1, 1'000'000),
        Op::msr(reg(SysReg::cntp_cval_el0), 1),
        Op::move(1, 1),
        Op::msr(reg(SysReg::cntp_ctl_el0), 1),
        Op::wfi(),
        Op::mrs(4, reg(SysReg::cntpct_el0)),
    });
    machine.run(engine);
    EXPECT_EQ(machine.parker.waits, 1U);
    EXPECT_EQ(engine.x(4), 1'000'000U);
    EXPECT_EQ(machine.idle_ticks, 1'000'000U);
    EXPECT_TRUE(machine.chip.ppi_level[0][30 - 16]);
}

TEST(Idle, WfiWithAPendingInterruptDoesNotSleep)
{
    Machine<BareProfile> machine;
    ScriptedEngine<BareProfile> engine({Op::wfi()});
    machine.vm.set_cpu_interrupt({0}, InterruptInput::irq, true);
    machine.run(engine);
    EXPECT_EQ(machine.parker.waits, 0U);
}

TEST(Idle, WfeWithAnArmedMonitorIsABoundedYield)
{
    Machine<BareProfile> machine;
    ScriptedEngine<BareProfile> engine({Op::wfe()});
    machine.run(engine);
    EXPECT_EQ(machine.parker.waits, 1U);
    EXPECT_EQ(machine.parker.waits_for_ever, 0U);
    EXPECT_EQ(machine.idle_ticks, longest_event_wait_us); // at one tick per microsecond
}

TEST(Idle, AnEngineThatOwnsIdleIsLeftAlone)
{
    Machine<KvmLikeProfile> machine;
    ScriptedEngine<KvmLikeProfile> engine(
        {Op::raw(Exit(IdleExit{IdleKind::wait_for_interrupt, false, {}})), Op::move(1, 3)});
    machine.run(engine);
    EXPECT_EQ(machine.parker.waits, 0U);
    EXPECT_EQ(engine.x(1), 3U);
}

TEST(Owns, PsciOfTheEngineIsNotAnsweredTwice)
{
    Machine<KvmLikeProfile> machine;
    ScriptedEngine<KvmLikeProfile> engine({Op::move(0, 0x8400'0000), Op::hvc()});
    machine.run(engine);
    EXPECT_EQ(engine.x(0), 0xffff'ffffU);
}

TEST(Owns, TimersOfTheEngineAreNotDriven)
{
    Machine<KvmLikeProfile> machine;
    ScriptedEngine<KvmLikeProfile> engine({Op::raw(Exit(ExitKind::kicked))});
    machine.run(engine);
    EXPECT_EQ(machine.parker.alarm_changes, 0U);
    EXPECT_TRUE(machine.chip.ppi_events.empty());
}

TEST(TimerFired, RaisesTheVirtualTimerLine)
{
    Machine<El2LikeProfile> machine;
    Step step = dispatch(machine.vm.services(), {0}, Exit(ExitKind::timer_fired));
    EXPECT_EQ(step.action, Action::resume);
    EXPECT_TRUE(machine.chip.ppi_level[0][27 - 16]);
}

TEST(SystemEvents, MapToStopReasons)
{
    Machine<KvmLikeProfile> machine;
    const auto reason = [&](SystemEvent event) {
        return dispatch(machine.vm.services(), {0}, Exit(SystemEventExit{event})).stop.reason;
    };
    EXPECT_EQ(reason(SystemEvent::off), StopReason::guest_power_off);
    EXPECT_EQ(reason(SystemEvent::reset), StopReason::guest_reset);
    EXPECT_EQ(reason(SystemEvent::crash), StopReason::guest_crash);
    EXPECT_EQ(dispatch(machine.vm.services(), {0}, Exit(SystemEventExit{SystemEvent::suspend})).action, Action::wait);
}

TEST(Debug, EventWithoutADebuggerStopsInsteadOfLooping)
{
    Machine<BareProfile> machine;
    const Step step = dispatch(machine.vm.services(), {0}, Exit(DebugExit{DebugCause::step, 0x40}));
    EXPECT_EQ(step.action, Action::stop);
    EXPECT_EQ(step.stop.reason, StopReason::debugger);
}

TEST(Iocsr, WithoutAPortIsUndefined)
{
    Machine<BareProfile> machine;
    const Step step =
        dispatch(machine.vm.services(), {0}, Exit(IocsrExit{0x1000, AccessSize::bytes_4, Direction::read, 0}));
    EXPECT_EQ(step.answer.kind, CompletionKind::inject);
    EXPECT_EQ(step.answer.inject, InjectKind::undefined);
}

TEST(SystemReset, IsNotAPowerOff)
{
    Machine<BareProfile> machine;
    ScriptedEngine<BareProfile> engine({Op::move(0, 0x8400'0009), Op::hvc()});
    EXPECT_EQ(machine.run(engine).reason, StopReason::guest_reset);
}

TEST(Suspend, PowerDownResumesAtItsEntryWhenTheTimerWakesIt)
{
    Machine<BareProfile> machine;
    ScriptedEngine<BareProfile> engine({
        Op::move(1, 500), Op::msr(reg(SysReg::cntv_cval_el0), 1), Op::move(1, 1), Op::msr(reg(SysReg::cntv_ctl_el0), 1),
        Op::move(9, 77), Op::move(0, 0xc400'0001), Op::move(1, 1U << 16), Op::move(2, 10 * 4), Op::move(3, 0xabc),
        Op::hvc(), Op::mrs(4, reg(SysReg::cntvct_el0)), // the entry point
    });
    machine.run(engine);
    EXPECT_EQ(engine.resets, 2U);
    EXPECT_EQ(engine.x(0), 0xabcU);
    EXPECT_EQ(engine.x(9), 0U); // registers do not survive a power-down
    EXPECT_EQ(engine.x(4), 500U);
}

TEST(Suspend, StandbyReturnsSuccessBehindTheCall)
{
    Machine<BareProfile> machine;
    ScriptedEngine<BareProfile> engine({
        Op::move(1, 500),
        Op::msr(reg(SysReg::cntv_cval_el0), 1),
        Op::move(1, 1),
        Op::msr(reg(SysReg::cntv_ctl_el0), 1),
        Op::move(0, 0x8400'0001),
        Op::move(1, 0),
        Op::hvc(),
        Op::mrs(4, reg(SysReg::cntvct_el0)),
    });
    machine.run(engine);
    EXPECT_EQ(engine.resets, 1U);
    EXPECT_EQ(engine.x(0), 0U);
    EXPECT_EQ(engine.x(4), 500U);
}

} // namespace
} // namespace gimbal::test
