// SPDX-License-Identifier: Apache-2.0
// The command as a user meets it: what bad input gets, and how it ends.
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>

#include "test/app/command_fixture.hpp"

namespace gimbal::test {
namespace {

/// Sets the PL031's alarm, waits in WFI for its INTID, 34, then powers off.
Bytes alarm_program()
{
    return program({
        0x52a1'0001,                           // movz w1, #0x800, lsl #16: the distributor
        0x5280'0262,                           // mov w2, #0x13
        0xb900'0022,                           // str w2, [x1]: GICD_CTLR, group 1 on
        0x1280'0002,                           // mov w2, #-1
        0xb900'8422,                           // str w2, [x1, #0x84]: GICD_IGROUPR1
        0x5280'0082,                           // mov w2, #4
        0xb901'0422,                           // str w2, [x1, #0x104]: GICD_ISENABLER1
        0x52a1'0143,                           // movz w3, #0x80a, lsl #16
        0xb900'147f,                           // str wzr, [x3, #0x14]: GICR_WAKER
        0xd280'1fe2,                           // mov x2, #0xff
        0xd518'4602,                           // msr ICC_PMR_EL1, x2
        0xd280'0022,                           // mov x2, #1
        0xd518'cce2,                           // msr ICC_IGRPEN1_EL1, x2
        0xd503'3fdf,                           // isb
        0x52a1'2024,                           // movz w4, #0x901, lsl #16: the PL031
        0xb900'1082,                           // str w2, [x4, #0x10]: RTCIMSC
        0xb940'0085,                           // ldr w5, [x4]: RTCDR
        0x1100'08a5,                           // add w5, w5, #2
        0xb900'0485,                           // str w5, [x4, #4]: RTCMR
        0xd503'207f,                           // wfi
        0xd538'cc06,                           // mrs x6, ICC_IAR1_EL1
        0x7100'88df,                           // cmp w6, #34
        0x54ff'ffa1,                           // b.ne to the wfi
        0xb940'1887,                           // ldr w7, [x4, #0x18]: RTCMIS
        0x34ff'ff67,                           // cbz w7, to the wfi
        0x52b0'8000, 0x7280'0100, 0xd400'0002, // PSCI SYSTEM_OFF by HVC
    });
}

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
    const std::string off = file("off", program(guests::power_off));
    const std::string reset = file("reset", program(guests::reset));
    const std::string loop = file("loop", program(guests::loop));
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
    const std::string kernel = file("reset", program(guests::reset));
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
    const std::string kernel = file("spin", program(guests::loop));
    const Outcome outcome = run("run --kernel " + kernel + " --net user,hostfwd=tcp:" + port + ":80");
    EXPECT_EQ(outcome.status, 2);
    EXPECT_EQ(outcome.error, "gimbal: network 0: tcp port " + port +
                                 " of 127.0.0.1 cannot be forwarded: Address already in use; another program has it, "
                                 "choose another port\n");
    ::close(taken);
}

TEST_F(Command, an_alarm_of_the_clock_wakes_the_guest)
{
    const std::string kernel = file("alarm", alarm_program());
    EXPECT_EQ(run("run --memory 16M --timeout 60 --kernel " + kernel + " --stats " + folder_ + "stats").status, 0);
    std::ifstream stream(folder_ + "stats");
    const std::string stats{std::istreambuf_iterator<char>(stream), {}};
    EXPECT_THAT(stats, testing::ContainsRegex("\"idle\": [1-9]")); // it slept
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

} // namespace
} // namespace gimbal::test
