// SPDX-License-Identifier: Apache-2.0
// How a VM ends: whatever its guest does, whatever the host refuses.
#include <sys/resource.h>

#include <chrono>
#include <csignal>

#include "test/app/command_fixture.hpp"

#ifdef __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define GIMBAL_CLANG_SANITIZER 1
#endif
#endif
#ifndef GIMBAL_CLANG_SANITIZER
#define GIMBAL_CLANG_SANITIZER 0
#endif

namespace gimbal::test {
namespace {

struct Hostile {
    const char* name;
    guests::Program program;
};

/// With interrupts masked, all of them.
const Hostile hostile_guests[] = {
    {"a busy loop",              guests::loop                                                                  },
    // WFI; back to it
    {"sleeps for ever",          {0xd503'207f, 0x17ff'ffff}                                                    },
    // SEVL, WFE, WFE; back
    {"waits for events",         {0xd503'20bf, 0xd503'205f, 0xd503'205f, 0x17ff'fffd}                          },
    // LDXR of its own code, WFE; back
    {"waits with a monitor",     {0xd2a8'0001, 0x885f'7c20, 0xd503'205f, 0x17ff'fffe}                          },
    // VBAR_EL1 is zeroed RAM: UDF in the vector, for ever
    {"an exception storm",       {0xd2a8'0001, 0xd518'c001, 0xd420'0000}                                       },
    // VBAR_EL1 and the branch lead to where nothing is
    {"no vectors",               {0xd518'c01f, 0xd61f'03e0}                                                    },
    // PSCI_VERSION by HVC, then an unknown SMC; back
    {"a storm of calls",         {0x52b0'8000, 0xd400'0002, 0xd400'0003, 0x17ff'fffd}                          },
    // TLBI VMALLE1IS, DSB, IC IALLU, DSB, ISB; back
    {"a storm of invalidations", {0xd508'831f, 0xd503'3f9f, 0xd508'751f, 0xd503'3f9f, 0xd503'3fdf, 0x17ff'fffb}},
    // reads GICD_CTLR and writes a GICD register; back
    {"a storm of accesses",      {0xd2a1'0001, 0xb940'0022, 0xb901'0022, 0x17ff'fffe}                          },
    // rewrites the NOP that it runs, with DC CVAU, IC IVAU, DSB, ISB; back
    {"code that changes",
     {0x1000'0041, 0x1800'0020, 0xd503'201f, 0xb900'0020, 0xd50b'7b21, 0xd50b'7521, 0xd503'3f9f, 0xd503'3fdf,
      0x17ff'fffa}                                                                                             },
    // enables the distributor and sends itself SGIs; back
    {"an interrupt storm",       {0xd2a1'0001, 0x5280'0062, 0xb900'0022, 0xd280'0020, 0xd518'cba0, 0x17ff'fffe}},
    // the only CPU goes off: nothing will ever run again
    {"turns itself off",         {0x52b0'8000, 0x7280'0040, 0xd400'0002}                                       },
    // CPU_ON for CPUs 3, 2 and 1; CPUs 2 and 3 sleep, 0 and 1 spin
    {"every CPU is busy",
     {0xd280'0073, 0x52b8'8000, 0x7280'0060, 0xaa13'03e1, 0x1000'00a2, 0xd280'0003, 0xd400'0002, 0xf100'0673,
      0x54ff'ff21, 0xd538'00a0, 0x3708'0040, 0x1400'0000, 0xd503'207f, 0x17ff'ffff}                            },
};

/// Says how long each took; how long it may take is the test's own time limit, because the machine may be busy. The end
/// is the one in order, not a forced one.
TEST_F(Terminal, V18_a_signal_stops_whatever_the_guest_does)
{
    ::setenv("GIMBAL_EXIT_GUARD", "off", 1);
    for (const Hostile& guest : hostile_guests) {
        SCOPED_TRACE(guest.name);
        start(file("guest", program(guest.program)), {"--cpus", "4"});
        wait_until_raw();
        ::usleep(20'000); // into the storm; where exactly does not matter
        const auto before = std::chrono::steady_clock::now();
        ::kill(child_, SIGINT);
        const int status = wait_for_child();
        const auto taken = std::chrono::steady_clock::now() - before;
        EXPECT_TRUE(WIFEXITED(status));
        // A guest without vectors may have been found out before the signal came.
        const int expected =
            std::string_view(guest.name) == "no vectors" && WEXITSTATUS(status) == 4 ? 4 : 128 + SIGINT;
        EXPECT_EQ(WEXITSTATUS(status), expected);
        std::printf("%-26s %lld ms\n", guest.name,
                    static_cast<long long>(std::chrono::duration_cast<std::chrono::milliseconds>(taken).count()));
        ::close(master_);
        ::close(slave_);
    }
    start(file("guest", program(guests::power_off)));
    EXPECT_EQ(WEXITSTATUS(wait_for_child()), 0);
    ::unsetenv("GIMBAL_EXIT_GUARD");
}

TEST_F(Terminal, sigterm_presses_the_power_key)
{
    start(file("guest", program(guests::power_key)));
    wait_until_raw();
    ::kill(child_, SIGTERM);
    EXPECT_EQ(WEXITSTATUS(wait_for_child()), 0);
    expect_restored();
}

TEST_F(Terminal, a_second_sigterm_stops)
{
    start(file("guest", program(guests::loop)));
    wait_until_raw();
    ::kill(child_, SIGTERM);
    read_until("SIGTERM: pressed the guest's power key; another SIGTERM stops the VM");
    ::kill(child_, SIGTERM);
    EXPECT_EQ(WEXITSTATUS(wait_for_child()), 128 + SIGTERM);
    expect_restored();
}

TEST_F(Terminal, a_stopped_process_goes_on)
{
    start(file("guest", program(guests::prints)));
    read_until("a line of the guest");
    ::kill(child_, SIGSTOP);
    int status = 0;
    ASSERT_EQ(::waitpid(child_, &status, WUNTRACED), child_);
    ASSERT_TRUE(WIFSTOPPED(status));
    ::usleep(300'000);
    ::kill(child_, SIGCONT);
    // More than anyone can have buffered.
    for (unsigned i = 0; i < 4000 && !HasFailure(); ++i) read_until("a line of the guest\r\n");
    type("\x01x");
    EXPECT_EQ(WEXITSTATUS(wait_for_child()), 0);
}

TEST_F(Command, few_descriptors_are_enough_or_refused)
{
    const std::string kernel = file("guest", program(guests::power_off));
    const auto with_limit = [&](rlim_t descriptors) {
        const pid_t child = ::fork();
        if (child == 0) {
            static_cast<void>(!std::freopen((folder_ + "stderr").c_str(), "w", stderr));
            static_cast<void>(!std::freopen("/dev/null", "w", stdout));
            ::close(0);
            // What a test runner leaves open would use the few up: a sanitizer's runtime then spins before main.
            ::close_range(3, ~0U, 0);
            const rlimit limit{descriptors, descriptors};
            ::setrlimit(RLIMIT_NOFILE, &limit);
            ::execl(command, command, "run", "--memory", "16M", "--cpus", "2", "--kernel", kernel.c_str(), nullptr);
            ::_exit(127);
        }
        int status = 0;
        ::waitpid(child, &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    };
    EXPECT_EQ(with_limit(20), 0);
    unsigned refused = 0;
    for (rlim_t limit = 4; limit < 8; ++limit) { // below that no program starts
        const int status = with_limit(limit);
        if (status == 0) continue;
        ++refused;
        std::ifstream stream(folder_ + "stderr");
        const std::string error{std::istreambuf_iterator<char>(stream), {}};
        EXPECT_EQ(status, 2) << limit << ": " << error;
        EXPECT_THAT(error, HasSubstr("Too many open files")) << limit;
        EXPECT_EQ(std::ranges::count(error, '\n'), 1) << error;
    }
    EXPECT_GT(refused, 0U);
}

// A sanitizer needs address space and threads of its own, so these limits would hit it instead.
#if !GIMBAL_CLANG_SANITIZER
TEST_F(Command, memory_that_the_system_refuses)
{
    const std::string line = std::string("ulimit -v 2000000; exec ") + command + " run --memory 8G --kernel " +
                             file("guest", program(guests::power_off)) + " </dev/null 2>" + folder_ + "stderr";
    EXPECT_EQ(WEXITSTATUS(std::system(line.c_str())), 2);
    std::string error;
    std::getline(std::ifstream(folder_ + "stderr"), error);
    EXPECT_THAT(error, HasSubstr("8 GiB of guest memory cannot be had: Cannot allocate memory"));
}

/// As a user who may have no second thread. Root may always have one.
TEST_F(Command, threads_that_the_system_refuses)
{
    constexpr uid_t nobody = 65534;
    const std::string kernel = file("guest", program(guests::power_off));
    const std::string errors = folder_ + "stderr";
    std::filesystem::permissions(folder_, std::filesystem::perms::all);
    // The command itself may lie where that user cannot go.
    std::filesystem::copy_file(command, folder_ + "gimbal");
    const pid_t child = ::fork();
    if (child == 0) {
        const rlimit one{1, 1};
        ::setrlimit(RLIMIT_NPROC, &one);
        if (::geteuid() == 0 && ::setuid(nobody) != 0) ::_exit(126);
        static_cast<void>(!std::freopen(errors.c_str(), "w", stderr));
        ::execl((folder_ + "gimbal").c_str(), command, "run", "--serial", "null", "--memory", "16M", "--cpus", "3",
                "--kernel", kernel.c_str(), nullptr);
        ::_exit(127);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 2);
    std::ifstream stream(errors);
    const std::string error{std::istreambuf_iterator<char>(stream), {}};
    EXPECT_THAT(error, testing::StartsWith("gimbal: "));
    EXPECT_THAT(error, testing::EndsWith("Resource temporarily unavailable\n"));
    EXPECT_EQ(std::ranges::count(error, '\n'), 1) << error;
}

#endif

TEST_F(Command, a_reader_that_goes_does_not_stop_the_guest)
{
    // Prints its line once for each of ten thousand and more, then powers off: here the time limit ends it.
    const std::string line = std::string("(") + command + " run --memory 16M --timeout 1 --kernel " +
                             file("guest", program(guests::prints)) + " 2>" + folder_ + "stderr; echo $? >" + folder_ +
                             "status) | head -c 100 >/dev/null";
    static_cast<void>(!std::system(line.c_str()));
    std::string status;
    std::getline(std::ifstream(folder_ + "status"), status);
    EXPECT_EQ(status, "5");
}

/// Standard output and error are one pipe, as behind `2>&1 | less`, and the guest has filled it.
TEST_F(Command, V18_a_reader_that_does_not_read_does_not_keep_it)
{
    const std::string kernel = file("guest", program(guests::prints));
    int pipe[2];
    ASSERT_EQ(::pipe(pipe), 0);
    const pid_t child = ::fork();
    if (child == 0) {
        ::dup2(pipe[1], 1);
        ::dup2(pipe[1], 2);
        ::close(pipe[0]);
        ::close(pipe[1]);
        ::execl(command, command, "run", "--memory", "16M", "--kernel", kernel.c_str(), nullptr);
        ::_exit(127);
    }
    pollfd writable{pipe[1], POLLOUT, 0};
    while (::poll(&writable, 1, 0) == 1) ::usleep(1000);
    ::kill(child, SIGINT);
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 128 + SIGINT);
    ::close(pipe[0]);
    ::close(pipe[1]);
}

} // namespace
} // namespace gimbal::test
