// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <string_view>
#include <vector>

#include "device/internet_checksum.hpp"
#include "host/net_addresses.hpp"

/// Frames as a guest's own TCP/IP would build them, for tests and fuzzers.
namespace gimbal::test::frames {

using Bytes = std::vector<u8>;
namespace addresses = host::net_addresses;

inline constexpr u8 icmp = 1;
inline constexpr u8 tcp_protocol = 6;
inline constexpr u8 udp_protocol = 17;
inline constexpr u8 fin = 1;
inline constexpr u8 syn = 2;
inline constexpr u8 rst = 4;
inline constexpr u8 ack = 16;

inline void put16(Bytes& bytes, u32 value)
{
    bytes.insert(bytes.end(), {static_cast<u8>(value >> 8), static_cast<u8>(value)});
}
inline void put32(Bytes& bytes, u32 value)
{
    put16(bytes, value >> 16);
    put16(bytes, value & 0xFFFF);
}
inline u16 get16(const Bytes& bytes, usize at) { return static_cast<u16>((bytes[at] << 8) | bytes[at + 1]); }
inline u32 get32(const Bytes& bytes, usize at) { return (u32{get16(bytes, at)} << 16) | get16(bytes, at + 2); }
inline void set16(Bytes& bytes, usize at, u16 value)
{
    bytes[at] = static_cast<u8>(value >> 8);
    bytes[at + 1] = static_cast<u8>(value);
}
inline Bytes text(std::string_view characters) { return {characters.begin(), characters.end()}; }

inline Bytes ethernet(u16 type, const Bytes& payload)
{
    Bytes frame{0x52, 0x55, 10, 0, 2, 2, 0x52, 0x54, 0, 0x12, 0x34, 0x56};
    put16(frame, type);
    frame.insert(frame.end(), payload.begin(), payload.end());
    return frame;
}

inline Bytes arp_request(u32 sender, u32 target)
{
    Bytes arp{0, 1, 8, 0, 6, 4, 0, 1, 0x52, 0x54, 0, 0x12, 0x34, 0x56};
    put32(arp, sender);
    arp.insert(arp.end(), 6, 0);
    put32(arp, target);
    return ethernet(0x0806, arp);
}

/// `field`: flags and fragment offset.
inline Bytes ipv4(u32 source, u32 target, u8 protocol, const Bytes& payload, u16 id = 1, u16 field = 0)
{
    Bytes packet{0x45, 0};
    put16(packet, static_cast<u32>(20 + payload.size()));
    put16(packet, id);
    put16(packet, field);
    packet.insert(packet.end(), {64, protocol, 0, 0});
    put32(packet, source);
    put32(packet, target);
    set16(packet, 10, InternetSum{}.add(packet).field());
    packet.insert(packet.end(), payload.begin(), payload.end());
    return ethernet(0x0800, packet);
}

inline u16 transport_checksum(u32 source, u32 target, u8 protocol, const Bytes& segment)
{
    Bytes pseudo;
    put32(pseudo, source);
    put32(pseudo, target);
    put16(pseudo, protocol);
    put16(pseudo, static_cast<u32>(segment.size()));
    return InternetSum{}.add(pseudo).add(segment).field();
}

inline Bytes udp_segment(u32 source, u16 from, u32 target, u16 to, const Bytes& data)
{
    Bytes segment;
    put16(segment, from);
    put16(segment, to);
    put16(segment, static_cast<u32>(8 + data.size()));
    put16(segment, 0);
    segment.insert(segment.end(), data.begin(), data.end());
    set16(segment, 6, transport_checksum(source, target, udp_protocol, segment));
    return segment;
}

inline Bytes udp(u32 source, u16 from, u32 target, u16 to, const Bytes& data)
{
    return ipv4(source, target, udp_protocol, udp_segment(source, from, target, to, data));
}

struct Tcp {
    u32 source{addresses::guest};
    u16 from{};
    u32 target{addresses::gateway};
    u16 to{};
    u32 sequence{};
    u32 acknowledgement{};
    u8 flags{};
    Bytes data{};
};

inline Bytes tcp(const Tcp& in)
{
    Bytes segment;
    put16(segment, in.from);
    put16(segment, in.to);
    put32(segment, in.sequence);
    put32(segment, in.acknowledgement);
    segment.insert(segment.end(), {0x50, in.flags});
    put16(segment, 60'000);
    put32(segment, 0);
    segment.insert(segment.end(), in.data.begin(), in.data.end());
    set16(segment, 16, transport_checksum(in.source, in.target, tcp_protocol, segment));
    return ipv4(in.source, in.target, tcp_protocol, segment);
}

/// The other way round: what a frame towards the guest says.
inline bool is_ipv4(const Bytes& frame, u8 protocol)
{
    return frame.size() >= 34 && get16(frame, 12) == 0x0800 && frame[23] == protocol;
}
inline Tcp parse_tcp(const Bytes& frame)
{
    const usize header = usize{4} * (frame[46] >> 4);
    const usize end = 14 + usize{get16(frame, 16)};
    return {get32(frame, 26),
            get16(frame, 34),
            get32(frame, 30),
            get16(frame, 36),
            get32(frame, 38),
            get32(frame, 42),
            frame[47],
            Bytes(frame.begin() + static_cast<std::ptrdiff_t>(34 + header),
                  frame.begin() + static_cast<std::ptrdiff_t>(end))};
}

/// DHCP, RFC 2131: a DISCOVER (1) or REQUEST (3).
inline Bytes dhcp(u8 type)
{
    Bytes message{1, 1, 6, 0, 0x11, 0x22, 0x33, 0x44};
    message.resize(28);
    message.insert(message.end(), {0x52, 0x54, 0, 0x12, 0x34, 0x56});
    message.resize(236);
    message.insert(message.end(), {99, 130, 83, 99, 53, 1, type, 255});
    message.resize(300);
    return udp(0, 68, 0xFFFF'FFFF, 67, message);
}

} // namespace gimbal::test::frames
