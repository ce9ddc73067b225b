// SPDX-License-Identifier: Apache-2.0
// What happens to the terminal that the command runs on.
#include <pty.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>

#include <csignal>
#include <string>
#include <utility>

#include "test/app/command_fixture.hpp"

namespace gimbal::test {
namespace {

/// The command on a terminal of its own; the test holds both ends.
class Terminal : public Command {
protected:
    void start(const std::string& kernel)
    {
        int slave = -1;
        ASSERT_EQ(::openpty(&master_, &slave, nullptr, nullptr, nullptr), 0);
        slave_ = slave;
        ASSERT_EQ(::tcgetattr(slave_, &before_), 0);
        child_ = ::fork();
        if (child_ == 0) {
            ::login_tty(slave);
            ::execl(command, command, "run", "--memory", "16M", "--kernel", kernel.c_str(), nullptr);
            ::_exit(127);
        }
    }
    termios settings() const
    {
        termios now{};
        ::tcgetattr(slave_, &now);
        return now;
    }
    void wait_until_raw() const
    {
        while ((settings().c_lflag & ICANON) != 0) ::usleep(1000);
    }
    /// Everything that has come from the command, up to `text`; without it the test never ends.
    void read_until(const std::string& text)
    {
        while (seen_.find(text) == std::string::npos) {
            char buffer[256];
            const ssize_t count = ::read(master_, buffer, sizeof(buffer));
            ASSERT_GT(count, 0) << seen_;
            seen_.append(buffer, static_cast<usize>(count));
        }
    }
    int wait_for_child() const
    {
        int status = 0;
        ::waitpid(child_, &status, 0);
        return status;
    }
    void expect_restored() const { EXPECT_EQ(settings().c_lflag, before_.c_lflag); }
    void TearDown() override
    {
        ::close(master_);
        ::close(slave_);
        Command::TearDown();
    }
    int master_{-1};
    int slave_{-1};
    pid_t child_{};
    termios before_{};
    std::string seen_;
};

TEST_F(Terminal, ctrl_a_x_quits_and_restores)
{
    start(file("loop", program({branch_to_self})));
    wait_until_raw();
    ASSERT_EQ(::write(master_, "\x01x", 2), 2);
    const int status = wait_for_child();
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0);
    expect_restored();
}

/// Sends what it receives on the PL011 back.
Bytes echo()
{
    return program({
        0x52a1'2001, // movz w1, #0x900, lsl #16
        0x5280'6022, // movz w2, #0x301: on, with transmitter and receiver
        0xb900'3022, // str w2, [x1, #0x30]: UARTCR
        0xb940'1823, // ldr w3, [x1, #0x18]: UARTFR
        0x3727'ffe3, // tbnz w3, #4, back: RXFE
        0xb940'0020, // ldr w0, [x1]
        0xb900'0020, // str w0, [x1]
        0x17ff'fffc, // b back
    });
}

TEST_F(Terminal, a_silent_guest_has_a_status_line_until_it_speaks)
{
    const std::string erase = "\r\x1b[K";
    start(file("echo", echo()));
    wait_until_raw();
    read_until("gimbal: booting, ");
    read_until(" s, no output yet");
    ASSERT_EQ(::write(master_, "A", 1), 1);
    read_until(erase + "A");
    const usize spoken = seen_.size();
    ASSERT_EQ(::write(master_, "B", 1), 1);
    read_until("AB"); // it is gone for good
    EXPECT_EQ(seen_.find("booting", spoken), std::string::npos);
    ASSERT_EQ(::write(master_, "\x01x", 2), 2);
    EXPECT_EQ(wait_for_child(), 0);
}

TEST_F(Terminal, the_status_line_does_not_outlive_the_command)
{
    start(file("loop", program({branch_to_self})));
    wait_until_raw();
    read_until(" s, no output yet");
    ASSERT_EQ(::write(master_, "\x01x", 2), 2);
    EXPECT_EQ(wait_for_child(), 0);
    ::close(std::exchange(slave_, -1)); // so that the end of what it wrote is an end
    char buffer[256];
    for (ssize_t count; (count = ::read(master_, buffer, sizeof(buffer))) > 0;)
        seen_.append(buffer, static_cast<usize>(count));
    EXPECT_THAT(seen_, testing::EndsWith("\r\x1b[K"));
}

TEST_F(Terminal, a_stopped_job_gives_the_terminal_back_and_takes_it_again)
{
    start(file("echo", echo()));
    wait_until_raw();
    for (unsigned i = 0; i < 3; ++i) {
        ::kill(child_, SIGTSTP);
        int status = 0;
        ASSERT_EQ(::waitpid(child_, &status, WUNTRACED), child_);
        ASSERT_TRUE(WIFSTOPPED(status));
        expect_restored();
        ::kill(child_, SIGCONT);
        wait_until_raw();
    }
    ASSERT_EQ(::write(master_, "A", 1), 1);
    read_until("A"); // and the guest has gone on
    ASSERT_EQ(::write(master_, "\x01x", 2), 2);
    EXPECT_EQ(wait_for_child(), 0);
    expect_restored();
}

TEST_F(Terminal, signals_restore)
{
    for (const int number : {SIGTERM, SIGINT, SIGHUP}) {
        start(file("loop", program({branch_to_self})));
        wait_until_raw();
        ::kill(child_, number);
        const int status = wait_for_child();
        EXPECT_TRUE(WIFEXITED(status));
        EXPECT_EQ(WEXITSTATUS(status), 128 + number);
        expect_restored();
    }
}

TEST_F(Terminal, a_fatal_signal_restores)
{
    start(file("loop", program({branch_to_self})));
    wait_until_raw();
    ::kill(child_, SIGSEGV);
    const int status = wait_for_child();
    EXPECT_TRUE(WIFSIGNALED(status));
    EXPECT_EQ(WTERMSIG(status), SIGSEGV);
    expect_restored();
}

} // namespace
} // namespace gimbal::test
