// SPDX-License-Identifier: Apache-2.0
#include "host/net_guard.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "device/internet_checksum.hpp"
#include "device/net_backend.hpp"
#include "host/net_addresses.hpp"

namespace gimbal::host {
namespace {

namespace addresses = net_addresses;

constexpr u16 ethertype_ipv4 = 0x0800;
constexpr u16 ethertype_arp = 0x0806;
constexpr u16 ethertype_ipv6 = 0x86DD;
constexpr u8 protocol_icmp = 1;
constexpr u8 protocol_tcp = 6;
constexpr u8 protocol_udp = 17;
constexpr u8 protocol_icmpv6 = 58;
constexpr usize arp_size = 28;
constexpr usize ipv4_header = 20;
constexpr usize ipv6_header = 40;
constexpr usize tcp_header = 20;
constexpr usize udp_header = 8;
constexpr usize icmp_header = 8;
constexpr u16 arp_request = 1;
constexpr u16 bootp_server = 67;
constexpr u16 tftp_server = 69;
constexpr u8 icmp_echo = 8;
constexpr u8 icmpv6_echo = 128;
constexpr u8 router_solicitation = 133;
constexpr u8 neighbour_solicitation = 135;
constexpr u8 neighbour_advertisement = 136;
constexpr u8 tcp_fin = 1;
constexpr u8 tcp_syn = 2;
constexpr u8 tcp_rst = 4;
constexpr u8 tcp_ack = 16;

constexpr i64 reassembly_ms = 30'000; // RFC 791: 15 s and more
constexpr i64 second_ms = 1000;       // libslirp drops what waits for an address for this long
// Segments that libslirp may hold of one connection because an earlier one is missing: none from an honest guest, whose
// wire loses nothing. libslirp would take one buffer for each byte of its window.
constexpr unsigned max_held = 64;
constexpr usize tracked_per_socket = 2; // flows that are ending, too

u16 big16(std::span<const u8> bytes, usize at) { return static_cast<u16>((bytes[at] << 8) | bytes[at + 1]); }
u32 big32(std::span<const u8> bytes, usize at) { return (u32{big16(bytes, at)} << 16) | big16(bytes, at + 2); }

void copy(std::span<const u8> from, std::span<u8> to) { std::copy(from.begin(), from.end(), to.begin()); }

bool is_guest_address(u32 address)
{
    const u32 host = address & ~addresses::mask;
    return (address & addresses::mask) == addresses::network && host != 0 && host != ~addresses::mask &&
           address != addresses::gateway && address != addresses::resolver;
}

/// ::2, the host, and ::3, the resolver, of any prefix.
bool is_infrastructure6(std::span<const u8> address)
{
    return (address[15] == 2 || address[15] == 3) &&
           std::all_of(address.begin() + 8, address.end() - 1, [](u8 byte) { return byte == 0; });
}

bool is_guest_address6(std::span<const u8> address)
{
    const bool link_local = address[0] == 0xFE && (address[1] & 0xC0) == 0x80;
    const bool ours = std::equal(std::begin(addresses::prefix6), std::end(addresses::prefix6), address.begin());
    return (link_local || ours) && !is_infrastructure6(address);
}

/// What starts at an IP header, cut to the length that the header gives; empty if there is less.
std::span<const u8> ipv4_packet(std::span<const u8> frame)
{
    const auto packet = frame.subspan(ethernet_header_size);
    if (packet.size() < ipv4_header || packet[0] != 0x45) return {}; // options serve no purpose here
    const usize length = big16(packet, 2);
    if (length < ipv4_header || length > packet.size()) return {};
    return packet.first(length);
}

bool is_fragment(std::span<const u8> packet) { return (big16(packet, 6) & 0x3FFF) != 0; }

} // namespace

usize NetGuard::FlowHash::operator()(const Flow& flow) const
{
    static_assert(sizeof(Flow) == 36); // no padding
    return std::hash<std::string_view>{}({reinterpret_cast<const char*>(&flow), sizeof(flow)});
}

std::span<const u8> NetGuard::admit(std::span<const u8> frame, i64 now_ms)
{
    if (frame.size() < ethernet_header_size) return {};
    switch (big16(frame, 12)) {
    case ethertype_arp: return admit_arp(frame) ? frame : std::span<const u8>{};
    case ethertype_ipv4: return admit_ipv4(frame, now_ms);
    case ethertype_ipv6: return admit_ipv6(frame, now_ms) ? frame : std::span<const u8>{};
    default: return {}; // an open set, of which the others are of no use to anyone here
    }
}

/// RFC 826, Ethernet and IPv4: only for the guest's own addresses, or for none (a probe).
bool NetGuard::admit_arp(std::span<const u8> frame) const
{
    const auto arp = frame.subspan(ethernet_header_size);
    if (arp.size() < arp_size || big32(arp, 0) != 0x0001'0800 || big16(arp, 4) != 0x0604) return false;
    const u32 sender = big32(arp, 14);
    return sender == 0 || is_guest_address(sender);
}

std::span<const u8> NetGuard::admit_ipv4(std::span<const u8> frame, i64 now_ms)
{
    if (resolving_too_much(now_ms)) return {};
    auto packet = ipv4_packet(frame);
    if (packet.empty()) return {};
    if (is_fragment(packet)) {
        frame = reassemble(frame, now_ms);
        if (frame.empty()) return {};
        packet = ipv4_packet(frame);
    }
    const u8 protocol = packet[9];
    const u32 source = big32(packet, 12);
    const auto segment = packet.subspan(ipv4_header);
    if (!is_guest_address(source)) { // before it has one, only to ask for one
        const bool asks = source == 0 && protocol == protocol_udp && segment.size() >= udp_header &&
                          big16(segment, 2) == bootp_server;
        return asks ? frame : std::span<const u8>{};
    }
    Flow flow;
    copy(packet.subspan(12, 4), flow.from);
    copy(packet.subspan(16, 4), flow.to);
    if (protocol == protocol_icmp) {
        const u32 target = big32(packet, 16);
        const bool opens = target != addresses::gateway && target != addresses::resolver;
        if (segment.size() < icmp_header || segment[0] != icmp_echo || (opens && full())) return {};
        return frame;
    }
    return admit_transport(flow, protocol, segment) ? frame : std::span<const u8>{};
}

bool NetGuard::admit_ipv6(std::span<const u8> frame, i64 now_ms)
{
    auto packet = frame.subspan(ethernet_header_size);
    if (packet.size() < ipv6_header || packet[0] >> 4 != 6) return false;
    const usize length = ipv6_header + big16(packet, 4);
    if (length > packet.size() || packet[7] == 0) return false;
    packet = packet.first(length);
    const auto segment = packet.subspan(ipv6_header);
    const auto source = packet.subspan(8, 16);
    if (packet[6] == protocol_icmpv6) {
        if (segment.size() < icmp_header) return false;
        const u8 type = segment[0];
        const bool discovers =
            type == router_solicitation || type == neighbour_solicitation || type == neighbour_advertisement;
        const bool unspecified = std::all_of(source.begin(), source.end(), [](u8 byte) { return byte == 0; });
        if (discovers) return unspecified || is_guest_address6(source);
        // libslirp answers for the host and complains to standard error about anyone else.
        const auto target = packet.subspan(24, 16);
        const bool to_host = target[0] == 0xFE && target[15] == 2 && is_infrastructure6(target);
        return type == icmpv6_echo && to_host && is_guest_address6(source) && !resolving_too_much(now_ms);
    }
    if (!is_guest_address6(source) || resolving_too_much(now_ms)) return false;
    Flow flow;
    copy(source, flow.from);
    copy(packet.subspan(24, 16), flow.to);
    return admit_transport(flow, packet[6], segment);
}

bool NetGuard::admit_transport(Flow flow, u8 protocol, std::span<const u8> segment)
{
    if (protocol != protocol_tcp && protocol != protocol_udp) return false;
    if (segment.size() < (protocol == protocol_tcp ? tcp_header : udp_header)) return false;
    flow.from_port = big16(segment, 0);
    flow.to_port = big16(segment, 2);
    return protocol == protocol_tcp ? admit_tcp(flow, segment) : admit_udp(flow);
}

/// A UDP socket belongs to its source, whatever it talks to. Above the limit only known ones go on.
bool NetGuard::admit_udp(const Flow& flow)
{
    if (flow.to_port == tftp_server) return false; // there is no such server
    Flow key = flow;
    key.to = {};
    key.to_port = 0;
    const auto found = udp_.find(key);
    if (found != udp_.end()) {
        udp_ages_.splice(udp_ages_.end(), udp_ages_, found->second);
        return true;
    }
    if (full()) return false;
    if (udp_.size() >= max_sockets_) {
        udp_.erase(udp_ages_.front());
        udp_ages_.pop_front();
    }
    udp_.emplace(key, udp_ages_.insert(udp_ages_.end(), key));
    return true;
}

NetGuard::TcpState* NetGuard::track(const Flow& flow)
{
    const auto found = tcp_.find(flow);
    if (found != tcp_.end()) {
        tcp_ages_.splice(tcp_ages_.end(), tcp_ages_, found->second.age);
        return &found->second;
    }
    if (tcp_.size() >= max_sockets_ * tracked_per_socket) {
        tcp_.erase(tcp_ages_.front());
        tcp_ages_.pop_front();
    }
    TcpState state;
    state.age = tcp_ages_.insert(tcp_ages_.end(), flow);
    return &tcp_.emplace(flow, state).first->second;
}

/// Data goes through in order, and a little of it out of order. A segment of an unknown connection goes through if it
/// carries nothing: it is answered with a reset.
bool NetGuard::admit_tcp(const Flow& flow, std::span<const u8> segment)
{
    const usize header = usize{4} * (segment[12] >> 4);
    const u8 flags = segment[13];
    if (header < tcp_header || header > segment.size()) return false;
    const u32 size = static_cast<u32>(segment.size() - header) + ((flags & tcp_fin) != 0 ? 1U : 0U);
    const u32 sequence = big32(segment, 4);
    const auto known = tcp_.find(flow);
    if ((flags & (tcp_syn | tcp_ack)) == tcp_syn) { // a guest has no use for data in it
        if (size != 0 || (known == tcp_.end() && full())) return false;
        static_cast<void>(track(flow));
        return true;
    }
    if ((flags & tcp_rst) != 0) return true; // what is known is forgotten with its age
    if (known == tcp_.end()) return size == 0;
    TcpState& state = *track(flow);
    if (size == 0) return true;
    if (sequence != state.acknowledged && state.held >= max_held) return false;
    ++state.held;
    const u32 end = sequence + size;
    if (static_cast<i32>(end - state.highest) > 0) state.highest = end;
    return true;
}

/// `flow` is the guest's: from is the guest. libslirp has no more of a connection than it has acknowledged once that is
/// all there was.
void NetGuard::observe_tcp(Flow flow, std::span<const u8> segment)
{
    const u8 flags = segment[13];
    if ((flags & tcp_syn) != 0 && (flags & tcp_ack) == 0) { // the host connects to the guest
        static_cast<void>(track(flow));
        return;
    }
    const auto found = tcp_.find(flow);
    if (found == tcp_.end()) return;
    TcpState& state = found->second;
    if ((flags & tcp_rst) != 0) {
        tcp_ages_.erase(state.age);
        tcp_.erase(found);
        return;
    }
    if ((flags & tcp_ack) == 0) return;
    state.acknowledged = big32(segment, 8);
    if ((flags & tcp_syn) != 0 && state.first_acknowledged != state.acknowledged) { // a new connection: nothing is held
        state.first_acknowledged = state.highest = state.acknowledged;
        state.held = 0;
    }
    const bool everything = static_cast<i32>(state.acknowledged - state.highest) >= 0;
    if (!everything && state.held != 0) return;
    state.held = 0;
    state.highest = state.acknowledged;
}

void NetGuard::observe(std::span<const u8> frame, i64 now_ms)
{
    if (frame.size() < ethernet_header_size) return;
    const u16 type = big16(frame, 12);
    const auto packet = frame.subspan(ethernet_header_size);
    Flow flow;
    std::span<const u8> segment;
    bool resolves = false;
    if (type == ethertype_arp) {
        resolves = packet.size() >= arp_size && big16(packet, 6) == arp_request;
    } else if (type == ethertype_ipv4 && packet.size() >= ipv4_header + tcp_header && packet[9] == protocol_tcp) {
        copy(packet.subspan(16, 4), flow.from);
        copy(packet.subspan(12, 4), flow.to);
        segment = packet.subspan(ipv4_header);
    } else if (type == ethertype_ipv6 && packet.size() >= ipv6_header + tcp_header && packet[6] == protocol_tcp) {
        copy(packet.subspan(24, 16), flow.from);
        copy(packet.subspan(8, 16), flow.to);
        segment = packet.subspan(ipv6_header);
    } else if (type == ethertype_ipv6 && packet.size() >= ipv6_header + icmp_header && packet[6] == protocol_icmpv6) {
        resolves = packet[ipv6_header] == neighbour_solicitation;
    }
    if (!segment.empty()) {
        flow.from_port = big16(segment, 2);
        flow.to_port = big16(segment, 0);
        observe_tcp(flow, segment);
    }
    if (!resolves) return;
    if (now_ms - resolutions_since_ms_ >= second_ms) {
        resolutions_since_ms_ = now_ms;
        resolutions_ = 0;
    }
    ++resolutions_;
}

/// Each question that libslirp asks has a frame behind it that waits for the answer.
bool NetGuard::resolving_too_much(i64 now_ms) const
{
    return resolutions_ >= max_resolutions && now_ms - resolutions_since_ms_ < second_ms;
}

NetGuard::Datagram* NetGuard::slot_for(const std::array<u8, 12>& key, bool first, i64 now_ms)
{
    const auto known = std::ranges::find_if(
        datagrams_, [&](const Datagram& datagram) { return !datagram.frame.empty() && datagram.key == key; });
    if (known != datagrams_.end()) return &*known;
    if (!first) return nullptr; // what comes first is missing
    const auto usable = std::ranges::find_if(datagrams_, [&](const Datagram& datagram) {
        return datagram.frame.empty() || now_ms - datagram.started_ms > reassembly_ms;
    });
    return usable != datagrams_.end() ? &*usable
                                      : &*std::ranges::min_element(datagrams_, {}, [](const Datagram& datagram) {
                                            return datagram.started_ms;
                                        });
}

/// RFC 791, 3.2, for fragments in order: libslirp's own reassembly has no bound. The result is a frame without a trace
/// of the fragments.
std::span<const u8> NetGuard::reassemble(std::span<const u8> frame, i64 now_ms)
{
    const auto packet = ipv4_packet(frame);
    const u16 field = big16(packet, 6);
    const bool more = (field & 0x2000) != 0;
    const usize offset = usize{8} * (field & 0x1FFF);
    std::array<u8, 12> key{};
    copy(packet.subspan(12, 8), key);
    copy(packet.subspan(4, 2), std::span(key).subspan(8));
    key[10] = packet[9];
    Datagram* const datagram = slot_for(key, offset == 0, now_ms);
    if (datagram == nullptr) return {};
    const auto data = packet.subspan(ipv4_header);
    if (offset == 0) {
        datagram->key = key;
        datagram->started_ms = now_ms;
        datagram->frame.assign(frame.begin(), frame.begin() + ethernet_header_size + ipv4_header);
    }
    auto& whole = datagram->frame;
    const usize headers = ethernet_header_size + ipv4_header;
    const bool fits = whole.size() == headers + offset && offset + data.size() + ipv4_header <= 0xFFFF &&
                      (!more || (data.size() % 8 == 0 && !data.empty()));
    if (!fits) {
        whole = {};
        return {};
    }
    whole.insert(whole.end(), data.begin(), data.end());
    if (more) return {};
    whole_ = std::exchange(whole, {});
    const std::span header = std::span(whole_).subspan(ethernet_header_size, ipv4_header);
    const usize length = whole_.size() - ethernet_header_size;
    header[2] = static_cast<u8>(length >> 8);
    header[3] = static_cast<u8>(length);
    header[6] = header[7] = header[10] = header[11] = 0;
    const u16 checksum = InternetSum{}.add(header).field();
    header[10] = static_cast<u8>(checksum >> 8);
    header[11] = static_cast<u8>(checksum);
    return whole_;
}

} // namespace gimbal::host
