// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <list>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/types.hpp"

namespace gimbal::host {

/// Stands between a guest that may do anything and libslirp, which bounds neither its sockets nor its memory. It lets
/// through what libslirp has a use for, well-formed and from an address of the guest's network, and bounds what one
/// guest can make it hold: sockets, datagrams in reassembly, frames that wait for an address. One thread.
class NetGuard {
public:
    static constexpr usize reassembly_slots = 8;
    static constexpr u32 max_resolutions = 128; // per second

    /// `max_sockets`: above this no new flow is let through.
    explicit NetGuard(usize max_sockets) : max_sockets_(max_sockets) {}

    /// A frame from the guest. Returns what libslirp shall see: the frame, a datagram put together from its fragments,
    /// or nothing. Valid until the next call.
    std::span<const u8> admit(std::span<const u8> frame, i64 now_ms);
    /// A frame towards the guest, before it is delivered.
    void observe(std::span<const u8> frame, i64 now_ms);

    void socket_opened(int fd)
    {
        if (fd >= 0) sockets_.insert(fd);
    }
    void socket_closed(int fd) { sockets_.erase(fd); }
    bool owns(int fd) const { return sockets_.contains(fd); }
    usize open_sockets() const { return sockets_.size(); }
    bool full() const { return sockets_.size() >= max_sockets_; }

private:
    /// Who talks: addresses (IPv4 in the first four bytes of each), ports and protocol.
    struct Flow {
        std::array<u8, 16> from{};
        std::array<u8, 16> to{};
        u16 from_port{};
        u16 to_port{};
        friend bool operator==(const Flow&, const Flow&) = default;
    };
    struct FlowHash {
        usize operator()(const Flow& flow) const;
    };
    /// A datagram whose fragments come in order, as they do on a wire that reorders nothing.
    struct Datagram {
        std::array<u8, 12> key{}; // source, destination, identification, protocol
        std::vector<u8> frame;    // with the first fragment's headers; empty: a free slot
        i64 started_ms{};
    };
    /// A TCP connection, as far as it is needed to know what libslirp may hold of it.
    struct TcpState {
        u32 first_acknowledged{}; // with libslirp's SYN: tells one connection from the next
        u32 acknowledged{};       // by libslirp
        u32 highest{};            // end of the data that was let through
        unsigned held{};          // segments let through since libslirp last had everything
        std::list<Flow>::iterator age;
    };

    bool admit_arp(std::span<const u8> frame) const;
    std::span<const u8> admit_ipv4(std::span<const u8> frame, i64 now_ms);
    bool admit_ipv6(std::span<const u8> frame, i64 now_ms);
    bool admit_transport(Flow flow, u8 protocol, std::span<const u8> segment);
    bool admit_tcp(const Flow& flow, std::span<const u8> segment);
    bool admit_udp(const Flow& flow);
    std::span<const u8> reassemble(std::span<const u8> frame, i64 now_ms);
    Datagram* slot_for(const std::array<u8, 12>& key, bool first, i64 now_ms);
    TcpState* track(const Flow& flow);
    void observe_tcp(Flow flow, std::span<const u8> segment);
    bool resolving_too_much(i64 now_ms) const;

    const usize max_sockets_;
    std::unordered_set<int> sockets_;
    std::array<Datagram, reassembly_slots> datagrams_;
    std::vector<u8> whole_;
    std::unordered_map<Flow, TcpState, FlowHash> tcp_;
    std::list<Flow> tcp_ages_; // oldest first
    std::unordered_map<Flow, std::list<Flow>::iterator, FlowHash> udp_;
    std::list<Flow> udp_ages_;
    i64 resolutions_since_ms_{};
    u32 resolutions_{};
};

} // namespace gimbal::host
