// SPDX-License-Identifier: Apache-2.0
#include "host/user_net.hpp"

#include <sys/resource.h>

#include <filesystem>

#include "test/host/net_peers.hpp"

namespace gimbal::host {
namespace {

constexpr u32 guest_address = addresses::guest;
constexpr u32 gateway = addresses::gateway;

/// Lowers the limit of descriptors for as long as it lives.
struct DescriptorLimit {
    explicit DescriptorLimit(rlim_t limit)
    {
        ::getrlimit(RLIMIT_NOFILE, &saved);
        const rlimit lowered{limit, saved.rlim_max};
        EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &lowered), 0);
    }
    ~DescriptorLimit() { ::setrlimit(RLIMIT_NOFILE, &saved); }
    rlimit saved{};
};

usize entries(const char* folder)
{
    usize count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder)) ++count;
    return count;
}

TEST(UserNet, AFloodOfNewConnectionsIsBounded)
{
    const HostSocket server(SOCK_STREAM);
    const auto net = [] {
        const DescriptorLimit limit(256); // a quarter is the network's
        return open_net();
    }();
    NetGuest guest(*net);
    guest.start();
    guest.announce();
    for (u32 i = 0; i < 2000; ++i) {
        guest.send(tcp({.from = static_cast<u16>(10'000 + i), .to = server.port, .sequence = i, .flags = syn}));
        guest.send(udp(guest_address, static_cast<u16>(10'000 + i), gateway, server.port, text("x")));
        guest.send(ipv4(guest_address, 0x7F00'0001, icmp, {8, 0, 0xF7, 0xFD, 0, 1, 0, 1}));
    }
    guest.settle();
    pause(*net);
    EXPECT_LE(net->open_sockets(), 64U);
    EXPECT_GE(net->open_sockets(), 32U);
    EXPECT_GT(net->counters().from_guest_dropped.load(), 3000U);
    net->resume();
    guest.send(dhcp(1)); // it still works
    EXPECT_TRUE(
        guest.wait_for([](const Bytes& frame) { return is_ipv4(frame, udp_protocol) && get16(frame, 36) == 68; }));
}

TEST(UserNet, WithoutDescriptorsTheGuestIsRefusedAndTheNetworkGoesOn)
{
    const HostSocket server(SOCK_STREAM);
    const u16 port = free_port();
    Online online({
        {.host_port = port, .guest_port = 80}
    });
    auto& [net, guest] = online;
    guest.settle();
    Fd waiting;
    {
        const usize used = entries("/proc/self/fd");
        waiting = connect_to(port); // cannot be accepted if it comes too late; both are well
        const DescriptorLimit limit(used - 1);
        guest.send(tcp({.from = 6000, .to = server.port, .sequence = 1, .flags = syn}));
        guest.send(udp(guest_address, 6000, gateway, server.port, text("x")));
        EXPECT_TRUE(guest.wait_for([](const Bytes& frame) {
            return is_ipv4(frame, icmp) || (is_ipv4(frame, tcp_protocol) && (parse_tcp(frame).flags & rst) != 0);
        }));
    }
    EXPECT_TRUE(Connection::open(guest, 6001, server.port));
}

TEST(UserNet, AThreadThatCannotGoOnSaysSo)
{
    Online online;
    auto& [net, guest] = online;
    guest.settle();
    {
        const DescriptorLimit limit(0); // poll itself fails
        guest.announce();
        EXPECT_TRUE(guest.wait_for_failure());
    }
    pause(*net); // an ended thread is parked
    net->stop();
}

TEST(UserNet, ManyLivesLeaveNothingBehind)
{
    const HostSocket server(SOCK_STREAM);
    const auto life = [&] {
        Online online({
            {.host_port = free_port(), .guest_port = 80}
        });
        auto& [net, guest] = online;
        guest.send(tcp({.from = 6000, .to = server.port, .sequence = 1, .flags = syn}));
        EXPECT_TRUE(guest.wait_for_tcp(6000, syn | ack));
        const Fd accepted(::accept(server.fd.get(), nullptr, nullptr));
        pause(*net);
        net->resume();
    };
    life();
    const usize fds = entries("/proc/self/fd");
    const usize threads = entries("/proc/self/task");
    for (int i = 0; i < 100; ++i) life();
    EXPECT_EQ(entries("/proc/self/fd"), fds);
    EXPECT_EQ(entries("/proc/self/task"), threads);
}

} // namespace
} // namespace gimbal::host
