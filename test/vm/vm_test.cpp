// SPDX-License-Identifier: Apache-2.0
#include "vm/vm.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "test/vm/fakes.hpp"

namespace gimbal::test {
namespace {

struct Listener final : VmListener {
    void stop_requested(const StopInfo&) noexcept override { stops.fetch_add(1); }
    void vcpu_parked(VcpuId) noexcept override { parks.fetch_add(1); }
    Atomic<unsigned> stops{0};
    Atomic<unsigned> parks{0};
};

class VmLife : public testing::Test {
protected:
    FakeClock clock;
    HostPages ram{0x1000};
    FakeChip chip;
};

TEST_F(VmLife, PhasesComeInOrder)
{
    Vm vm({.vcpu_count = 2}, clock);
    EXPECT_EQ(vm.finalize().error(), VmError::no_memory);
    ASSERT_TRUE(vm.memory.map(ram.region(0)).has_value());
    EXPECT_EQ(vm.finalize().error(), VmError::no_chip);
    EXPECT_EQ(vm.vcpu_set_up({0}).error(), VmError::wrong_phase);
    ASSERT_TRUE(vm.set_interrupt_chip(chip).has_value());
    EXPECT_EQ(vm.set_interrupt_chip(chip).error(), VmError::wrong_phase);
    ASSERT_TRUE(vm.vcpu_set_up({0}).has_value());
    EXPECT_EQ(vm.vcpu_set_up({0}).error(), VmError::wrong_phase);
    EXPECT_EQ(vm.vcpu_set_up({2}).error(), VmError::no_such_vcpu);
    EXPECT_EQ(vm.finalize().error(), VmError::vcpus_missing);
    EXPECT_EQ(vm.start({}).error(), VmError::wrong_phase);
    ASSERT_TRUE(vm.vcpu_set_up({1}).has_value());
    ASSERT_TRUE(vm.finalize().has_value());
    EXPECT_EQ(vm.request_pause().error(), VmError::wrong_phase);
    ASSERT_TRUE(vm.start({.pc = 0x40}).has_value());
    EXPECT_EQ(vm.phase(), VmPhase::running);
    EXPECT_EQ(vm.slot({0}).power(), PowerState::on_pending);
    EXPECT_EQ(vm.slot({1}).power(), PowerState::off);
    EXPECT_EQ(vm.start({}).error(), VmError::wrong_phase);
}

TEST_F(VmLife, BadVcpuCountsAreRefused)
{
    for (const u32 count : {0U, max_vcpus + 1}) {
        Vm vm({.vcpu_count = count}, clock);
        EXPECT_EQ(vm.finalize().error(), VmError::bad_vcpu_count);
    }
}

TEST_F(VmLife, EnginesThatOwnTheirChipNeedNoOther)
{
    Vm hosted({.vcpu_count = 1, .owns = KvmLikeProfile::owns}, clock);
    EXPECT_TRUE(hosted.use_engine_interrupt_chip().has_value());
    Vm bare({.vcpu_count = 1}, clock);
    EXPECT_EQ(bare.use_engine_interrupt_chip().error(), VmError::no_chip);
}

TEST_F(VmLife, OneVcpuThatFailsToStartFailsTheStart)
{
    Vm vm({.vcpu_count = 2}, clock);
    ASSERT_TRUE(vm.memory.map(ram.region(0)).has_value());
    ASSERT_TRUE(vm.set_interrupt_chip(chip).has_value());
    ASSERT_TRUE(vm.vcpu_set_up({0}).has_value());
    vm.vcpu_failed({1}, VcpuError::out_of_memory);
    EXPECT_EQ(vm.finalize().error(), VmError::stopping);
    EXPECT_EQ(vm.stop_info().reason, StopReason::start_failure);
    EXPECT_EQ(vm.stop_info().vcpu.value, 1U);
    EXPECT_TRUE(vm.slot({0}).requests.pending(Request::stop));
}

TEST_F(VmLife, TheFirstStopReasonStands)
{
    Vm vm({.vcpu_count = 1}, clock);
    Listener listener;
    vm.set_listener(&listener);
    EXPECT_FALSE(vm.stopping());
    vm.request_stop({.reason = StopReason::timeout});
    vm.request_stop({.reason = StopReason::user_quit});
    EXPECT_EQ(vm.stop_info().reason, StopReason::timeout);
    EXPECT_EQ(listener.stops.load(), 1U);
    EXPECT_EQ(vm.resume().error(), VmError::stopping);
    EXPECT_EQ(vm.request_pause().error(), VmError::stopping);
    EXPECT_EQ(vm.start({}).error(), VmError::stopping);
}

TEST(PowerOn, ResetsTheWholeTarget)
{
    Machine<BareProfile> machine;
    ASSERT_TRUE(machine.vm
                    .start({
                        .pc = 0, .arguments = {1, 2, 3, 4}
    })
                    .has_value());
    // What an earlier life of the CPU left behind.
    machine.vm.timers.write({0}, TimerKind::virtual_timer, TimerField::ctl, 1, machine.clock.now());
    ASSERT_TRUE(machine.registers.write({0}, aarch64::SysReg::oslar_el1, 0, machine.clock.now()).has_value());
    ScriptedEngine<BareProfile> engine({Op::raw(Exit(ExitKind::kicked))});
    engine.set_x(20, 99);
    VcpuRunner<ScriptedEngine<BareProfile>> runner(machine.vm, {0}, engine, machine.parker, {1});
    EXPECT_EQ(runner.step().action, Action::resume);
    EXPECT_EQ(engine.x(3), 4U);
    EXPECT_EQ(engine.x(20), 0U);
    EXPECT_EQ(engine.resets, 1U);
    EXPECT_EQ(machine.chip.resets, std::vector<u32>{0});
    EXPECT_FALSE(machine.chip.ppi_level[0][27 - 16]);
    EXPECT_EQ(*machine.registers.read({0}, aarch64::SysReg::oslsr_el1, machine.clock.now()), 0xaU);
}

TEST(PowerOn, EnginesThatOwnPsciGetEveryVcpuOn)
{
    Machine<KvmLikeProfile> machine(3);
    ASSERT_TRUE(machine.vm.start({}).has_value());
    for (const VcpuSlot& slot : machine.vm.slots()) EXPECT_EQ(slot.power(), PowerState::on_pending);
}

TEST(PowerOff, AVcpuThatIsOffSleepsThroughInterruptsUntilCpuOn)
{
    Machine<BareProfile> machine;
    ASSERT_TRUE(machine.vm.start({}).has_value());
    ScriptedEngine<BareProfile> engine({Op::move(0, 0x8400'0002), Op::hvc(), Op::move(1, 1)});
    VcpuRunner<ScriptedEngine<BareProfile>> runner(machine.vm, {0}, engine, machine.parker, {1});
    EXPECT_EQ(runner.step().action, Action::off);
    machine.vm.set_cpu_interrupt({0}, InterruptInput::irq, true);
    EXPECT_TRUE(runner.may_sleep(Action::off));
    EXPECT_EQ(runner.step().action, Action::off);
    EXPECT_EQ(engine.x(1), 0U);
    ASSERT_EQ(machine.vm.slot({0}).begin_power_on({.pc = 8}), PowerState::off);
    EXPECT_FALSE(runner.may_sleep(Action::off));
    EXPECT_EQ(runner.step().action, Action::stop); // the script ends behind its entry
    EXPECT_EQ(engine.x(1), 1U);
    EXPECT_EQ(engine.resets, 2U);
    EXPECT_TRUE(engine.violations.empty());
}

TEST(Smp, AFailingVcpuStopsAllOfThemAndTheirThreadsJoin)
{
    constexpr u32 count = 4;
    Machine<BareProfile> machine(count);
    Listener listener;
    machine.vm.set_listener(&listener);
    ThreadParker parkers[count];
    std::vector<std::thread> threads;
    for (u32 id = 0; id < count; ++id) {
        threads.emplace_back([&, id] {
            // vCPU 0 starts the others and sleeps; the last one dies.
            std::vector<Op> script;
            if (id == 0)
                for (u64 target = 1; target < count; ++target)
                    for (const Op& op : {Op::move(0, 0xc400'0003), Op::move(1, target), Op::move(2, 0), Op::hvc()})
                        script.push_back(op);
            if (id == count - 1) script.push_back(Op::raw(Exit(FatalExit{FatalReason::double_fault, 0x1234})));
            for (unsigned i = 0; i < 64; ++i) script.push_back(Op::wfi());
            ScriptedEngine<BareProfile> engine(script);
            EngineHandle handle(engine);
            VcpuAttachment attachment(machine.vm.slot({id}), handle, parkers[id]);
            VcpuRunner<ScriptedEngine<BareProfile>> runner(machine.vm, {id}, engine, parkers[id], {id + 1});
            run_vcpu(runner, machine.vm.slot({id}), parkers[id], machine.clock);
        });
    }
    ASSERT_TRUE(machine.vm.start({}).has_value());
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(machine.vm.stop_info().reason, StopReason::guest_fault);
    EXPECT_EQ(machine.vm.stop_info().vcpu.value, count - 1);
    EXPECT_EQ(machine.vm.stop_info().detail, 0x1234U);
    EXPECT_EQ(listener.stops.load(), 1U);
}

TEST(Pause, IsAcknowledgedByEveryVcpuAndStopsTheClock)
{
    constexpr u32 count = 2;
    Machine<BareProfile> machine(count);
    Listener listener;
    machine.vm.set_listener(&listener);
    ThreadParker parkers[count];
    Atomic<u64> turns{0};
    std::vector<std::thread> threads;
    for (u32 id = 0; id < count; ++id) {
        threads.emplace_back([&, id] {
            // vCPU 0 leaves again and again; vCPU 1 is never switched on, and parks all the same.
            ScriptedEngine<BareProfile> engine({Op::wfi()});
            engine.forced_exits = ~u64{0};
            EngineHandle handle(engine);
            VcpuAttachment attachment(machine.vm.slot({id}), handle, parkers[id]);
            VcpuRunner<ScriptedEngine<BareProfile>> runner(machine.vm, {id}, engine, parkers[id], {id + 1});
            while (true) {
                const Step step = runner.step();
                if (step.action == Action::stop) break;
                turns.fetch_add(1);
                if (step.action == Action::resume) continue;
                const u32 seen = machine.vm.slot({id}).requests.sequence();
                if (runner.may_sleep(step.action)) parkers[id].wait(machine.vm.slot({id}).requests, seen, {});
            }
        });
    }
    ASSERT_TRUE(machine.vm.start({}).has_value());
    while (turns.load() < 100) std::this_thread::yield();
    ASSERT_TRUE(machine.vm.request_pause().has_value());
    while (machine.vm.parked_count() != count) std::this_thread::yield();
    ASSERT_TRUE(machine.vm.complete_pause().has_value());
    // Each park is told after it is counted.
    while (listener.parks.load() != count) std::this_thread::yield();

    const u64 stood = turns.load();
    const u64 before = machine.vm.timers.counter(machine.clock.now()).value;
    machine.clock.advance(5000);
    EXPECT_EQ(machine.vm.timers.counter(machine.clock.now()).value, before);
    ASSERT_TRUE(machine.vm.resume().has_value());
    EXPECT_EQ(machine.vm.timers.counter(machine.clock.now()).value, before);
    while (turns.load() < stood + 100) std::this_thread::yield();

    machine.vm.request_stop({.reason = StopReason::user_quit});
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(machine.vm.stop_info().reason, StopReason::user_quit);
}

TEST(Pause, AppliesAPendingAnswerBeforeItParks)
{
    Machine<BareProfile> machine;
    machine.device.next_value = 0x77;
    ASSERT_TRUE(machine.vm.start({}).has_value());
    ScriptedEngine<BareProfile> engine({Op::load(1, 0x1000'0000, AccessSize::bytes_4)});
    VcpuRunner<ScriptedEngine<BareProfile>> runner(machine.vm, {0}, engine, machine.parker, {1});
    EXPECT_EQ(runner.step().action, Action::resume);
    EXPECT_EQ(engine.x(1), 0U); // the answer is still on its way
    ASSERT_TRUE(machine.vm.request_pause().has_value());
    EXPECT_EQ(runner.step().action, Action::wait);
    EXPECT_TRUE(runner.parked());
    EXPECT_EQ(engine.x(1), 0x77U);
    EXPECT_EQ(engine.pc, 4U);
    ASSERT_TRUE(machine.vm.resume().has_value());
    EXPECT_EQ(runner.step().action, Action::stop);
    EXPECT_EQ(engine.x(1), 0x77U);
    EXPECT_TRUE(engine.violations.empty()) << engine.violations.front();
}

/// Answers when the test says so.
struct LateHandler final : CallHandler {
    CallOutcome call(VcpuId, Conduit, const CallExit&) override { return {.effect = CallEffect::pending}; }
    std::optional<Completion> answer(VcpuId) override { return std::exchange(ready, std::nullopt); }
    std::optional<Completion> ready;
};

TEST(PendingCall, SleepsThroughInterruptsAndParksUntilItsAnswerIsThere)
{
    Machine<BareProfile> machine;
    LateHandler handler;
    ASSERT_TRUE(machine.vm.calls.add({0xc500'0000, 0xc500'0000, &handler}).has_value());
    ASSERT_TRUE(machine.vm.start({}).has_value());
    ScriptedEngine<BareProfile> engine({Op::move(0, 0xc500'0000), Op::hvc(), Op::move(4, 1)});
    VcpuRunner<ScriptedEngine<BareProfile>> runner(machine.vm, {0}, engine, machine.parker, {1});
    while (runner.step().action == Action::resume) {}
    EXPECT_EQ(runner.step().action, Action::await);
    EXPECT_EQ(engine.x(0), 0xc500'0000U);
    machine.vm.slot({0}).set_interrupt(InterruptInput::irq, true);
    EXPECT_TRUE(runner.may_sleep(Action::await));

    ASSERT_TRUE(machine.vm.request_pause().has_value());
    EXPECT_FALSE(runner.may_sleep(Action::await));
    EXPECT_EQ(runner.step().action, Action::wait);
    EXPECT_TRUE(runner.parked());
    ASSERT_TRUE(machine.vm.resume().has_value());
    EXPECT_EQ(runner.step().action, Action::await);

    handler.ready = Completion::make_done(7);
    machine.vm.slot({0}).post(Request::kick);
    EXPECT_FALSE(runner.may_sleep(Action::await));
    while (runner.step().action == Action::resume) {}
    EXPECT_EQ(engine.x(0), 7U);
    EXPECT_EQ(engine.x(4), 1U);
    EXPECT_TRUE(engine.violations.empty()) << engine.violations.front();
}

TEST(PendingCall, V18_IsAbandonedByAStop)
{
    Machine<BareProfile> machine;
    LateHandler handler;
    ASSERT_TRUE(machine.vm.calls.add({0xc500'0000, 0xc500'0000, &handler}).has_value());
    ASSERT_TRUE(machine.vm.start({}).has_value());
    ScriptedEngine<BareProfile> engine({Op::move(0, 0xc500'0000), Op::hvc(), Op::move(4, 1)});
    VcpuRunner<ScriptedEngine<BareProfile>> runner(machine.vm, {0}, engine, machine.parker, {1});
    while (runner.step().action == Action::resume) {}
    machine.vm.request_stop({.reason = StopReason::user_quit});
    EXPECT_FALSE(runner.may_sleep(Action::await));
    EXPECT_EQ(runner.step().action, Action::stop);
    EXPECT_EQ(engine.x(4), 0U);
}

TEST(Pause, CpuOnOfAParkedVcpuWaitsForTheResume)
{
    Machine<BareProfile> machine;
    ASSERT_TRUE(machine.vm.start({}).has_value()); // vCPU 0 is to be switched on, and has not run yet
    ASSERT_TRUE(machine.vm.request_pause().has_value());
    ScriptedEngine<BareProfile> engine({Op::raw(Exit(ExitKind::kicked))});
    VcpuRunner<ScriptedEngine<BareProfile>> runner(machine.vm, {0}, engine, machine.parker, {1});
    EXPECT_EQ(runner.step().action, Action::wait);
    EXPECT_TRUE(runner.may_sleep(Action::wait));
    EXPECT_EQ(engine.resets, 0U);
    ASSERT_TRUE(machine.vm.resume().has_value());
    EXPECT_FALSE(runner.may_sleep(Action::wait));
    EXPECT_EQ(runner.step().action, Action::resume);
    EXPECT_EQ(engine.resets, 1U);
    EXPECT_EQ(machine.vm.slot({0}).power(), PowerState::on);
}

TEST(Pause, CannotBeUndoneBeforeItIsComplete)
{
    Machine<BareProfile> machine;
    ASSERT_TRUE(machine.vm.start({}).has_value());
    ASSERT_TRUE(machine.vm.request_pause().has_value());
    EXPECT_EQ(machine.vm.complete_pause().error(), VmError::wrong_phase);
    EXPECT_EQ(machine.vm.resume().error(), VmError::wrong_phase);
}

/// The resume has not been seen yet when the next pause is asked for.
TEST(Pause, CountsNoParkOfThePauseBefore)
{
    Machine<BareProfile> machine;
    ASSERT_TRUE(machine.vm.start({}).has_value());
    ScriptedEngine<BareProfile> engine({Op::raw(Exit(ExitKind::kicked)), Op::raw(Exit(ExitKind::kicked))});
    VcpuRunner<ScriptedEngine<BareProfile>> runner(machine.vm, {0}, engine, machine.parker, {1});
    EXPECT_EQ(runner.step().action, Action::resume);
    ASSERT_TRUE(machine.vm.request_pause().has_value());
    EXPECT_EQ(runner.step().action, Action::wait);
    EXPECT_EQ(machine.vm.parked_count(), 1U);
    ASSERT_TRUE(machine.vm.complete_pause().has_value());
    ASSERT_TRUE(machine.vm.resume().has_value());
    ASSERT_TRUE(machine.vm.request_pause().has_value());
    EXPECT_EQ(machine.vm.parked_count(), 0U);
    EXPECT_EQ(machine.vm.complete_pause().error(), VmError::wrong_phase);
    EXPECT_EQ(runner.step().action, Action::wait); // both at once
    EXPECT_EQ(engine.runs, 1U);
    EXPECT_EQ(machine.vm.parked_count(), 1U);
    ASSERT_TRUE(machine.vm.complete_pause().has_value());
    ASSERT_TRUE(machine.vm.resume().has_value());
    EXPECT_EQ(runner.step().action, Action::resume);
}

TEST(Stop, AVcpuThatTheEngineCannotEnterStopsTheVm)
{
    Machine<BareProfile> machine;
    ASSERT_TRUE(machine.vm.start({}).has_value());
    ScriptedEngine<BareProfile> engine;
    VcpuRunner<ScriptedEngine<BareProfile>> stranger(machine.vm, {0}, engine, machine.parker, {9});
    const StopInfo stop = stranger.step().stop;
    EXPECT_EQ(stop.reason, StopReason::engine_failure);
    EXPECT_EQ(stop.fatal, FatalReason::contract_broken);
    EXPECT_EQ(engine.runs, 0U);
}

TEST(Stop, EveryFatalReasonHasItsSide)
{
    for (const FatalReason reason :
         {FatalReason::undecodable_access, FatalReason::double_fault, FatalReason::unsupported_state})
        EXPECT_EQ(stop_reason_of(reason), StopReason::guest_fault);
    for (const FatalReason reason :
         {FatalReason::entry_failed, FatalReason::host_memory, FatalReason::host_error, FatalReason::contract_broken})
        EXPECT_EQ(stop_reason_of(reason), StopReason::engine_failure);
}

} // namespace
} // namespace gimbal::test
