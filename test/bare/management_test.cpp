// SPDX-License-Identifier: Apache-2.0
#include "bare/management.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace gimbal::bare {
namespace {

class Journal final : public TextSink {
public:
    void write(const char* words, usize size) override { text.append(words, size); }
    std::string take() { return std::exchange(text, {}); }
    std::string text;
};

/// Does what it is asked, and remembers what that was.
class FakeMachine final : public ManagedMachine {
public:
    explicit FakeMachine(const char* name) : name_(name) {}
    StrView name() const override { return name_; }
    MachineState state() const override { return state_now; }
    MachineFacts facts() const override { return {u64{512} << 20, 2, 3, budget}; }
    VcpuReport report(u32 vcpu) override
    {
        VcpuReport report{.cpu = vcpu + 4, .power = PowerState::on, .run_ticks = 1'500'000, .turns = 7, .wake_ups = 5};
        report.exits[static_cast<unsigned>(ExitKind::mmio)] = 10;
        report.exits[static_cast<unsigned>(ExitKind::idle)] = 4;
        return report;
    }
    Result<void, RequestError> start() override { return note("start"); }
    Result<void, RequestError> stop() override { return note("stop"); }
    Result<void, RequestError> restart() override { return note("restart"); }
    Result<void, RequestError> pause() override { return note("pause"); }
    Result<void, RequestError> resume() override { return note("resume"); }
    Result<void, RequestError> power_down() override { return note("power_down"); }

    MachineState state_now{MachineState::running};
    u32 budget{100};
    std::optional<RequestError> refusal;
    std::string asked;

private:
    Result<void, RequestError> note(const char* what)
    {
        asked = what;
        if (refusal) return fail(*refusal);
        return {};
    }
    const char* name_;
};

class ManagementTest : public testing::Test {
protected:
    ManagementTest() { EXPECT_TRUE(management_.add(web_) && management_.add(db_)); }

    Journal journal_;
    FakeMachine web_{"web"};
    FakeMachine db_{"db server"};
    Management management_{journal_, 1'000'000};
};

TEST_F(ManagementTest, list_shows_every_guest)
{
    db_.state_now = MachineState::paused;
    db_.budget = 25;
    EXPECT_EQ(management_.run("list"), Management::Then::stay);
    EXPECT_EQ(journal_.take(), "  1  web: running, 512 MiB, 2 vCPUs, priority 3\n"
                               "  2  db server: paused, 512 MiB, 2 vCPUs, priority 3, budget 25%\n");
}

TEST_F(ManagementTest, each_request_goes_to_the_guest_that_is_named)
{
    for (const char* const word : {"start", "stop", "restart", "pause", "resume"}) {
        const std::string line = std::string("  ") + word + "   db server  ";
        EXPECT_EQ(management_.run({line.data(), line.size()}), Management::Then::stay);
        EXPECT_EQ(db_.asked, word);
    }
    management_.run("powerdown 2");
    EXPECT_EQ(db_.asked, "power_down");
    EXPECT_EQ(web_.asked, "");
    EXPECT_EQ(journal_.take(), "");
}

TEST_F(ManagementTest, a_request_that_does_not_fit_is_refused_with_the_reason)
{
    web_.refusal = RequestError::not_paused;
    management_.run("resume web");
    EXPECT_EQ(journal_.take(), "web is running: it is not paused\n");
    web_.state_now = MachineState::stopped;
    web_.refusal = RequestError::not_running;
    management_.run("pause 1");
    EXPECT_EQ(journal_.take(), "web is stopped: it does not run\n");
}

TEST_F(ManagementTest, unknown_names_and_commands_are_said)
{
    management_.run("stop nobody");
    EXPECT_EQ(journal_.take(), "there is no guest 'nobody'; list shows their names\n");
    for (const char* const number : {"stop 0", "stop 3", "stop 00000000000000000000001", "stop 1x", "stop -1"}) {
        management_.run(number);
        EXPECT_TRUE(journal_.take().starts_with("there is no guest '")) << number;
    }
    management_.run("stop");
    EXPECT_EQ(journal_.take(), "which guest? list shows their names\n");
    management_.run("halt web");
    EXPECT_EQ(journal_.take(), "unknown command 'halt'; help lists them\n");
    management_.run("list web");
    EXPECT_EQ(journal_.take(), "nothing is expected behind this command, found 'web'\n");
    EXPECT_EQ(management_.run("quit now"), Management::Then::stay);
    EXPECT_EQ(web_.asked + db_.asked, "");
}

TEST_F(ManagementTest, a_guest_may_be_called_by_a_number)
{
    FakeMachine two("1");
    ASSERT_TRUE(management_.add(two));
    management_.run("stop 1");
    EXPECT_EQ(two.asked, "stop");
    EXPECT_EQ(web_.asked, "");
}

TEST_F(ManagementTest, statistics_show_each_vcpu)
{
    management_.run("statistics web");
    EXPECT_EQ(journal_.take(), "  vCPU 0 on CPU 4: on, ran 1500 ms in 7 turns, woke 5 times\n"
                               "    exits: 14, mmio 10, idle 4\n"
                               "  vCPU 1 on CPU 5: on, ran 1500 ms in 7 turns, woke 5 times\n"
                               "    exits: 14, mmio 10, idle 4\n");
}

TEST_F(ManagementTest, console_chooses_who_is_shown)
{
    EXPECT_EQ(management_.run("console db server"), Management::Then::leave);
    auto show = management_.take_show();
    ASSERT_TRUE(show);
    EXPECT_EQ(show->guest, 1U);
    EXPECT_FALSE(management_.take_show());
    EXPECT_EQ(management_.run("console all"), Management::Then::leave);
    show = management_.take_show();
    ASSERT_TRUE(show);
    EXPECT_EQ(show->guest, std::nullopt);
    EXPECT_EQ(management_.run("console x"), Management::Then::stay);
    EXPECT_FALSE(management_.take_show());
}

TEST_F(ManagementTest, the_prompt_is_left_or_the_machine_powered_off)
{
    EXPECT_EQ(management_.run("continue"), Management::Then::leave);
    EXPECT_EQ(management_.run("quit"), Management::Then::power_off);
}

TEST_F(ManagementTest, help_lists_every_command_once)
{
    management_.run("help");
    const std::string text = journal_.take();
    for (const char* const word : {"console", "continue", "help", "list", "pause", "powerdown", "quit", "restart",
                                   "resume", "start", "statistics", "stop"})
        EXPECT_NE(text.find(std::string("  ") + word + " "), std::string::npos) << word;
}

TEST_F(ManagementTest, there_is_room_for_as_many_guests_as_an_image_holds)
{
    FakeMachine more("more");
    for (unsigned i = 2; i < ConsoleMux::max_guests; ++i) ASSERT_TRUE(management_.add(more));
    EXPECT_FALSE(management_.add(more));
}

} // namespace
} // namespace gimbal::bare
