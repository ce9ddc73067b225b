// SPDX-License-Identifier: Apache-2.0
// The command as a user meets it: what bad input gets, and what happens to the terminal.
#include <netinet/in.h>
#include <pty.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/app/loader/images.hpp"

namespace gimbal {
namespace {

using namespace test;
using testing::HasSubstr;

constexpr const char* command = GIMBAL_COMMAND;

struct Outcome {
    int status;
    std::string error;
};

/// An arm64 ELF of these instructions at the bottom of RAM.
Bytes program(const std::vector<u32>& instructions)
{
    constexpr u64 base = 0x4000'0000;
    const u64 size = instructions.size() * 4;
    Bytes file = elf(
        {
            {.virtual_address = base, .physical_address = base, .file_size = size, .memory_size = size}
    },
        base);
    for (usize i = 0; i < instructions.size(); ++i) put(file, 0x1000 + 4 * i, instructions[i]);
    return file;
}

constexpr u32 movz_w0_8400_lsl_16 = 0x52b0'8000;
constexpr u32 movk_w0_8 = 0x7280'0100; // PSCI SYSTEM_OFF
constexpr u32 movk_w0_9 = 0x7280'0120; // PSCI SYSTEM_RESET
constexpr u32 hvc = 0xd400'0002;
constexpr u32 branch_to_self = 0x1400'0000;

class Command : public testing::Test {
protected:
    void SetUp() override
    {
        std::string name = testing::TempDir() + "gimbal_command_XXXXXX";
        folder_ = std::string(::mkdtemp(name.data())) + "/";
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    std::string file(const std::string& name, const Bytes& content) const
    {
        std::ofstream(folder_ + name, std::ios::binary)
            .write(reinterpret_cast<const char*>(content.data()), static_cast<std::streamsize>(content.size()));
        return folder_ + name;
    }
    Outcome run(const std::string& arguments) const
    {
        const std::string line =
            std::string(command) + " " + arguments + " </dev/null >/dev/null 2>" + folder_ + "stderr";
        const int status = std::system(line.c_str());
        std::ifstream stream(folder_ + "stderr");
        return {
            WEXITSTATUS(status), {std::istreambuf_iterator<char>(stream), {}}
        };
    }
    void expect_refused(const std::string& arguments, const std::string& message) const
    {
        const Outcome outcome = run(arguments + " --timeout 10");
        EXPECT_EQ(outcome.status, 2) << arguments;
        EXPECT_THAT(outcome.error, testing::StartsWith("gimbal: ")) << arguments;
        EXPECT_THAT(outcome.error, HasSubstr(message)) << arguments;
        EXPECT_EQ(std::ranges::count(outcome.error, '\n'), 1) << outcome.error;
    }
    std::string folder_;
};

TEST_F(Command, bad_kernels)
{
    ::mkfifo((folder_ + "fifo").c_str(), 0600);
    Bytes image = arm64_image();
    add_pe(image);
    image.resize(image.size() - 100);
    const Bytes script{'#', '!', '/', 'b', 'i', 'n', '/', 's', 'h', '\n'};
    expect_refused("run --kernel " + folder_ + "missing", "No such file");
    expect_refused("run --kernel " + folder_, "it is a directory");
    expect_refused("run --kernel " + folder_ + "fifo", "it is a FIFO");
    expect_refused("run --kernel " + file("empty", {}), "it is an empty file");
    expect_refused("run --kernel " + file("script", script), "it is a script; expected an arm64");
    expect_refused("run --kernel " + file("cut", image), "it is truncated");
    expect_refused("run --kernel " + file("loong", loongarch_image()), "it is for loongarch64");
    expect_refused("run --memory 1M --kernel " + file("large", arm64_image({.image_size = 32 << 20})),
                   "does not fit into guest RAM");
    expect_refused("run --memory 1M --kernel " + file("larger", Bytes(2 << 20)), "give the guest more --memory");
}

TEST_F(Command, bad_initrds_and_places)
{
    const std::string kernel = "run --kernel " + file("Image", arm64_image());
    expect_refused(kernel + " --initrd " + folder_ + "missing", "initrd");
    expect_refused(kernel + " --initrd " + file("empty", {}), "it is an empty file");
    expect_refused(kernel + " --memory 4M --initrd " + file("big", Bytes(4 << 20)), "the initrd");
    expect_refused(kernel + " --serial file:/nowhere/log", "serial port");
    expect_refused(kernel + " --stats /nowhere/stats", "statistics");
    expect_refused(kernel + " --log info,/nowhere/log", "log");
    expect_refused(kernel + " --memory 255G", "cannot be had");
    expect_refused(kernel + " --config " + folder_ + "missing.toml", "configuration");
}

TEST_F(Command, ends_with_the_status_of_the_guests_end)
{
    const std::string off = file("off", program({movz_w0_8400_lsl_16, movk_w0_8, hvc, branch_to_self}));
    const std::string reset = file("reset", program({movz_w0_8400_lsl_16, movk_w0_9, hvc, branch_to_self}));
    const std::string loop = file("loop", program({branch_to_self}));
    EXPECT_EQ(run("run --memory 16M --kernel " + off).status, 0);
    EXPECT_EQ(run("run --memory 16M --no-reboot --kernel " + reset).status, 3);
    const Outcome timeout = run("run --memory 16M --timeout 0.2 --kernel " + loop);
    EXPECT_EQ(timeout.status, 5);
    EXPECT_THAT(timeout.error, HasSubstr("stopped after 0.2 s (--timeout)"));
    // Resets until then; sooner or later the time limit comes just when the guest resets.
    for (unsigned i = 0; i < 20; ++i) EXPECT_EQ(run("run --memory 16M --timeout 0.05 --kernel " + reset).status, 5);
}

TEST_F(Command, a_reset_refuses_a_kernel_that_was_changed_meanwhile)
{
    const std::string kernel = file("reset", program({movz_w0_8400_lsl_16, movk_w0_9, hvc, branch_to_self}));
    std::atomic<bool> ended{false};
    // Behind the ELF's end, so that it stays a good one whenever it is read; again and again, so that some change comes
    // after the start.
    std::thread changes([&] {
        while (!ended) std::ofstream(kernel, std::ios::app | std::ios::binary) << '.' << std::flush;
    });
    const Outcome outcome = run("run --memory 16M --timeout 100 --kernel " + kernel);
    ended = true;
    changes.join();
    EXPECT_EQ(outcome.status, 2);
    EXPECT_THAT(outcome.error, HasSubstr("kernel '" + kernel + "': it was changed while it was in use"));
}

TEST_F(Command, a_forwarded_port_that_is_taken_is_named)
{
    const int taken = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    ASSERT_EQ(::bind(taken, reinterpret_cast<const sockaddr*>(&address), size), 0);
    ASSERT_EQ(::listen(taken, 1), 0);
    ASSERT_EQ(::getsockname(taken, reinterpret_cast<sockaddr*>(&address), &size), 0);
    const std::string port = std::to_string(ntohs(address.sin_port));
    const std::string kernel = file("spin", program({branch_to_self}));
    const Outcome outcome = run("run --kernel " + kernel + " --net user,hostfwd=tcp:" + port + ":80");
    EXPECT_EQ(outcome.status, 2);
    EXPECT_EQ(outcome.error, "gimbal: network 0: tcp port " + port +
                                 " of 127.0.0.1 cannot be forwarded: Address already in use; another program has it, "
                                 "choose another port\n");
    ::close(taken);
}

TEST_F(Command, says_what_it_could_not_print)
{
    EXPECT_EQ(std::system((std::string(command) + " --help >/dev/full 2>" + folder_ + "stderr").c_str()) >> 8, 1);
    std::string text;
    std::getline(std::ifstream(folder_ + "stderr"), text);
    EXPECT_EQ(text, "gimbal: standard output: No space left on device");
}

TEST_F(Command, a_file_that_may_not_grow_loses_output_and_nothing_else)
{
    // To the PL011 at 0x9000000, for ever.
    constexpr u32 movz_w1_900_lsl_16 = 0x52a1'2001;
    constexpr u32 strb_w0_x1 = 0x3900'0020;
    constexpr u32 branch_back = 0x17ff'ffff;
    const std::string flood = file("flood", program({movz_w1_900_lsl_16, strb_w0_x1, branch_back}));
    const std::string line = "ulimit -f 1; " + std::string(command) + " run --memory 16M --timeout 1 --kernel " +
                             flood + " --serial file:" + folder_ + "log 2>" + folder_ + "stderr";
    EXPECT_EQ(std::system(line.c_str()) >> 8, 5);
    std::string text;
    std::getline(std::ifstream(folder_ + "stderr"), text);
    EXPECT_THAT(text, HasSubstr("console output is lost from here on: File too large"));
}

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
} // namespace gimbal
