// SPDX-License-Identifier: Apache-2.0
#include "bare/scheduler.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <string>

namespace gimbal::bare {
namespace {

constexpr u64 frequency = 1'000'000; // a tick is a microsecond
constexpr u64 slice = Scheduler::slice_us;

class FakeCpu final : public CpuPort {
public:
    HostTicks now() const override { return {time}; }
    void set_timer(std::optional<HostTicks> deadline) override { timer = deadline; }
    void idle() override
    {
        ++idles;
        if (on_idle)
            on_idle();
        else if (timer)
            time = timer->value;
        else
            FAIL() << "nothing would ever wake this CPU";
    }
    void kick() noexcept override { ++kicks; }

    u64 time{};
    std::optional<HostTicks> timer;
    unsigned idles{};
    unsigned kicks{};
    std::function<void()> on_idle;
};

/// Writes its name whenever it runs, and does what its script says.
class ScriptedTask final : public Task {
public:
    using Turn = std::function<Result(ScriptedTask&, Scheduler&)>;
    ScriptedTask(char name, u32 priority, std::string& journal, Turn turn, u32 budget = whole)
        : Task(priority, budget), name_(name), journal_(journal), turn_(std::move(turn))
    {
    }
    using Task::about_to_sleep;
    unsigned runs{};
    unsigned rests{};

private:
    void rest() override { ++rests; }
    Result run(Scheduler& scheduler) override
    {
        ++runs;
        journal_ += name_;
        return turn_(*this, scheduler);
    }
    char name_;
    std::string& journal_;
    Turn turn_;
};

ScriptedTask::Turn times(unsigned count)
{
    return [count](ScriptedTask& task, Scheduler&) -> Task::Result {
        return {task.runs < count ? Task::Outcome::ready : Task::Outcome::ended, {}};
    };
}

class SchedulerTest : public testing::Test {
protected:
    FakeCpu cpu_;
    std::string journal_;
    Scheduler scheduler_{cpu_, frequency};
};

TEST_F(SchedulerTest, equals_take_turns)
{
    ScriptedTask a('a', 1, journal_, times(3));
    ScriptedTask b('b', 1, journal_, times(3));
    ASSERT_TRUE(scheduler_.add(a) && scheduler_.add(b));
    scheduler_.run();
    EXPECT_EQ(journal_, "ababab");
    EXPECT_EQ(cpu_.idles, 0U);
}

TEST_F(SchedulerTest, a_higher_priority_goes_first)
{
    ScriptedTask low('l', 1, journal_, times(2));
    ScriptedTask high('h', 2, journal_, times(2));
    ASSERT_TRUE(scheduler_.add(low) && scheduler_.add(high));
    scheduler_.run();
    EXPECT_EQ(journal_, "hhll");
}

TEST_F(SchedulerTest, a_slice_ends_only_for_somebody_else)
{
    std::optional<HostTicks> alone;
    std::optional<HostTicks> contended;
    ScriptedTask a('a', 1, journal_, [&](ScriptedTask& task, Scheduler&) -> Task::Result {
        (task.runs == 1 ? contended : alone) = cpu_.timer;
        return {task.runs < 2 ? Task::Outcome::ready : Task::Outcome::ended, {}};
    });
    ScriptedTask b('b', 1, journal_, times(1));
    ScriptedTask below('c', 0, journal_, times(1));
    ASSERT_TRUE(scheduler_.add(a) && scheduler_.add(b) && scheduler_.add(below));
    scheduler_.run();
    EXPECT_EQ(journal_, "abac");
    EXPECT_EQ(contended, HostTicks{slice});
    EXPECT_EQ(alone, std::nullopt); // one of lower priority waits for good
}

TEST_F(SchedulerTest, a_sleeper_wakes_at_its_deadline_and_an_idle_cpu_waits_for_it)
{
    ScriptedTask sleeper('s', 1, journal_, [&](ScriptedTask& task, Scheduler&) -> Task::Result {
        if (task.runs == 2) return {Task::Outcome::ended, {}};
        task.about_to_sleep();
        return {Task::Outcome::asleep, HostTicks{5000}};
    });
    ASSERT_TRUE(scheduler_.add(sleeper));
    scheduler_.run();
    EXPECT_EQ(journal_, "ss");
    EXPECT_EQ(cpu_.idles, 1U);
    EXPECT_EQ(cpu_.time, 5000U);
}

TEST_F(SchedulerTest, a_wake_between_the_look_and_the_sleep_is_not_lost)
{
    ScriptedTask sleeper('s', 1, journal_, [&](ScriptedTask& task, Scheduler&) -> Task::Result {
        if (task.runs == 2) return {Task::Outcome::ended, {}};
        task.about_to_sleep();
        task.wake();
        return {Task::Outcome::asleep, {}};
    });
    ASSERT_TRUE(scheduler_.add(sleeper));
    scheduler_.run();
    EXPECT_EQ(cpu_.idles, 0U);
    EXPECT_EQ(cpu_.kicks, 1U);
}

/// It was about to sleep, found work, and then its slice ended.
TEST_F(SchedulerTest, one_that_thought_better_of_its_sleep_stays_ready)
{
    ScriptedTask task('t', 1, journal_, [&](ScriptedTask& self, Scheduler&) -> Task::Result {
        if (self.runs == 2) return {Task::Outcome::ended, {}};
        self.about_to_sleep();
        return {Task::Outcome::ready, {}};
    });
    ASSERT_TRUE(scheduler_.add(task));
    scheduler_.run();
    EXPECT_EQ(cpu_.idles, 0U);
}

TEST_F(SchedulerTest, an_alarm_interrupts_the_running_guest)
{
    std::optional<HostTicks> timer;
    ScriptedTask task('t', 1, journal_, [&](ScriptedTask& self, Scheduler& scheduler) -> Task::Result {
        timer = cpu_.timer;
        if (self.runs == 1) {
            self.set_alarm(HostTicks{77});
            EXPECT_TRUE(scheduler.wants_cpu()) << "the timer is to be set anew";
        }
        return {self.runs < 2 ? Task::Outcome::ready : Task::Outcome::ended, {}};
    });
    ASSERT_TRUE(scheduler_.add(task));
    scheduler_.run();
    EXPECT_EQ(timer, HostTicks{77});
}

TEST_F(SchedulerTest, a_wake_from_another_cpu_kicks_an_idle_one)
{
    ScriptedTask sleeper('s', 1, journal_, [&](ScriptedTask& task, Scheduler&) -> Task::Result {
        if (task.runs == 2) return {Task::Outcome::ended, {}};
        task.about_to_sleep();
        return {Task::Outcome::asleep, {}};
    });
    cpu_.on_idle = [&] { sleeper.wake(); };
    ASSERT_TRUE(scheduler_.add(sleeper));
    scheduler_.run();
    EXPECT_EQ(cpu_.kicks, 1U);
}

constexpr u64 period = Scheduler::period_us;

/// Runs until the CPU's timer ends its turn; at `end` it is done.
ScriptedTask::Turn busy_until(FakeCpu& cpu, u64 end)
{
    return [&cpu, end](ScriptedTask&, Scheduler&) -> Task::Result {
        cpu.time = cpu.timer && cpu.timer->value < end ? cpu.timer->value : end;
        return {cpu.time < end ? Task::Outcome::ready : Task::Outcome::ended, {}};
    };
}

TEST_F(SchedulerTest, a_budget_is_a_share_of_each_period)
{
    ScriptedTask task('t', 1, journal_, busy_until(cpu_, 99 * period + period / 4), 25);
    ASSERT_TRUE(scheduler_.add(task));
    scheduler_.run();
    EXPECT_EQ(task.stats().turns.load(), 100U);
    EXPECT_EQ(task.stats().run_ticks.load(), 100 * period / 4);
    EXPECT_EQ(cpu_.idles, 99U) << "nobody else wants the CPU, and it is not given beyond the budget";
}

TEST_F(SchedulerTest, what_a_budget_leaves_is_for_the_others_even_of_lower_priority)
{
    ScriptedTask high('h', 2, journal_, busy_until(cpu_, 50 * period), 40);
    ScriptedTask low('l', 1, journal_, busy_until(cpu_, 50 * period));
    ASSERT_TRUE(scheduler_.add(high) && scheduler_.add(low));
    scheduler_.run();
    EXPECT_NEAR(static_cast<double>(high.stats().run_ticks.load()), 50 * period * 0.4, period);
    EXPECT_NEAR(static_cast<double>(low.stats().run_ticks.load()), 50 * period * 0.6, period);
}

TEST_F(SchedulerTest, what_was_taken_beyond_a_budget_is_taken_from_the_next)
{
    constexpr u64 late = period / 10; // each turn ends as late as that
    u64 turns = 0;
    ScriptedTask task(
        't', 1, journal_,
        [&](ScriptedTask&, Scheduler&) -> Task::Result {
            cpu_.time = cpu_.timer->value + late;
            return {++turns < 100 ? Task::Outcome::ready : Task::Outcome::ended, {}};
        },
        50);
    ASSERT_TRUE(scheduler_.add(task));
    scheduler_.run();
    EXPECT_NEAR(static_cast<double>(task.stats().run_ticks.load()), static_cast<double>(cpu_.time) / 2, period);
}

TEST_F(SchedulerTest, a_sleeper_without_budget_left_wakes_in_the_next_period)
{
    ScriptedTask task(
        't', 1, journal_,
        [&](ScriptedTask& self, Scheduler&) -> Task::Result {
            if (self.runs == 2) return {Task::Outcome::ended, {}};
            cpu_.time += period / 2;
            self.about_to_sleep();
            return {Task::Outcome::asleep, HostTicks{cpu_.time + 1}};
        },
        10);
    ASSERT_TRUE(scheduler_.add(task));
    scheduler_.run();
    EXPECT_GE(cpu_.time, period);
}

TEST_F(SchedulerTest, a_request_is_seen_in_spite_of_priority_and_budget)
{
    ScriptedTask starved(
        's', 0, journal_, [&](ScriptedTask&, Scheduler&) -> Task::Result { return {Task::Outcome::ended, {}}; }, 1);
    ScriptedTask high('h', 2, journal_, [&](ScriptedTask& self, Scheduler&) -> Task::Result {
        if (self.runs == 3) starved.expedite();
        return {self.runs < 6 ? Task::Outcome::ready : Task::Outcome::ended, {}};
    });
    ASSERT_TRUE(scheduler_.add(starved) && scheduler_.add(high));
    scheduler_.run();
    EXPECT_EQ(journal_, "hhhshhh");
    EXPECT_EQ(cpu_.kicks, 1U);
}

TEST_F(SchedulerTest, an_urgent_turn_is_only_one)
{
    ScriptedTask low('l', 0, journal_, times(3));
    ScriptedTask high('h', 2, journal_, times(3));
    ASSERT_TRUE(scheduler_.add(low) && scheduler_.add(high));
    low.expedite();
    scheduler_.run();
    EXPECT_EQ(journal_, "lhhhll");
}

TEST_F(SchedulerTest, an_idle_cpu_holds_nothing_of_a_task_whose_budget_has_run_out)
{
    ScriptedTask task('t', 1, journal_, busy_until(cpu_, 3 * period), 50);
    ASSERT_TRUE(scheduler_.add(task));
    scheduler_.run();
    EXPECT_EQ(task.rests, cpu_.idles);
}

TEST_F(SchedulerTest, a_sleeper_has_put_its_things_away_itself)
{
    ScriptedTask sleeper('s', 1, journal_, [&](ScriptedTask& task, Scheduler&) -> Task::Result {
        if (task.runs == 2) return {Task::Outcome::ended, {}};
        task.about_to_sleep();
        return {Task::Outcome::asleep, HostTicks{5000}};
    });
    ASSERT_TRUE(scheduler_.add(sleeper));
    scheduler_.run();
    EXPECT_EQ(sleeper.rests, 0U);
}

TEST_F(SchedulerTest, an_idle_task_costs_nothing)
{
    ScriptedTask sleeper('s', 1, journal_, [&](ScriptedTask& task, Scheduler&) -> Task::Result {
        if (task.runs == 2) return {Task::Outcome::ended, {}};
        task.about_to_sleep();
        return {Task::Outcome::asleep, {}};
    });
    unsigned idles = 0;
    cpu_.on_idle = [&] {
        cpu_.time += 1000;
        if (++idles == 50) sleeper.wake();
    };
    ASSERT_TRUE(scheduler_.add(sleeper));
    scheduler_.run();
    EXPECT_EQ(sleeper.stats().turns.load(), 2U);
    EXPECT_EQ(sleeper.stats().wake_ups.load(), 1U);
    EXPECT_EQ(sleeper.stats().run_ticks.load(), 0U);
}

} // namespace
} // namespace gimbal::bare
