// SPDX-License-Identifier: Apache-2.0
#include "host/frame_checksum.hpp"

#include "device/internet_checksum.hpp"
#include "device/net_backend.hpp"

namespace gimbal::host {
namespace {

constexpr u8 protocol_tcp = 6;
constexpr u8 protocol_udp = 17;
constexpr usize ipv4_header = 20;
constexpr usize ipv6_header = 40;

u16 big16(std::span<const u8> bytes, usize at) { return static_cast<u16>((bytes[at] << 8) | bytes[at + 1]); }

/// RFC 9293, 3.1 and RFC 768: over addresses, protocol, length and the segment itself.
bool is_good(std::span<const u8> both_addresses, u8 protocol, std::span<const u8> segment)
{
    const usize field = protocol == protocol_tcp ? 16 : 6;
    if (segment.size() < field + 2) return false;
    if (protocol == protocol_udp && (big16(segment, field) == 0 || big16(segment, 4) != segment.size())) return false;
    return InternetSum{}
               .add(both_addresses)
               .add(u16{protocol})
               .add(static_cast<u16>(segment.size()))
               .add(segment)
               .folded() == 0xFFFF;
}

} // namespace

bool has_good_transport_checksum(std::span<const u8> frame)
{
    if (frame.size() < ethernet_header_size + ipv4_header) return false;
    const auto packet = frame.subspan(ethernet_header_size);
    const u16 type = big16(frame, 12);
    if (type == 0x0800 && packet[0] == 0x45) {
        const usize length = big16(packet, 2);
        const bool whole = (big16(packet, 6) & 0x3FFF) == 0 && length >= ipv4_header && length <= packet.size();
        const bool known = packet[9] == protocol_tcp || packet[9] == protocol_udp;
        return whole && known && is_good(packet.subspan(12, 8), packet[9], packet.first(length).subspan(ipv4_header));
    }
    if (type == 0x86DD && packet[0] >> 4 == 6 && packet.size() >= ipv6_header) {
        const usize length = big16(packet, 4);
        const bool known = packet[6] == protocol_tcp || packet[6] == protocol_udp;
        return known && length <= packet.size() - ipv6_header &&
               is_good(packet.subspan(8, 32), packet[6], packet.subspan(ipv6_header, length));
    }
    return false;
}

} // namespace gimbal::host
