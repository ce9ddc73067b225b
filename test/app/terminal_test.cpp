// SPDX-License-Identifier: Apache-2.0
// What happens to the terminal that the command runs on.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <utility>

#include "test/app/command_fixture.hpp"

namespace gimbal::test {
namespace {

TEST_F(Terminal, ctrl_a_x_quits_and_restores)
{
    start(file("loop", program(guests::loop)));
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
    ASSERT_EQ(::write(master_, "B", 1), 1);
    EXPECT_EQ(read_until("B"), "B"); // it is gone for good
    ASSERT_EQ(::write(master_, "\x01x", 2), 2);
    EXPECT_EQ(wait_for_child(), 0);
}

TEST_F(Terminal, the_status_line_does_not_outlive_the_command)
{
    start(file("loop", program(guests::loop)));
    wait_until_raw();
    read_until(" s, no output yet");
    ASSERT_EQ(::write(master_, "\x01x", 2), 2);
    EXPECT_EQ(wait_for_child(), 0);
    ::close(std::exchange(slave_, -1)); // so that the end of what it wrote is an end
    char buffer[256];
    for (ssize_t count; (count = ::read(master_, buffer, sizeof(buffer))) > 0;)
        shown_.append(buffer, static_cast<usize>(count));
    EXPECT_THAT(shown_, testing::EndsWith("\r\x1b[K"));
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
    for (const int number : {SIGINT, SIGHUP}) {
        start(file("loop", program(guests::loop)));
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
    start(file("loop", program(guests::loop)));
    wait_until_raw();
    ::kill(child_, SIGSEGV);
    const int status = wait_for_child();
    EXPECT_TRUE(WIFSIGNALED(status));
    EXPECT_EQ(WTERMSIG(status), SIGSEGV);
    expect_restored();
}

} // namespace
} // namespace gimbal::test
