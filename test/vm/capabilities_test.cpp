// SPDX-License-Identifier: Apache-2.0
#include "vm/capabilities.hpp"

#include <gtest/gtest.h>

#include "test/vm/fakes.hpp"

namespace gimbal::test {
namespace {

class CountingEvent final : public Event {
public:
    void signal() noexcept override { ++signals; }
    unsigned signals{};
};

/// A queue's notification register at offset 0x50: the trapped write signals the same event as the doorbell.
class NotifiedDevice final : public MmioDevice {
public:
    Result<u64, BusError> read(const AccessContext&, u64, AccessSize) override { return u64{0}; }
    Result<void, BusError> write(const AccessContext&, u64 offset, AccessSize, u64 value) override
    {
        ++trapped;
        if (offset == notify && value < events.size()) events[static_cast<std::size_t>(value)].signal();
        return {};
    }
    static constexpr u64 notify = 0x50;
    std::vector<CountingEvent> events{2};
    unsigned trapped{};
};

constexpr u64 device_base = 0x2000'0000;
constexpr Gpa notify_register{device_base + NotifiedDevice::notify};

/// A machine that is not finalized yet, so that devices can still be wired.
template <class Profile>
struct Unfinished {
    Unfinished()
    {
        EXPECT_TRUE(vm.memory.map(ram.region(0)).has_value());
        EXPECT_TRUE(vm.bus.add({
            {device_base},
            0x200, &device, {AccessSize::bytes_4, AccessSize::bytes_4}
        }));
        EXPECT_TRUE(vm.set_interrupt_chip(chip).has_value());
        EXPECT_TRUE(psci.register_in(vm.calls).has_value());
        EXPECT_TRUE(vm.vcpu_set_up({0}).has_value());
        EXPECT_TRUE(vm.slot({0}).lifecycle.bind({1}).has_value());
        if (Profile::rings_doorbells) vm.set_doorbell_port(&port);
    }

    StopInfo run(std::vector<Op> script)
    {
        ScriptedEngine<Profile> engine(std::move(script));
        if (Profile::rings_doorbells) engine.doorbells = &port;
        EngineHandle handle(engine);
        VcpuAttachment attachment(vm.slot({0}), handle, parker);
        VcpuRunner<ScriptedEngine<Profile>> runner(vm, {0}, engine, parker, {1});
        EXPECT_TRUE(vm.start({}).has_value());
        run_vcpu(runner, vm.slot({0}), parker, clock);
        mmio_exits = runner.stats().exit_count(ExitKind::mmio);
        EXPECT_TRUE(engine.violations.empty());
        return vm.stop_info();
    }

    FakeClock clock;
    HostPages ram{0x10000};
    NotifiedDevice device;
    FakeChip chip;
    FakeParker parker{clock};
    FakeDoorbells port;
    Vm vm{
        {.vcpu_count = 1, .owns = Profile::owns, .raises = Profile::raises},
        clock
    };
    Psci psci{vm.slots(), vm.memory};
    u64 mmio_exits{};
};

std::vector<Op> notify_both_queues_and_a_third()
{
    return {
        Op::store(31, notify_register.value, AccessSize::bytes_4), Op::move(1, 1),
        Op::store(1, notify_register.value, AccessSize::bytes_4),  Op::move(1, 2),
        Op::store(1, notify_register.value, AccessSize::bytes_4),
    };
}

template <class Profile>
class Doorbells : public testing::Test {};
using Profiles = testing::Types<BareProfile, KvmLikeProfile, El2LikeProfile>;
TYPED_TEST_SUITE(Doorbells, Profiles);

TYPED_TEST(Doorbells, TheDeviceHearsOfEachQueueWhoeverRings)
{
    Unfinished<TypeParam> machine;
    for (u64 queue = 0; queue < 2; ++queue)
        ASSERT_TRUE(machine.vm.doorbells.add(
            {notify_register, AccessSize::bytes_4, queue, &machine.device.events[static_cast<std::size_t>(queue)]}));
    ASSERT_TRUE(machine.vm.finalize().has_value());
    EXPECT_EQ(machine.run(notify_both_queues_and_a_third()).reason, StopReason::guest_power_off);
    EXPECT_EQ(machine.device.events[0].signals, 1U);
    EXPECT_EQ(machine.device.events[1].signals, 1U);
    // Queue 2 has no doorbell: its write exits from every engine.
    EXPECT_EQ(machine.device.trapped, TypeParam::rings_doorbells ? 1U : 3U);
    EXPECT_EQ(machine.mmio_exits, machine.device.trapped);
}

TYPED_TEST(Doorbells, OneWithoutAMatchTakesEveryValueOfItsSize)
{
    Unfinished<TypeParam> machine;
    ASSERT_TRUE(machine.vm.doorbells.add({notify_register, AccessSize::bytes_4, {}, &machine.device.events[0]}));
    ASSERT_TRUE(machine.vm.finalize().has_value());
    std::vector<Op> script = notify_both_queues_and_a_third();
    script.push_back(Op::store(1, notify_register.value + 4, AccessSize::bytes_4));
    machine.run(script);
    EXPECT_EQ(machine.device.trapped, TypeParam::rings_doorbells ? 1U : 4U);
    EXPECT_EQ(machine.device.events[0].signals, TypeParam::rings_doorbells ? 3U : 1U);
}

TEST(Doorbell, TheKernelsRefusalLeavesTheTrappedWrite)
{
    Unfinished<KvmLikeProfile> machine;
    machine.port.room = 1;
    for (u64 queue = 0; queue < 2; ++queue)
        ASSERT_TRUE(machine.vm.doorbells.add(
            {notify_register, AccessSize::bytes_4, queue, &machine.device.events[static_cast<std::size_t>(queue)]}));
    ASSERT_TRUE(machine.vm.finalize().has_value());
    machine.run(notify_both_queues_and_a_third());
    EXPECT_EQ(machine.device.events[0].signals, 1U);
    EXPECT_EQ(machine.device.events[1].signals, 1U);
    EXPECT_EQ(machine.device.trapped, 2U);
}

TEST(Doorbell, ThatNoAccessCouldRingIsRefused)
{
    DoorbellTable table;
    CountingEvent event;
    const auto error = [&](const Doorbell& doorbell) { return table.add(doorbell).error(); };
    EXPECT_EQ(error({{0x1000}, AccessSize::bytes_4, 0, nullptr}), DoorbellError::bad_doorbell);
    EXPECT_EQ(error({{0x1002}, AccessSize::bytes_4, 0, &event}), DoorbellError::bad_doorbell);
    EXPECT_EQ(error({{0x1000}, AccessSize::bytes_2, 0x1'0000, &event}), DoorbellError::bad_doorbell);
    EXPECT_TRUE(table.add({{0x1000}, AccessSize::bytes_8, ~u64{0}, &event}).has_value());
    EXPECT_EQ(table.doorbells().size(), 1U);
}

TEST(Doorbell, OneWriteRingsOneAtMost)
{
    DoorbellTable table;
    CountingEvent event;
    ASSERT_TRUE(table.add({{0x1000}, AccessSize::bytes_4, 1, &event}).has_value());
    EXPECT_EQ(table.add({{0x1000}, AccessSize::bytes_4, 1, &event}).error(), DoorbellError::overlap);
    EXPECT_EQ(table.add({{0x1000}, AccessSize::bytes_4, {}, &event}).error(), DoorbellError::overlap);
    EXPECT_TRUE(table.add({{0x1000}, AccessSize::bytes_4, 2, &event}).has_value());
    EXPECT_TRUE(table.add({{0x1000}, AccessSize::bytes_2, {}, &event}).has_value());
    EXPECT_EQ(table.add({{0x1000}, AccessSize::bytes_2, 0, &event}).error(), DoorbellError::overlap);
}

TEST(Doorbell, TheTableIsBounded)
{
    DoorbellTable table;
    CountingEvent event;
    for (u64 i = 0; i < DoorbellTable::max_doorbells; ++i)
        ASSERT_TRUE(table.add({{0x1000}, AccessSize::bytes_4, i, &event}).has_value());
    EXPECT_EQ(table.add({{0x2000}, AccessSize::bytes_4, 0, &event}).error(), DoorbellError::full);
}

TEST(Doorbell, WhereNoDeviceIsMakesTheVmInvalid)
{
    Unfinished<KvmLikeProfile> machine;
    ASSERT_TRUE(machine.vm.doorbells.add({{0x5000'0000}, AccessSize::bytes_4, 0, &machine.device.events[0]}));
    EXPECT_EQ(machine.vm.finalize().error(), VmError::stray_doorbell);
    EXPECT_TRUE(machine.port.attached.empty());
}

TEST(Event, NeedsNothingOfTheHost) { EXPECT_FALSE(CountingEvent().descriptor().has_value()); }

/// An engine's chip with one line that an event drives: asserted by it, lowered at EOI.
class FakeLineEvents final : public LineEventPort {
public:
    explicit FakeLineEvents(FakeChip& chip) : chip_(chip) {}
    Result<Event*, InterruptError> connect(Spi spi, Event& resample) override
    {
        if (!chip_.has_spi(spi)) return fail(InterruptError::no_such_line);
        line_.owner = this;
        spi_ = spi;
        resample_ = &resample;
        return &line_;
    }
    void end_of_interrupt()
    {
        chip_.set_spi(spi_, false);
        resample_->signal();
    }

private:
    struct Line final : Event {
        void signal() noexcept override { owner->chip_.set_spi(owner->spi_, true); }
        FakeLineEvents* owner{};
    };
    FakeChip& chip_;
    Line line_;
    Spi spi_{};
    Event* resample_{};
};

TEST(LineEvent, AssertsUntilEoiAndAsksAgain)
{
    Unfinished<KvmLikeProfile> machine;
    EXPECT_EQ(machine.vm.line_event_port(), nullptr); // not offered unless the engine says so
    FakeLineEvents port(machine.chip);
    machine.vm.set_line_event_port(&port);
    CountingEvent resample;
    EXPECT_EQ(machine.vm.line_event_port()->connect({99}, resample).error(), InterruptError::no_such_line);
    Event* line = machine.vm.line_event_port()->connect({7}, resample).value_or(nullptr);
    ASSERT_NE(line, nullptr);
    line->signal();
    port.end_of_interrupt();
    EXPECT_EQ(resample.signals, 1U);
    line->signal(); // the source still wants it
    using Events = std::vector<std::pair<u32, bool>>;
    EXPECT_EQ(machine.chip.spi_events, (Events{
                                           {7, true },
                                           {7, false},
                                           {7, true }
    }));
}

TEST(ExitKinds, HoldWhatTheyAreMadeOf)
{
    constexpr ExitKinds some = ExitKinds::of(ExitKind::mmio, ExitKind::fatal);
    static_assert(some.contains(ExitKind::mmio) && some.contains(ExitKind::fatal));
    static_assert(!some.contains(ExitKind::idle) && !ExitKinds().contains(ExitKind::mmio));
    for (unsigned kind = 0; kind < exit_kind_count; ++kind)
        EXPECT_TRUE(ExitKinds::all().contains(static_cast<ExitKind>(kind)));
    for (const unsigned none : {exit_kind_count, 31U, 32U, 255U})
        EXPECT_FALSE(ExitKinds::all().contains(static_cast<ExitKind>(none)));
}

TEST(ExitKinds, OneThatTheEngineDoesNotPublishStopsItsVm)
{
    Machine<BareProfile> machine(2);
    ScriptedEngine<BareProfile> engine({Op::raw(Exit(SystemEventExit{SystemEvent::off}))});
    const StopInfo info = machine.run(engine);
    EXPECT_EQ(info.reason, StopReason::engine_failure); // not the power-off that it asked for
    EXPECT_EQ(info.fatal, FatalReason::contract_broken);
    EXPECT_EQ(info.detail, static_cast<u64>(ExitKind::system_event));
    EXPECT_TRUE(machine.vm.slot({1}).requests.pending(Request::stop));
}

TEST(ExitKinds, OneThatDoesNotExistIsNotCountedAndStopsTheVm)
{
    Machine<KvmLikeProfile> machine;
    Exit broken(ExitKind::kicked);
    broken.kind = static_cast<ExitKind>(200);
    ScriptedEngine<KvmLikeProfile> engine({Op::raw(broken)});
    const StopInfo info = machine.run(engine);
    EXPECT_EQ(info.fatal, FatalReason::contract_broken);
    EXPECT_EQ(info.detail, 200U);
    u64 counted = 0;
    for (const u64 count : machine.exits) counted += count;
    EXPECT_EQ(counted, machine.exits[static_cast<unsigned>(ExitKind::kicked)]); // by the power-on
}

TYPED_TEST(Doorbells, NoOtherExitKindIsTakenFromTheEngine)
{
    Machine<TypeParam> machine;
    for (unsigned kind = 0; kind < exit_kind_count; ++kind) {
        if (TypeParam::raises.contains(static_cast<ExitKind>(kind))) continue;
        const Step step = dispatch(machine.vm.services(), {0}, Exit(static_cast<ExitKind>(kind)));
        EXPECT_EQ(step.action, Action::stop);
        EXPECT_EQ(step.stop.fatal, FatalReason::contract_broken);
    }
}

} // namespace
} // namespace gimbal::test
