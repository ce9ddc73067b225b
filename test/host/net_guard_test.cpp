// SPDX-License-Identifier: Apache-2.0
#include "host/net_guard.hpp"

#include <gtest/gtest.h>

#include "host/frame_checksum.hpp"
#include "test/host/net_frames.hpp"

namespace gimbal::host {
namespace {

using namespace test::frames;

constexpr u32 guest = addresses::guest;
constexpr u32 gateway = addresses::gateway;
constexpr u32 world = 0xC000'0201; // 192.0.2.1
constexpr usize limit = 8;

struct Guard : testing::Test {
    NetGuard guard{limit};
    i64 now{};

    bool admits(const Bytes& frame) { return !guard.admit(frame, now).empty(); }
    /// From the gateway's port 80 to the guest's 1000.
    void answer(u32 acknowledgement, u8 flags)
    {
        guard.observe(tcp({.source = gateway,
                           .from = 80,
                           .target = guest,
                           .to = 1000,
                           .acknowledgement = acknowledgement,
                           .flags = flags}),
                      now);
    }
    void fill()
    {
        for (int fd = 100; !guard.full(); ++fd) guard.socket_opened(fd);
    }
};

Bytes ipv6(const Bytes& source, const Bytes& target, u8 next, const Bytes& payload)
{
    Bytes packet{0x60, 0, 0, 0};
    put16(packet, static_cast<u32>(payload.size()));
    packet.insert(packet.end(), {next, 255});
    packet.insert(packet.end(), source.begin(), source.end());
    packet.insert(packet.end(), target.begin(), target.end());
    packet.insert(packet.end(), payload.begin(), payload.end());
    return ethernet(0x86DD, packet);
}

Bytes address6(u16 first, u16 last)
{
    Bytes address;
    put16(address, first);
    address.resize(14);
    put16(address, last);
    return address;
}

TEST_F(Guard, AnOrdinaryGuestPasses)
{
    EXPECT_TRUE(admits(arp_request(guest, gateway)));
    EXPECT_TRUE(admits(arp_request(0, guest)));
    EXPECT_TRUE(admits(dhcp(1)));
    EXPECT_TRUE(admits(udp(guest, 1000, addresses::resolver, 53, text("?"))));
    EXPECT_TRUE(admits(tcp({.from = 1000, .to = 80, .flags = syn})));
    EXPECT_TRUE(admits(ipv4(guest, gateway, icmp, {8, 0, 0, 0, 0, 1, 0, 1})));
    EXPECT_TRUE(admits(ipv6(address6(0xFE80, 9), address6(0xFEC0, 2), 17, Bytes(8))));
    EXPECT_TRUE(admits(ipv6(address6(0, 0), address6(0xFF02, 1), 58, Bytes{135, 0, 0, 0, 0, 0, 0, 0})));
    EXPECT_TRUE(admits(ipv6(address6(0xFE80, 9), address6(0xFEC0, 2), 58, Bytes{128, 0, 0, 0, 0, 0, 0, 0})));
}

TEST_F(Guard, WhatNobodyCanAnswerIsRefused)
{
    EXPECT_FALSE(admits({}));
    EXPECT_FALSE(admits(Bytes(13)));
    EXPECT_FALSE(admits(ethernet(0x0800, {})));
    EXPECT_FALSE(admits(ethernet(0x88F8, Bytes(100)))); // NC-SI: libslirp would take it
    EXPECT_FALSE(admits(ethernet(0x8100, Bytes(100))));
    EXPECT_FALSE(admits(ipv4(guest, gateway, 2, Bytes(100))));
    EXPECT_FALSE(admits(ipv4(guest, gateway, icmp, {0, 0, 0, 0, 0, 1, 0, 1}))); // an answer to nothing
    EXPECT_FALSE(admits(udp(guest, 1000, gateway, 69, text("TFTP"))));
    EXPECT_FALSE(admits(ipv6(address6(0xFE80, 9), address6(0xFF02, 1), 58, Bytes{134, 0, 0, 0, 0, 0, 0, 0})));
    EXPECT_FALSE(admits(ipv6(address6(0xFE80, 9), address6(0x2001, 2), 58, Bytes{128, 0, 0, 0, 0, 0, 0, 0})));
    EXPECT_FALSE(admits(ipv6(address6(0xFE80, 9), address6(0xFEC0, 2), 44, Bytes(40))));
}

TEST_F(Guard, LengthsThatDoNotFitAreRefused)
{
    Bytes frame = udp(guest, 1000, world, 2000, text("hello"));
    for (usize size = 0; size < frame.size(); ++size)
        EXPECT_FALSE(admits({frame.begin(), frame.begin() + static_cast<long>(size)})) << size;
    EXPECT_TRUE(admits(frame));
    Bytes options = frame;
    options[14] = 0x46;
    EXPECT_FALSE(admits(options));
    Bytes wrong = tcp({.from = 1000, .to = 80, .flags = syn});
    for (const int words : {0, 4, 6, 15}) {
        wrong[46] = static_cast<u8>(words << 4);
        EXPECT_FALSE(admits(wrong)) << words;
    }
    EXPECT_FALSE(admits(ipv4(guest, world, tcp_protocol, Bytes(19))));
    EXPECT_FALSE(admits(ipv4(guest, world, udp_protocol, Bytes(7))));
}

TEST_F(Guard, NobodySpeaksForOthers)
{
    for (const u32 source : {gateway, addresses::resolver, world, addresses::network, addresses::network + 255, u32{0},
                             u32{0xFFFF'FFFF}, u32{0x7F00'0001}}) {
        EXPECT_FALSE(admits(udp(source, 1000, world, 2000, text("hello")))) << std::hex << source;
        EXPECT_TRUE(source == 0 || !admits(arp_request(source, gateway))) << std::hex << source;
    }
    for (const auto& source :
         {address6(0xFEC0, 2), address6(0xFE80, 3), address6(0x2001, 9), address6(0, 0), address6(0xFF02, 1)})
        EXPECT_FALSE(admits(ipv6(source, address6(0xFEC0, 2), 17, Bytes(8))));
}

TEST_F(Guard, FragmentsInOrderBecomeOneDatagram)
{
    Bytes data(4000);
    for (usize i = 0; i < data.size(); ++i) data[i] = static_cast<u8>(i * 3);
    const Bytes segment = udp_segment(guest, 1000, world, 2000, data);
    const auto piece = [&](usize from, usize size, bool more) {
        return ipv4(guest, world, udp_protocol,
                    Bytes(segment.begin() + static_cast<long>(from), segment.begin() + static_cast<long>(from + size)),
                    7, static_cast<u16>((more ? 0x2000U : 0U) | static_cast<u32>(from / 8)));
    };
    EXPECT_FALSE(admits(piece(0, 1480, true)));
    EXPECT_FALSE(admits(piece(1480, 1480, true)));
    const auto whole = guard.admit(piece(2960, segment.size() - 2960, false), now);
    ASSERT_FALSE(whole.empty());
    const Bytes expected = ipv4(guest, world, udp_protocol, segment, 7);
    EXPECT_EQ(Bytes(whole.begin(), whole.end()), expected);
    EXPECT_TRUE(has_good_transport_checksum(whole));
}

TEST_F(Guard, FragmentsThatDoNotFollowEachOtherAreLost)
{
    const auto piece = [](usize offset, usize size, bool more, u16 id) {
        return ipv4(guest, world, udp_protocol, Bytes(size), id,
                    static_cast<u16>((more ? 0x2000U : 0U) | static_cast<u32>(offset / 8)));
    };
    EXPECT_FALSE(admits(piece(80, 80, false, 1))); // no first
    EXPECT_FALSE(admits(piece(0, 80, true, 2)));
    EXPECT_FALSE(admits(piece(160, 80, false, 2))); // a hole
    EXPECT_FALSE(admits(piece(80, 80, false, 2)));  // too late
    EXPECT_FALSE(admits(piece(0, 80, true, 3)));
    EXPECT_FALSE(admits(piece(40, 80, false, 3))); // an overlap
    EXPECT_FALSE(admits(piece(0, 81, true, 4)));   // not a multiple of eight
    EXPECT_FALSE(admits(piece(81, 80, false, 4)));
    EXPECT_FALSE(admits(piece(0xFFF8, 80, false, 5)));
    EXPECT_FALSE(admits(piece(0, 0, true, 6)));
    for (usize at = 0; at < 66'000; at += 6000) EXPECT_FALSE(admits(piece(at, 6000, true, 9))); // beyond 65535
}

TEST_F(Guard, DatagramsInReassemblyAreBounded)
{
    const auto first = [](u16 id) {
        return ipv4(guest, world, udp_protocol, udp_segment(guest, 1, world, 2, Bytes(72)), id, 0x2000);
    };
    const auto last = [](u16 id) { return ipv4(guest, world, udp_protocol, Bytes(8), id, 80 / 8); };
    for (u16 id = 0; id <= NetGuard::reassembly_slots; ++id) {
        ++now;
        EXPECT_FALSE(admits(first(id)));
    }
    EXPECT_FALSE(admits(last(0))); // the oldest made room
    EXPECT_TRUE(admits(last(1)));
}

TEST_F(Guard, AboveTheLimitOnlyKnownFlowsGoOn)
{
    EXPECT_TRUE(admits(udp(guest, 1000, world, 2000, text("a"))));
    EXPECT_TRUE(admits(tcp({.from = 1000, .to = 80, .sequence = 99, .flags = syn})));
    fill();
    EXPECT_TRUE(admits(udp(guest, 1000, world, 2001, text("a")))); // the same socket
    EXPECT_FALSE(admits(udp(guest, 1001, world, 2000, text("a"))));
    EXPECT_TRUE(admits(tcp({.from = 1000, .to = 80, .sequence = 99, .flags = syn})));
    EXPECT_TRUE(admits(tcp({.from = 1000, .to = 80, .sequence = 100, .flags = ack, .data = text("a")})));
    EXPECT_FALSE(admits(tcp({.from = 1001, .to = 80, .flags = syn})));
    EXPECT_FALSE(admits(ipv4(guest, world, icmp, {8, 0, 0, 0, 0, 1, 0, 1})));
    EXPECT_TRUE(admits(ipv4(guest, gateway, icmp, {8, 0, 0, 0, 0, 1, 0, 1}))); // opens nothing
    EXPECT_TRUE(admits(dhcp(3)));
    guard.socket_closed(100);
    EXPECT_TRUE(admits(tcp({.from = 1001, .to = 80, .flags = syn})));
    EXPECT_EQ(guard.open_sockets(), limit - 1);
    guard.socket_opened(-1); // libslirp reports failures, too
    EXPECT_EQ(guard.open_sockets(), limit - 1);
}

TEST_F(Guard, WhatLibslirpHoldsOfAConnectionIsBounded)
{
    const auto data = [&](u32 sequence) {
        return admits(tcp({.from = 1000, .to = 80, .sequence = sequence, .flags = ack, .data = text("a")}));
    };
    EXPECT_FALSE(data(101));                                          // of no connection
    EXPECT_TRUE(admits(tcp({.from = 1000, .to = 80, .flags = ack}))); // is answered with a reset
    EXPECT_TRUE(admits(tcp({.from = 1000, .to = 80, .sequence = 100, .flags = syn})));
    answer(101, syn | ack);
    for (u32 byte = 0; byte < 64; ++byte) EXPECT_TRUE(data(103 + 2 * byte)); // each behind a hole
    EXPECT_FALSE(data(500));
    answer(101, syn | ack); // the same answer again changes nothing
    EXPECT_FALSE(data(500));
    EXPECT_TRUE(data(101)); // what is missing always goes through
    answer(102, ack);
    EXPECT_FALSE(data(500));
    EXPECT_TRUE(data(102));
    answer(230, ack); // all of it is gone
    EXPECT_TRUE(data(230));
    answer(0, rst);
    EXPECT_FALSE(data(231));
}

TEST_F(Guard, ConnectionsInOrderAreNeverHeldUp)
{
    EXPECT_TRUE(admits(tcp({.from = 1000, .to = 80, .sequence = 0xFFFF'FF00, .flags = syn})));
    u32 sequence = 0xFFFF'FF01;
    answer(sequence, syn | ack);
    for (int round = 0; round < 1000; ++round) { // across 2^32, every other segment acknowledged
        ASSERT_TRUE(
            admits(tcp({.from = 1000, .to = 80, .sequence = sequence, .flags = ack, .data = text("0123456789")})));
        sequence += 10;
        if (round % 2 == 1) answer(sequence, ack);
    }
}

TEST_F(Guard, FramesThatWaitForAnAddressAreBounded)
{
    const Bytes question = arp_request(gateway, guest);
    for (u32 i = 0; i < NetGuard::max_resolutions; ++i) {
        EXPECT_TRUE(admits(udp(guest, 1000, world, 2000, text("a"))));
        guard.observe(question, now);
    }
    EXPECT_FALSE(admits(udp(guest, 1000, world, 2000, text("a"))));
    EXPECT_TRUE(admits(arp_request(guest, gateway))); // an answer may pass
    now += 1000;
    EXPECT_TRUE(admits(udp(guest, 1000, world, 2000, text("a"))));
}

TEST(FrameChecksum, OnlyWhatIsThereAndRightIsGood)
{
    const Bytes datagram = udp(guest, 1000, world, 2000, text("hello"));
    EXPECT_TRUE(has_good_transport_checksum(datagram));
    EXPECT_TRUE(has_good_transport_checksum(tcp({.from = 1, .to = 2, .data = text("odd")})));
    for (usize at = 26; at < datagram.size(); ++at) {
        Bytes changed = datagram;
        changed[at] ^= 0x10;
        EXPECT_FALSE(has_good_transport_checksum(changed)) << at;
    }
    for (usize size = 0; size < datagram.size(); ++size)
        EXPECT_FALSE(has_good_transport_checksum({datagram.data(), size})) << size;
    Bytes none = datagram;
    set16(none, 40, 0);
    EXPECT_FALSE(has_good_transport_checksum(none));
    EXPECT_FALSE(has_good_transport_checksum(
        ipv4(guest, world, udp_protocol, udp_segment(guest, 1, world, 2, Bytes(8)), 1, 0x2000)));
    EXPECT_FALSE(has_good_transport_checksum(ipv4(guest, world, icmp, {8, 0, 0, 0})));
    EXPECT_FALSE(has_good_transport_checksum(arp_request(guest, gateway)));
}

TEST(FrameChecksum, Ipv6)
{
    const Bytes source = address6(0xFE80, 9);
    const Bytes target = address6(0xFEC0, 2);
    Bytes segment{0, 1, 0, 2, 0, 9, 0, 0, 0x77};
    segment.reserve(64);
    set16(segment, 6, InternetSum{}.add(source).add(target).add(u16{17}).add(u16{9}).add(segment).field());
    Bytes frame = ipv6(source, target, 17, segment);
    EXPECT_TRUE(has_good_transport_checksum(frame));
    frame.back() ^= 1;
    EXPECT_FALSE(has_good_transport_checksum(frame));
    frame.pop_back();
    EXPECT_FALSE(has_good_transport_checksum(frame));
}

} // namespace
} // namespace gimbal::host
