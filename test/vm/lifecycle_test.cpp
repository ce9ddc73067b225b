// SPDX-License-Identifier: Apache-2.0
#include "vm/lifecycle.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "test/vm/fakes.hpp"

namespace gimbal::test {
namespace {

constexpr OwnerId me{1};
constexpr OwnerId other{2};

TEST(Lifecycles, TheWholeWay)
{
    Lifecycle life;
    EXPECT_EQ(life.state(), VcpuState::created);
    EXPECT_TRUE(life.set_up().has_value());
    EXPECT_EQ(life.state(), VcpuState::free);
    EXPECT_TRUE(life.bind(me).has_value());
    EXPECT_EQ(life.state(), VcpuState::ready);
    EXPECT_TRUE(life.enter(me).has_value());
    EXPECT_EQ(life.state(), VcpuState::running);
    EXPECT_TRUE(life.leave(me).has_value());
    EXPECT_TRUE(life.block(me).has_value());
    EXPECT_EQ(life.state(), VcpuState::blocked);
    EXPECT_TRUE(life.unblock(me).has_value());
    EXPECT_TRUE(life.unbind(me).has_value());
    EXPECT_EQ(life.state(), VcpuState::free);
    EXPECT_TRUE(life.tear_down().has_value());
    EXPECT_EQ(life.state(), VcpuState::created);
}

TEST(Lifecycles, AWrongTransitionIsAnErrorAndChangesNothing)
{
    Lifecycle life;
    EXPECT_EQ(life.bind(me).error(), VcpuError::wrong_state);
    EXPECT_EQ(life.enter(me).error(), VcpuError::wrong_state);
    EXPECT_EQ(life.unbind(me).error(), VcpuError::wrong_state);
    ASSERT_TRUE(life.set_up().has_value());
    EXPECT_EQ(life.set_up().error(), VcpuError::wrong_state);
    ASSERT_TRUE(life.bind(me).has_value());
    EXPECT_EQ(life.tear_down().error(), VcpuError::wrong_state);
    EXPECT_EQ(life.leave(me).error(), VcpuError::wrong_state);
    EXPECT_EQ(life.state(), VcpuState::ready);
    ASSERT_TRUE(life.enter(me).has_value());
    EXPECT_EQ(life.unbind(me).error(), VcpuError::wrong_state);
    EXPECT_EQ(life.state(), VcpuState::running);
}

TEST(Lifecycles, BindingTwiceIsAnError)
{
    Lifecycle life;
    ASSERT_TRUE(life.set_up().has_value());
    ASSERT_TRUE(life.bind(me).has_value());
    EXPECT_EQ(life.bind(me).error(), VcpuError::already_bound);
    EXPECT_EQ(life.bind(other).error(), VcpuError::already_bound);
    EXPECT_EQ(life.owner(), me);
}

TEST(Lifecycles, OnlyTheOwnerMayRunIt)
{
    Lifecycle life;
    ASSERT_TRUE(life.set_up().has_value());
    ASSERT_TRUE(life.bind(me).has_value());
    EXPECT_EQ(life.enter(other).error(), VcpuError::not_owner);
    EXPECT_EQ(life.unbind(other).error(), VcpuError::not_owner);
    EXPECT_EQ(life.state(), VcpuState::ready);
}

TEST(Lifecycles, RacingBindsHaveOneWinner)
{
    for (unsigned round = 0; round < 200; ++round) {
        Lifecycle life;
        ASSERT_TRUE(life.set_up().has_value());
        Atomic<unsigned> winners{0};
        const auto binder = [&](OwnerId owner) {
            if (life.bind(owner)) winners.fetch_add(1);
        };
        std::thread a(binder, me);
        std::thread b(binder, other);
        a.join();
        b.join();
        ASSERT_EQ(winners.load(), 1U);
    }
}

TEST(Kick, IsNeverLostBetweenTheLastLookAndTheSleep)
{
    // The owner looks, then sleeps; the poster strikes at any moment in between. A lost wake-up hangs the test.
    RequestWord word;
    ThreadParker parker;
    constexpr unsigned rounds = 20'000;
    Atomic<unsigned> taken{0};
    std::thread owner([&] {
        while (taken.load() < rounds) {
            const u32 seen = word.sequence();
            if (word.take(Request::kick))
                taken.fetch_add(1);
            else
                parker.wait(word, seen, std::nullopt);
        }
    });
    for (unsigned i = 0; i < rounds; ++i) {
        word.post(Request::kick);
        parker.wake();
        while (taken.load() <= i) std::this_thread::yield();
    }
    owner.join();
    EXPECT_FALSE(word.any());
}

TEST(Kick, RequestsAreTakenOneByOne)
{
    RequestWord word;
    const u32 before = word.sequence();
    word.post(Request::kick);
    word.post(Request::stop);
    EXPECT_TRUE(word.changed_since(before));
    EXPECT_TRUE(word.take(Request::kick));
    EXPECT_FALSE(word.take(Request::kick));
    EXPECT_TRUE(word.pending(Request::stop));
    EXPECT_EQ(*word.futex(), word.sequence());
}

TEST(State, WhatOneVisitorSavesAnotherRestores)
{
    struct Saver final : StateVisitor {
        void visit(StateKey key, u64& value) override { seen.emplace_back(key, value); }
        std::vector<std::pair<StateKey, u64>> seen;
    };
    struct Restorer final : StateVisitor {
        explicit Restorer(const Saver& from) : saved(from) {}
        void visit(StateKey key, u64& value) override
        {
            ASSERT_EQ(saved.seen.at(next).first, key);
            value = saved.seen[next++].second;
        }
        const Saver& saved;
        usize next{};
    };
    ScriptedEngine<BareProfile> first({Op::move(7, 70), Op::load(8, 0x1000'0000, AccessSize::bytes_4)});
    EXPECT_EQ(first.run({}).kind, ExitKind::mmio);
    first.commit(Completion::make_done(80)); // state is whole only once the answer is applied
    Saver saver;
    first.visit_state(all_state, saver);
    EXPECT_EQ(saver.seen.size(), 32U);

    ScriptedEngine<El2LikeProfile> second;
    Restorer restorer(saver);
    second.visit_state(StateMask::core, restorer);
    EXPECT_EQ(second.x(7), 70U);
    EXPECT_EQ(second.x(8), 80U);
    EXPECT_EQ(second.pc, 8U);
    Saver nothing;
    second.visit_state(StateMask::timer | StateMask::fp_simd, nothing);
    EXPECT_TRUE(nothing.seen.empty());
    EXPECT_TRUE(first.violations.empty() && second.violations.empty());
}

class Slot : public testing::Test {
protected:
    VcpuSlot slot;
    FakeClock clock;
    FakeParker parker{clock};
    ScriptedEngine<BareProfile> engine;
    EngineHandle<ScriptedEngine<BareProfile>> handle{engine};
};

TEST_F(Slot, AHandleThatIsGoneIsNeverCalled)
{
    slot.post(Request::kick); // nobody there: kept in the word
    EXPECT_TRUE(slot.requests.pending(Request::kick));
    {
        VcpuAttachment attachment(slot, handle, parker);
        slot.post(Request::kick);
        EXPECT_EQ(parker.wakes, 1U);
    }
    slot.post(Request::kick);
    slot.set_interrupt(InterruptInput::irq, true);
    EXPECT_EQ(parker.wakes, 1U);
    EXPECT_FALSE(engine.interrupt(InterruptInput::irq));
}

TEST_F(Slot, LevelsThatCameEarlierReachTheEngineWhenItAttaches)
{
    slot.set_interrupt(InterruptInput::fiq, true);
    VcpuAttachment attachment(slot, handle, parker);
    EXPECT_TRUE(engine.interrupt(InterruptInput::fiq));
    EXPECT_FALSE(engine.interrupt(InterruptInput::irq));
}

TEST_F(Slot, OnlyARiseWakesTheSleeper)
{
    VcpuAttachment attachment(slot, handle, parker);
    const u32 before = slot.requests.sequence();
    slot.set_interrupt(InterruptInput::irq, true);
    EXPECT_TRUE(slot.requests.changed_since(before));
    slot.set_interrupt(InterruptInput::irq, true);
    slot.set_interrupt(InterruptInput::irq, false);
    EXPECT_EQ(parker.wakes, 1U);
    EXPECT_FALSE(slot.interrupt_asserted());
    EXPECT_FALSE(engine.interrupt(InterruptInput::irq));
}

} // namespace
} // namespace gimbal::test
