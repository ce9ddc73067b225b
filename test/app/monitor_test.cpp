// SPDX-License-Identifier: Apache-2.0
#include "app/run/monitor.hpp"

#include "test/app/command_fixture.hpp"

namespace gimbal::test {
namespace {

using testing::Return;

class Target : public MonitorTarget {
public:
    MOCK_METHOD(std::string, monitor_pause, (), (override));
    MOCK_METHOD(std::string, monitor_resume, (), (override));
    MOCK_METHOD(std::string, monitor_power_down, (), (override));
    MOCK_METHOD(std::string, monitor_reset, (), (override));
    MOCK_METHOD(std::string, monitor_stop, (), (override));
    MOCK_METHOD(std::string, monitor_info, (), (override));
    MOCK_METHOD(std::string, monitor_closed, (), (override));
};

TEST(MonitorCommand, each_does_its_own)
{
    testing::StrictMock<Target> target;
    bool closes = false;
    EXPECT_CALL(target, monitor_pause()).WillOnce(Return("paused\n"));
    EXPECT_EQ(run_monitor_command("pause", target, closes), "paused\n");
    EXPECT_FALSE(closes);
    EXPECT_CALL(target, monitor_resume()).WillOnce(Return("resumed\n"));
    EXPECT_EQ(run_monitor_command("  resume ", target, closes), "resumed\n");
    EXPECT_FALSE(closes);
    EXPECT_CALL(target, monitor_info()).WillOnce(Return("info\n"));
    EXPECT_EQ(run_monitor_command("info", target, closes), "info\n");
    EXPECT_CALL(target, monitor_power_down());
    run_monitor_command("powerdown", target, closes);
    EXPECT_TRUE(closes);
    EXPECT_CALL(target, monitor_reset());
    run_monitor_command("reset", target, closes);
    EXPECT_CALL(target, monitor_stop());
    run_monitor_command("stop", target, closes);
}

TEST(MonitorCommand, words_of_its_own)
{
    testing::StrictMock<Target> target;
    bool closes = false;
    EXPECT_EQ(run_monitor_command("", target, closes), "");
    EXPECT_TRUE(closes);
    EXPECT_EQ(run_monitor_command("continue", target, closes), "");
    EXPECT_TRUE(closes);
    const std::string help = run_monitor_command("help", target, closes);
    EXPECT_FALSE(closes);
    for (const char* word : {"continue", "help", "info", "pause", "powerdown", "reset", "resume", "stop"})
        EXPECT_THAT(help, HasSubstr(std::string("  ") + word + " "));
    EXPECT_EQ(run_monitor_command("pausee", target, closes), "unknown command 'pausee'; did you mean 'pause'?\n");
    EXPECT_EQ(run_monitor_command("xyzzy", target, closes), "unknown command 'xyzzy'; 'help' lists them\n");
}

TEST_F(Terminal, the_monitor_pauses_resumes_and_informs)
{
    start(file("guest", program(guests::loop)), {"--cpus", "2"});
    wait_until_raw();
    type("\x01"
         "c");
    read_until("(gimbal) ");
    type("info\r");
    std::string text = read_until("vcpu 1");
    EXPECT_THAT(text, HasSubstr("state      running"));
    EXPECT_THAT(text, HasSubstr("engine     translator ("));
    EXPECT_THAT(text, HasSubstr("memory     16 MiB"));
    EXPECT_THAT(text, HasSubstr("vcpu 0     running"));
    type("pause\r");
    read_until("paused\r\n");
    type("pause\r");
    read_until("the guest is paused already\r\n");
    type("info\r");
    EXPECT_THAT(read_until("vcpu 1"), HasSubstr("vcpu 0     paused"));
    type("\r");
    read_until("the guest is paused; Ctrl-A C and 'resume' let it go on\r\n");
    type("\x01"
         "cresume\r");
    read_until("resumed\r\n");
    type("resume\r");
    read_until("the guest is not paused\r\n");
    type("stop\r");
    EXPECT_EQ(WEXITSTATUS(wait_for_child()), 0);
    expect_restored();
}

TEST_F(Terminal, the_monitor_edits_its_line)
{
    start(file("guest", program(guests::loop)));
    wait_until_raw();
    type("\x01"
         "c");
    read_until("(gimbal) ");
    type("hexx\x7f\x7flo\x15nonsense helpx\x17\x17helq\x7fp\x1b[D\x1b[15~\r");
    EXPECT_THAT(read_until("resume "), HasSubstr("(gimbal) help\r\n  continue"));
    type("nosuch\r");
    read_until("unknown command 'nosuch'; 'help' lists them\r\n");
    type("\x1b[A\x7f\r"); // the last line again, less one letter
    read_until("unknown command 'nosuc'");
    type("\x04");
    type("\x01x");
    EXPECT_EQ(WEXITSTATUS(wait_for_child()), 0);
}

TEST_F(Terminal, the_monitor_presses_the_power_key)
{
    start(file("guest", program(guests::power_key)));
    wait_until_raw();
    type("\x01"
         "cpause\r");
    read_until("paused\r\n");
    type("powerdown\r"); // which returns to the guest's console
    read_until("the power key will be pressed once the guest is resumed\r\n");
    type("\x01"
         "cresume\r");
    EXPECT_EQ(WEXITSTATUS(wait_for_child()), 0);
}

TEST_F(Terminal, the_monitor_resets)
{
    start(file("guest", program(guests::loop)), {"--no-reboot"});
    wait_until_raw();
    type("\x01"
         "creset\r");
    EXPECT_EQ(WEXITSTATUS(wait_for_child()), 3);
}

/// Lines as a terminal ends up showing them: what stands behind the last erasure.
std::vector<std::string> shown_lines(const std::string& bytes)
{
    std::vector<std::string> lines;
    usize from = 0;
    for (usize end = bytes.find('\n'); end != std::string::npos; end = bytes.find('\n', from)) {
        std::string line = bytes.substr(from, end - from);
        from = end + 1;
        std::erase(line, '\r');
        if (const usize erased = line.rfind("\x1b[K"); erased != std::string::npos) line.erase(0, erased + 3);
        lines.push_back(line);
    }
    return lines;
}

TEST_F(Terminal, the_guest_and_the_monitor_never_share_a_line)
{
    start(file("guest", program(guests::prints)));
    read_until("a line of the guest\r\n");
    type("\x01"
         "c");
    std::string bytes = read_until("(gimbal) ");
    for (unsigned i = 0; i < 5; ++i) {
        type("hel");
        bytes += read_until("a line of the guest\r\n");
        type("p\r");
        bytes += read_until("end the VM at once, with status 0\r\n");
    }
    type("stop\r");
    bytes += read_until("(gimbal) stop\r\n");
    // The monitor may open in the middle of a line; its second half is then a line of its own.
    constexpr std::string_view whole = "a line of the guest";
    std::string fragments;
    for (const std::string& line : shown_lines(bytes)) {
        if (line == whole || line.starts_with("  ") || line.starts_with("(gimbal) ")) continue;
        if (!line.starts_with("Gimbal's monitor:")) fragments += line;
    }
    EXPECT_TRUE(fragments.empty() || fragments == whole) << fragments;
    EXPECT_EQ(WEXITSTATUS(wait_for_child()), 0);
}

} // namespace
} // namespace gimbal::test
