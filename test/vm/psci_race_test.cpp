// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "test/vm/fakes.hpp"
#include "vm/psci.hpp"

namespace gimbal::test {
namespace {

/// Callers start and ask about three CPUs from their own threads, over both conduits and in both widths, while each of
/// the three goes off as soon as it is on.
class PsciRaces : public testing::Test {
protected:
    static constexpr u32 targets = 3;
    static constexpr u64 starts_each = 400;

    i64 ask(u64 function, u64 a1, u64 a2, u64 a3, u64 round)
    {
        const bool narrow = (round & 8) != 0;
        const Conduit conduit = (round & 4) != 0 ? Conduit::secure_call : Conduit::hypercall;
        const u64 id = narrow ? function : function | 0x4000'0000;
        const CallOutcome outcome = machine_.psci.call(
            VcpuId{
        },
            conduit, CallExit{{id, a1, a2, a3}, 0});
        const u64 raw = outcome.answer.results[0];
        return narrow ? i64{static_cast<i32>(raw)} : static_cast<i64>(raw);
    }

    void call_until_done(u64 context)
    {
        constexpr u64 cpu_on = 0x8400'0003;
        constexpr u64 affinity_info = 0x8400'0004;
        constexpr i64 affinity_on_pending = 2;
        for (u64 round = context; !done_.load(MemoryOrder::relaxed); ++round) {
            const u32 target = static_cast<u32>(round % targets);
            const i64 answer = ask(cpu_on, target, 0x40, context, round);
            if (answer == psci::success) {
                successes_[target].fetch_add(1);
                winners_[target].fetch_add(context);
            } else if (answer != psci::already_on && answer != psci::on_pending) {
                wrong_.fetch_add(1);
            }
            const i64 power = ask(affinity_info, target, 0, 0, round);
            if (power < 0 || power > affinity_on_pending) wrong_.fetch_add(1);
        }
    }

    /// The owner of a CPU; the last time it stays on.
    void start_and_stop(u32 number)
    {
        constexpr u64 cpu_off = 0x8400'0002;
        VcpuSlot& slot = machine_.vm.slot({number});
        for (u64 start = 1; start <= starts_each; ++start) {
            while (!slot.requests.take(Request::power_on)) std::this_thread::yield();
            contexts_[number] += slot.complete_power_on().arguments[0];
            if (start != starts_each) machine_.psci.call({number}, Conduit::secure_call, CallExit{{cpu_off}, 0});
        }
    }

    Machine<BareProfile> machine_{targets};
    Atomic<u64> successes_[targets]{};
    Atomic<u64> winners_[targets]{}; // the sum of the contexts that won
    Atomic<u64> wrong_{0};
    Atomic<bool> done_{false};
    u64 contexts_[targets]{}; // the sum of those that the CPUs started with; each its owner's
};

TEST_F(PsciRaces, OnAndOffByAllAtOnceKeepTheirCodes)
{
    std::vector<std::jthread> callers;
    for (u64 context = 1; context <= 3; ++context) callers.emplace_back([this, context] { call_until_done(context); });
    std::vector<std::jthread> owners;
    for (u32 number = 0; number < targets; ++number) owners.emplace_back([this, number] { start_and_stop(number); });
    owners.clear();
    done_.store(true);
    callers.clear();
    EXPECT_EQ(wrong_.load(), 0U);
    for (u32 number = 0; number < targets; ++number) {
        EXPECT_EQ(successes_[number].load(), starts_each);
        EXPECT_EQ(winners_[number].load(), contexts_[number]);
        EXPECT_EQ(machine_.vm.slot({number}).power(), PowerState::on);
    }
}

} // namespace
} // namespace gimbal::test
