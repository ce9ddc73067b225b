// SPDX-License-Identifier: Apache-2.0
#include "vm/psci.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "test/vm/fakes.hpp"

namespace gimbal::test {
namespace {

constexpr u64 all_ones = ~u64{0};

class PsciCalls : public testing::Test {
protected:
    CallOutcome call(u64 id, u64 a1 = 0, u64 a2 = 0, u64 a3 = 0, u32 caller = 0)
    {
        return machine.psci.call(
            {
                caller
        },
            Conduit::hypercall, {{id, a1, a2, a3}, 0});
    }
    u64 result(u64 id, u64 a1 = 0, u64 a2 = 0, u64 a3 = 0) { return call(id, a1, a2, a3).answer.results[0]; }
    static u64 code(i64 value) { return static_cast<u64>(value); }

    Machine<BareProfile> machine{20};
};

TEST_F(PsciCalls, VersionIs1_1)
{
    EXPECT_EQ(result(0x8400'0000), 0x1'0001U);
    EXPECT_EQ(result(0x8000'0000), 0x1'0001U);
}

TEST_F(PsciCalls, PsciReturnsX0Alone) { EXPECT_EQ(call(0x8400'0000).answer.result_count, 1U); }

TEST_F(PsciCalls, UnknownFunctionsAreNotSupportedNotUnchanged)
{
    EXPECT_EQ(result(0x8400'001f), 0xffff'ffffU);
    EXPECT_EQ(result(0xc400'001f), all_ones);
    EXPECT_EQ(result(0xc400'0000), all_ones);     // VERSION has no 64-bit form
    EXPECT_EQ(result(0x8400'000e), 0xffff'ffffU); // SYSTEM_SUSPEND: optional, absent
    EXPECT_EQ(result(0x8000'8000), 0xffff'ffffU);
}

TEST_F(PsciCalls, FeaturesKnowsWhatIsThere)
{
    for (const u64 id : {0x8400'0000ULL, 0x8400'0001ULL, 0xc400'0001ULL, 0x8400'0002ULL, 0x8400'0003ULL, 0xc400'0003ULL,
                         0x8400'0004ULL, 0xc400'0004ULL, 0x8400'0006ULL, 0x8400'0008ULL, 0x8400'0009ULL, 0x8400'000aULL,
                         0x8400'0012ULL, 0xc400'0012ULL, 0x8000'0000ULL})
        EXPECT_EQ(result(0x8400'000a, id), 0U) << std::hex << id;
    EXPECT_EQ(result(0x8400'000a, 0x8400'0005), 0xffff'ffffU); // MIGRATE
    EXPECT_EQ(result(0x8400'000a, 0xc400'0008), 0xffff'ffffU);
}

TEST_F(PsciCalls, ArchFeaturesAnswersForItself)
{
    EXPECT_EQ(result(0x8000'0001, 0x8000'0001), 0U);
    EXPECT_EQ(result(0x8000'0001, 0x8000'8000), 0xffff'ffffU);
    EXPECT_EQ(result(0x8000'0001, 0x8400'0000), 0xffff'ffffU);
}

TEST_F(PsciCalls, MigrateInfoTypeSaysThereIsNothingToMigrate) { EXPECT_EQ(result(0x8400'0006), 2U); }

TEST_F(PsciCalls, CpuOnStartsATargetOnce)
{
    EXPECT_EQ(result(0xc400'0003, 1, 0x80, 42), 0U);
    EXPECT_EQ(machine.vm.slot({1}).power(), PowerState::on_pending);
    EXPECT_TRUE(machine.vm.slot({1}).requests.pending(Request::power_on));
    EXPECT_EQ(result(0xc400'0003, 1, 0x80, 43), code(psci::on_pending));
    const VcpuEntry entry = machine.vm.slot({1}).complete_power_on();
    EXPECT_EQ(entry.pc, 0x80U);
    EXPECT_EQ(entry.arguments[0], 42U);
    EXPECT_EQ(entry.arguments[1], 0U);
    EXPECT_EQ(result(0xc400'0003, 1, 0x80, 44), code(psci::already_on));
}

TEST_F(PsciCalls, CpuOnRefusesWhatDoesNotExist)
{
    EXPECT_EQ(result(0xc400'0003, 0x104, 0x80), code(psci::invalid_parameters)); // vCPU 20 of 20
    EXPECT_EQ(result(0xc400'0003, 0x10, 0x80), code(psci::invalid_parameters));  // Aff0 above 15
    EXPECT_EQ(result(0xc400'0003, bit(31), 0x80), code(psci::invalid_parameters));
    EXPECT_EQ(result(0xc400'0003, bit(32), 0x80), code(psci::invalid_parameters));
    EXPECT_EQ(result(0xc400'0003, 1, 0x7000'0000), code(psci::invalid_address));
    EXPECT_EQ(result(0xc400'0003, 1, 0x82), code(psci::invalid_address));
    EXPECT_EQ(machine.vm.slot({1}).power(), PowerState::off);
}

TEST_F(PsciCalls, ThirtyTwoBitCallsUseWRegistersOnly)
{
    EXPECT_EQ(result(0x8400'0003, 0xdead'0000'0000'0103, 0xbeef'0000'0000'0080, 0xffff'0000'0000'0007), 0U);
    const VcpuEntry entry = machine.vm.slot({19}).complete_power_on();
    EXPECT_EQ(entry.pc, 0x80U);
    EXPECT_EQ(entry.arguments[0], 7U);
    EXPECT_EQ(result(0x8400'0003, 0x103, 0x80), 0xffff'ffffU - 3); // ALREADY_ON in w0
}

TEST_F(PsciCalls, SixtyFourBitCallsUseWholeRegisters)
{
    EXPECT_EQ(result(0xc400'0003, 1, 0x80 | bit(40)), code(psci::invalid_address));
}

TEST_F(PsciCalls, CpuOffIsNotASleep)
{
    machine.vm.slot({2}).begin_power_on({.pc = 0x10});
    machine.vm.slot({2}).complete_power_on();
    const CallOutcome outcome = call(0x8400'0002, 0, 0, 0, 2);
    EXPECT_EQ(outcome.effect, CallEffect::cpu_off);
    EXPECT_EQ(outcome.answer.kind, CompletionKind::discard);
    EXPECT_EQ(machine.vm.slot({2}).power(), PowerState::off);
    EXPECT_EQ(result(0xc400'0003, 2, 0x20, 1), 0U); // and may be started anew
}

TEST_F(PsciCalls, AffinityInfoFollowsPower)
{
    EXPECT_EQ(result(0xc400'0004, 1, 0), 1U); // OFF
    machine.vm.slot({1}).begin_power_on({});
    EXPECT_EQ(result(0xc400'0004, 1, 0), 2U); // ON_PENDING
    machine.vm.slot({1}).complete_power_on();
    EXPECT_EQ(result(0xc400'0004, 1, 0), 0U);
    EXPECT_EQ(result(0x8400'0004, 2, 1), 0U);     // a cluster is on if one CPU of it is
    EXPECT_EQ(result(0x8400'0004, 0x100, 1), 1U); // the other is not
    EXPECT_EQ(result(0xc400'0004, 0, 3), 0U);
    EXPECT_EQ(result(0xc400'0004, 0, 4), code(psci::invalid_parameters));
    EXPECT_EQ(result(0xc400'0004, 0x200, 0), code(psci::invalid_parameters));
    EXPECT_EQ(result(0xc400'0004, bit(25), 0), code(psci::invalid_parameters));
}

TEST_F(PsciCalls, SystemOffAndResetAreDifferent)
{
    EXPECT_EQ(call(0x8400'0008).effect, CallEffect::system_off);
    EXPECT_EQ(call(0x8400'0009).effect, CallEffect::system_reset);
    EXPECT_EQ(call(0xc400'0012, 0).effect, CallEffect::system_reset);
    EXPECT_EQ(result(0xc400'0012, 1), code(psci::invalid_parameters));
    EXPECT_EQ(result(0x8400'0012, bit(31)), 0xffff'fffeU);
}

TEST_F(PsciCalls, SuspendChecksItsArguments)
{
    EXPECT_EQ(result(0xc400'0001, bit(20)), code(psci::invalid_parameters));
    EXPECT_EQ(result(0xc400'0001, bit(33)), code(psci::invalid_parameters));
    EXPECT_EQ(result(0xc400'0001, bit(16), 0x7000'0000), code(psci::invalid_address));
    EXPECT_EQ(call(0xc400'0001, 0).effect, CallEffect::standby);
    EXPECT_EQ(call(0xc400'0001, bit(16), 0x40).effect, CallEffect::power_down);
    machine.vm.set_cpu_interrupt({0}, InterruptInput::irq, true);
    EXPECT_EQ(call(0xc400'0001, bit(16), 0x40).effect, CallEffect::none); // a wake-up event is there already
}

TEST_F(PsciCalls, RacingCpuOnHasOneWinner)
{
    for (unsigned round = 0; round < 200; ++round) {
        VcpuSlot& slot = machine.vm.slot({5});
        Atomic<unsigned> winners{0};
        Atomic<unsigned> pending{0};
        const auto caller = [&](u64 context) {
            const CallOutcome outcome = machine.psci.call(
                {
                    0
            },
                Conduit::secure_call, {{0xc400'0003, 5, 0x40, context}, 0});
            (outcome.answer.results[0] == 0 ? winners : pending).fetch_add(1);
        };
        std::thread first(caller, 1);
        std::thread second(caller, 2);
        first.join();
        second.join();
        EXPECT_EQ(winners.load(), 1U);
        EXPECT_EQ(pending.load(), 1U);
        static_cast<void>(slot.complete_power_on());
        slot.power_off();
    }
}

TEST_F(PsciCalls, TheSeventeenthCpuIsInTheSecondCluster)
{
    EXPECT_EQ(result(0xc400'0003, 0x100, 0x40), 0U);
    EXPECT_EQ(machine.vm.slot({16}).power(), PowerState::on_pending);
    EXPECT_EQ(*machine.registers.read({16}, aarch64::SysReg::mpidr_el1, {}), 0x8000'0100U);
}

TEST(CallTables, RangesDoNotOverlap)
{
    Machine<BareProfile> machine;
    CallTable table;
    EXPECT_TRUE(table.add({0xc200'0000, 0xc200'0003, &machine.psci}).has_value());
    EXPECT_EQ(table.add({0xc200'0003, 0xc200'0004, &machine.psci}).error(), CallTableError::overlap);
    EXPECT_EQ(table.add({2, 1, &machine.psci}).error(), CallTableError::empty);
    EXPECT_EQ(table.add({1, 2, nullptr}).error(), CallTableError::empty);
    for (u32 i = 1; i < CallTable::max_ranges; ++i) EXPECT_TRUE(table.add({i, i, &machine.psci}).has_value());
    EXPECT_EQ(table.add({100, 100, &machine.psci}).error(), CallTableError::full);
    EXPECT_EQ(table.find(0xc200'0004), nullptr);
    EXPECT_NE(table.find(0xc200'0003), nullptr);
}

} // namespace
} // namespace gimbal::test
