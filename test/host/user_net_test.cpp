// SPDX-License-Identifier: Apache-2.0
#include "host/user_net.hpp"

#include <string>
#include <string_view>

#include <gmock/gmock.h>

#include "test/host/net_peers.hpp"

namespace gimbal::host {
namespace {

using testing::HasSubstr;

constexpr u32 guest_address = addresses::guest;
constexpr u32 gateway = addresses::gateway;

/// A datagram from the guest's port 5000, received; where an answer to it goes.
sockaddr_in ping(NetGuest& guest, const HostSocket& server)
{
    guest.send(udp(guest_address, 5000, gateway, server.port, text("ping")));
    char bytes[16];
    sockaddr_in peer{};
    socklen_t size = sizeof(peer);
    EXPECT_EQ(::recvfrom(server.fd.get(), bytes, sizeof(bytes), 0, reinterpret_cast<sockaddr*>(&peer), &size), 4);
    return peer;
}

void send_to(const HostSocket& socket, const sockaddr_in& peer, std::string_view data)
{
    EXPECT_EQ(
        ::sendto(socket.fd.get(), data.data(), data.size(), 0, reinterpret_cast<const sockaddr*>(&peer), sizeof(peer)),
        static_cast<ssize_t>(data.size()));
}

TEST(UserNet, TheGatewayAnswersAndGivesTheGuestItsAddress)
{
    Online online;
    auto& [net, guest] = online;
    EXPECT_TRUE(guest.wait_for([](const Bytes& frame) { return get16(frame, 12) == 0x0806 && get16(frame, 20) == 2; }));
    guest.send(dhcp(1));
    const auto offer = guest.wait_for([](const Bytes& frame) { return is_ipv4(frame, udp_protocol); });
    ASSERT_TRUE(offer);
    EXPECT_EQ(get32(*offer, 42 + 16), guest_address); // yiaddr
    EXPECT_EQ(get32(*offer, 26), gateway);
}

TEST(UserNet, DatagramsReachTheHostAndComeBack)
{
    const HostSocket server(SOCK_DGRAM);
    Online online;
    auto& [net, guest] = online;
    send_to(server, ping(guest, server), "pong!");
    const auto answer = guest.wait_for([](const Bytes& frame) { return is_ipv4(frame, udp_protocol); });
    ASSERT_TRUE(answer);
    EXPECT_EQ(get16(*answer, 36), 5000);
    EXPECT_EQ(Bytes(answer->begin() + 42, answer->begin() + 47), text("pong!"));
}

TEST(UserNet, TheGuestConnectsToTheHost)
{
    const HostSocket server(SOCK_STREAM);
    Online online;
    auto& [net, guest] = online;
    auto connection = Connection::open(guest, 6000, server.port);
    ASSERT_TRUE(connection);
    const Fd accepted(::accept(server.fd.get(), nullptr, nullptr));
    connection->send(text("GET / HTTP/1.0\r\n"));
    EXPECT_EQ(receive(accepted.get(), 16), "GET / HTTP/1.0\r\n");
    const std::string page(100'000, 'x'); // larger than a segment
    std::thread writer(
        [&] { EXPECT_EQ(::send(accepted.get(), page.data(), page.size(), 0), static_cast<ssize_t>(page.size())); });
    EXPECT_EQ(connection->read(page.size()), page);
    writer.join();
}

TEST(UserNet, AForwardedPortLeadsToTheGuest)
{
    const u16 port = free_port();
    Online online({
        {.host_port = port, .guest_port = 80}
    });
    auto& [net, guest] = online;
    const Fd client = connect_to(port);
    auto call = guest.wait_for_tcp(80, syn);
    ASSERT_TRUE(call);
    EXPECT_EQ(call->target, guest_address);
    Connection connection{
        guest,
        {.from = 80,
          .target = call->source,
          .to = call->from,
          .sequence = 7,
          .acknowledgement = call->sequence + 1,
          .flags = syn | ack}
    };
    guest.send(tcp(connection.state));
    connection.state.sequence = 8;
    connection.state.flags = ack;
    ASSERT_EQ(::send(client.get(), "hello", 5, 0), 5);
    EXPECT_EQ(connection.read(5), "hello");
    connection.send(text("world"));
    EXPECT_EQ(receive(client.get(), 5), "world");
}

TEST(UserNet, AForwardedDatagramPortLeadsToTheGuest)
{
    const u16 port = HostSocket(SOCK_DGRAM).port;
    Online online({
        {.udp = true, .host_port = port, .guest_port = 53}
    });
    auto& [net, guest] = online;
    const HostSocket client(SOCK_DGRAM);
    send_to(client, loopback(port), "query");
    const auto query =
        guest.wait_for([](const Bytes& frame) { return is_ipv4(frame, udp_protocol) && get16(frame, 36) == 53; });
    ASSERT_TRUE(query);
    guest.send(udp(guest_address, 53, get32(*query, 26), get16(*query, 34), text("answer")));
    EXPECT_EQ(receive(client.fd.get(), 6).substr(0, 6), "answer");
}

TEST(UserNet, APortThatCannotBeHadIsNamedWithTheReason)
{
    const HostSocket taken(SOCK_STREAM);
    const auto refused = UserNet::open({
        {.host_port = taken.port, .guest_port = 80}
    });
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("tcp port " + std::to_string(taken.port) + " of 127.0.0.1"));
    EXPECT_THAT(refused.error().message, HasSubstr("another program has it"));
    const auto nowhere = UserNet::open({
        {.host_address = "192.0.2.1", .host_port = taken.port, .guest_port = 80}
    });
    ASSERT_FALSE(nowhere);
    EXPECT_THAT(nowhere.error().message, HasSubstr("this machine has no such address"));
    EXPECT_FALSE(UserNet::open({
        {.host_address = "localhost", .host_port = 1, .guest_port = 1}
    }));
}

TEST(UserNet, TheBacklogTowardsTheGuestIsBounded)
{
    Online online;
    auto& [net, guest] = online;
    guest.settle();
    guest.set_room(false);
    const usize sent = UserNet::max_backlog_frames + 100;
    for (usize i = 0; i < sent; ++i) guest.announce(); // each is answered
    guest.settle();
    EXPECT_EQ(net->counters().to_guest_dropped.load(), 100U);
    guest.wait_for([](const Bytes&) { return true; }); // the first, from before
    guest.set_room(true);
    for (usize i = 0; i < UserNet::max_backlog_frames; ++i)
        ASSERT_TRUE(guest.wait_for([](const Bytes&) { return true; })) << i;
}

TEST(UserNet, NothingMovesWhileItIsPaused)
{
    const HostSocket server(SOCK_DGRAM);
    Online online;
    auto& [net, guest] = online;
    const sockaddr_in peer = ping(guest, server);
    guest.settle();
    ASSERT_TRUE(guest.wait_for([](const Bytes& frame) { return get16(frame, 12) == 0x0806; }));
    pause(*net);
    send_to(server, peer, "pong");
    guest.announce();
    EXPECT_EQ(guest.waiting(), 0U);
    pause(*net); // twice is once
    net->resume();
    EXPECT_TRUE(guest.wait_for([](const Bytes& frame) { return is_ipv4(frame, udp_protocol); })); // the socket kept it
    pause(*net);
    net->stop(); // a paused network can be stopped
}

TEST(UserNet, ConnectionsOutliveAStopOfTheThread)
{
    const HostSocket server(SOCK_STREAM);
    const auto net = open_net();
    {
        NetGuest guest(*net);
        guest.start();
        guest.announce();
        ASSERT_TRUE(Connection::open(guest, 6000, server.port));
        guest.settle();
    }
    const Fd accepted(::accept(server.fd.get(), nullptr, nullptr));
    ASSERT_EQ(::send(accepted.get(), "late", 4, 0), 4);
    NetGuest guest(*net);
    guest.start();
    const auto segment = guest.wait_for_tcp(6000, ack);
    ASSERT_TRUE(segment);
    EXPECT_EQ(segment->data, text("late"));
}

} // namespace
} // namespace gimbal::host
