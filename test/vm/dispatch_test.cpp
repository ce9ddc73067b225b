// SPDX-License-Identifier: Apache-2.0
#include "vm/dispatch.hpp"

#include <gtest/gtest.h>

#include "test/vm/fakes.hpp"

namespace gimbal::test {
namespace {

class FakeIocsr final : public IocsrPort {
public:
    Result<u64, BusError> read(VcpuId vcpu, u32 address, AccessSize) override
    {
        if (address != 0x1000) return fail(BusError::unclaimed);
        return u64{7} + vcpu.value;
    }
    Result<void, BusError> write(VcpuId, u32 address, AccessSize, u64 value) override
    {
        if (address != 0x1008) return fail(BusError::unclaimed);
        written = value;
        return {};
    }
    u64 written{};
};

class FakeDebugger final : public DebugPort {
public:
    Completion debug_event(VcpuId, const DebugExit& exit) override
    {
        address = exit.address;
        return Completion::make_retry();
    }
    u64 address{};
};

class FastPath final : public CallHandler {
public:
    CallOutcome call(VcpuId, Conduit conduit, const CallExit& call) override
    {
        seen = conduit;
        Completion answer = Completion::make_done(call.arguments[1] + call.immediate);
        answer.result_count = 4;
        return {.answer = answer};
    }
    Conduit seen{};
};

class Dispatch : public testing::Test {
protected:
    Step run(const Exit& exit, u32 vcpu = 0) { return dispatch(machine.vm.services(), {vcpu}, exit); }
    Machine<BareProfile> machine;
};

TEST_F(Dispatch, IocsrAccessesGoToTheirPort)
{
    FakeIocsr port;
    machine.vm.set_iocsr(&port);
    const auto access = [&](u32 address, Direction direction) {
        return run(Exit(IocsrExit{address, AccessSize::bytes_4, direction, 0x55}), 2).answer;
    };
    EXPECT_EQ(access(0x1000, Direction::read).results[0], 9U);
    EXPECT_EQ(access(0x1008, Direction::write).kind, CompletionKind::done);
    EXPECT_EQ(port.written, 0x55U);
    for (const Direction direction : {Direction::read, Direction::write}) {
        const Completion refused = access(0x2000, direction);
        EXPECT_EQ(refused.kind, CompletionKind::inject);
        EXPECT_EQ(refused.inject, InjectKind::external_abort);
    }
}

TEST_F(Dispatch, DebugEventsGoToTheDebugger)
{
    FakeDebugger debugger;
    machine.vm.set_debugger(&debugger);
    const Step step = run(Exit(DebugExit{DebugCause::breakpoint, 0x44}));
    EXPECT_EQ(step.action, Action::resume);
    EXPECT_EQ(step.answer.kind, CompletionKind::retry);
    EXPECT_EQ(debugger.address, 0x44U);
}

TEST_F(Dispatch, IdleTakesTheEarlierOfTheEnginesAndTheVmsDeadlines)
{
    ASSERT_TRUE(machine.vm.start({}).has_value());
    const HostTicks now = machine.clock.now();
    machine.vm.timers.write({0}, TimerKind::virtual_timer, TimerField::cval, 1000, now);
    machine.vm.timers.write({0}, TimerKind::virtual_timer, TimerField::ctl, 1, now);
    const auto deadline = [&](const IdleExit& idle) { return run(Exit(idle)).deadline->value - now.value; };
    EXPECT_EQ(deadline({IdleKind::wait_for_interrupt, false, {}}), 1000U);
    EXPECT_EQ(deadline({IdleKind::wait_for_interrupt, true, {400}}), 400U);
    EXPECT_EQ(deadline({IdleKind::wait_for_interrupt, true, {4000}}), 1000U);
    EXPECT_EQ(deadline({IdleKind::wait_for_event, true, {20}}), 20U);
    EXPECT_EQ(deadline({IdleKind::wait_for_event, true, {4000}}), 1000U);
    EXPECT_EQ(deadline({IdleKind::wait_for_event, true, {4000}, true}), longest_event_wait_us);
    EXPECT_EQ(deadline({IdleKind::wait_for_event, true, {20}, true}), 20U);
}

TEST_F(Dispatch, IdleWithoutATimerHasNoDeadline)
{
    ASSERT_TRUE(machine.vm.start({}).has_value());
    const Step step = run(Exit(IdleExit{IdleKind::wait_for_interrupt, false, {}}));
    EXPECT_EQ(step.action, Action::wait);
    EXPECT_FALSE(step.deadline.has_value());
    EXPECT_EQ(step.answer.kind, CompletionKind::done);
}

TEST_F(Dispatch, CallsAnswerByTheirRangeOnBothConduits)
{
    FastPath path;
    ASSERT_TRUE(machine.vm.calls.add({0xc200'0000, 0xc200'0003, &path}).has_value());
    const Step step = run(Exit(ExitKind::secure_call, CallExit{
                                                          {0xc200'0001, 40},
                                                          2
    }));
    EXPECT_EQ(step.answer.results[0], 42U);
    EXPECT_EQ(step.answer.result_count, 4U);
    EXPECT_EQ(path.seen, Conduit::secure_call);
    const Step unknown = run(Exit(ExitKind::hypercall, CallExit{{0xc200'0004}, 0}));
    EXPECT_EQ(unknown.answer.results[0], ~u64{0});
    EXPECT_EQ(unknown.answer.result_count, 1U);
}

TEST_F(Dispatch, RegistersWithoutATableAreUndefined)
{
    machine.vm.set_registers(nullptr);
    const Step step = run(Exit(SystemRegisterExit{0x1234, Direction::read, 0}));
    EXPECT_EQ(step.answer.kind, CompletionKind::inject);
    EXPECT_EQ(step.answer.inject, InjectKind::undefined);
}

TEST_F(Dispatch, ADevicesRefusalIsAnExternalAbort)
{
    machine.device.refuse = true;
    for (const Direction direction : {Direction::read, Direction::write}) {
        const Step step = run(Exit(MmioExit{{0x1000'0000}, 1, AccessSize::bytes_4, direction}));
        EXPECT_EQ(step.answer.kind, CompletionKind::inject);
        EXPECT_EQ(step.answer.inject, InjectKind::external_abort);
    }
}

TEST_F(Dispatch, AKindThatDoesNotExistStopsTheVmOnly)
{
    Exit broken(ExitKind::kicked);
    broken.kind = static_cast<ExitKind>(exit_kind_count);
    EXPECT_EQ(run(broken).stop.reason, StopReason::engine_failure);
}

} // namespace
} // namespace gimbal::test
