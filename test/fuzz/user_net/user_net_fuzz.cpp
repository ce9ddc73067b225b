// SPDX-License-Identifier: Apache-2.0
// A hostile guest's frames through the guard into libslirp. Nothing leaves this machine: what would is stopped behind
// the guard, and what goes to the host goes to one socket of ours.
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <vector>

extern "C" {
#include <slirp/libslirp.h>
}

#include "base/assert.hpp"
#include "host/frame_checksum.hpp"
#include "host/net_guard.hpp"
#include "test/fuzz/op_stream.hpp"
#include "test/host/net_frames.hpp"

namespace {

using namespace gimbal;
using namespace gimbal::test::frames;

constexpr usize max_sockets = 32;

/// A listener and a datagram socket on the same port of 127.0.0.1, for the whole process.
u16 local_port()
{
    static const u16 port = [] {
        for (int attempt = 0; attempt < 100; ++attempt) {
            const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
            const int datagrams = ::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
            sockaddr_in address{};
            address.sin_family = AF_INET;
            address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
            socklen_t size = sizeof(address);
            auto* const any = reinterpret_cast<sockaddr*>(&address);
            if (::bind(listener, any, size) == 0 && ::getsockname(listener, any, &size) == 0 &&
                ::bind(datagrams, any, size) == 0 && ::listen(listener, 8) == 0)
                return ntohs(address.sin_port);
            ::close(listener);
            ::close(datagrams);
        }
        GIMBAL_UNREACHABLE();
    }();
    return port;
}

struct Stack {
    host::NetGuard guard{max_sockets};
    i64 now_ms{1000};
    Slirp* slirp{};
    std::vector<pollfd> polled;

    Stack();
    ~Stack() { ::slirp_cleanup(slirp); }
    Stack(const Stack&) = delete;
    Stack& operator=(const Stack&) = delete;
    void input(const Bytes& frame);
    void poll();
};

constexpr auto self = [](void* opaque) -> Stack& { return *static_cast<Stack*>(opaque); };

const SlirpCb callbacks{
    .send_packet = [](const void* bytes, size_t size, void* opaque) -> ssize_t {
        const std::span frame(static_cast<const u8*>(bytes), size);
        self(opaque).guard.observe(frame, self(opaque).now_ms);
        static_cast<void>(host::has_good_transport_checksum(frame));
        return static_cast<ssize_t>(size);
    },
    .guest_error = [](const char*, void*) {},
    .clock_get_ns = [](void* opaque) -> int64_t { return self(opaque).now_ms * 1'000'000; },
    .timer_new = nullptr,
    .timer_free = [](void* timer, void*) { delete static_cast<int*>(timer); },
    .timer_mod = [](void*, int64_t, void*) {},
    .register_poll_fd = [](int fd, void* opaque) { self(opaque).guard.socket_opened(fd); },
    .unregister_poll_fd = [](int fd, void* opaque) { self(opaque).guard.socket_closed(fd); },
    .notify = [](void*) {},
    .init_completed = nullptr,
    .timer_new_opaque = [](SlirpTimerId, void*, void*) -> void* { return new int; },
};

Stack::Stack()
{
    SlirpConfig config{};
    config.version = 4;
    config.in_enabled = true;
    config.vnetwork = {htonl(addresses::network)};
    config.vnetmask = {htonl(addresses::mask)};
    config.vhost = {htonl(addresses::gateway)};
    config.vnameserver = {htonl(addresses::resolver)};
    config.vdhcp_start = {htonl(addresses::guest)};
    config.in6_enabled = true;
    std::ranges::copy(addresses::prefix6, config.vprefix_addr6.s6_addr);
    config.vprefix_len = addresses::prefix6_bits;
    config.vhost6 = config.vnameserver6 = config.vprefix_addr6;
    config.vhost6.s6_addr[15] = 2;
    config.vnameserver6.s6_addr[15] = 3;
    config.if_mtu = config.if_mru = 65520;
    slirp = ::slirp_new(&config, &callbacks, this);
    GIMBAL_ASSERT(slirp != nullptr);
}

/// Whether libslirp would answer by itself or talk to our own port.
bool stays_here(std::span<const u8> frame)
{
    const Bytes bytes(frame.begin(), frame.end());
    const u16 type = get16(bytes, 12);
    if (type == 0x0806) return true;
    if (type == 0x86DD) return bytes[20] == 58; // neighbour discovery and echo
    const u8 protocol = bytes[23];
    const u32 target = get32(bytes, 30);
    if (protocol == icmp) return target == addresses::gateway || target == addresses::resolver;
    const u16 port = get16(bytes, 36);
    return (protocol == udp_protocol && port == 67) || (target == addresses::gateway && port == local_port());
}

void Stack::input(const Bytes& frame)
{
    const auto admitted = guard.admit(frame, now_ms);
    if (!admitted.empty() && stays_here(admitted))
        ::slirp_input(slirp, admitted.data(), static_cast<int>(admitted.size()));
    GIMBAL_ASSERT(guard.open_sockets() <= 2 * max_sockets);
}

void Stack::poll()
{
    polled.clear();
    u32 timeout = 0;
    ::slirp_pollfds_fill(
        slirp, &timeout,
        [](int fd, int events, void* opaque) {
            auto& list = self(opaque).polled;
            list.push_back({fd,
                            static_cast<short>(((events & SLIRP_POLL_IN) != 0 ? POLLIN : 0) |
                                               ((events & SLIRP_POLL_OUT) != 0 ? POLLOUT : 0)),
                            0});
            return static_cast<int>(list.size()) - 1;
        },
        this);
    // libFuzzer's alarm interrupts even a poll that does not wait.
    while (::poll(polled.data(), polled.size(), 0) < 0) GIMBAL_ASSERT(errno == EINTR);
    ::slirp_pollfds_poll(
        slirp, 0,
        [](int index, void* opaque) {
            const short seen = self(opaque).polled[static_cast<usize>(index)].revents;
            return ((seen & POLLIN) != 0 ? SLIRP_POLL_IN : 0) | ((seen & POLLOUT) != 0 ? SLIRP_POLL_OUT : 0) |
                   ((seen & POLLERR) != 0 ? SLIRP_POLL_ERR : 0) | ((seen & POLLHUP) != 0 ? SLIRP_POLL_HUP : 0);
        },
        this);
}

/// Bytes changed after the checksums were made, so that some are wrong.
Bytes damaged(Bytes frame, test::OpStream& ops)
{
    for (u64 changes = ops.take(1) % 4; changes != 0 && !frame.empty(); --changes)
        frame[ops.take(2) % frame.size()] = static_cast<u8>(ops.take(1));
    if ((ops.take(1) & 15) == 0) frame.resize(ops.take(2) % (frame.size() + 1));
    return frame;
}

Bytes payload(test::OpStream& ops)
{
    const auto bytes = ops.take_span(ops.take(1) % 128);
    Bytes result(bytes.begin(), bytes.end());
    if ((ops.take(1) & 7) == 0) result.resize(ops.take(2));
    return result;
}

Bytes segment_with_options(const Tcp& in, test::OpStream& ops)
{
    Bytes frame = tcp(in);
    const auto bytes = ops.take_span(ops.take(1) % 10 * 4);
    Bytes segment(frame.begin() + 34, frame.end());
    Bytes options(bytes.begin(), bytes.end());
    options.resize((options.size() + 3) / 4 * 4);
    segment.insert(segment.begin() + 20, options.begin(), options.end());
    segment[12] = static_cast<u8>((20 + options.size()) / 4 << 4);
    set16(segment, 16, 0);
    set16(segment, 16, transport_checksum(in.source, in.target, tcp_protocol, segment));
    return ipv4(in.source, in.target, tcp_protocol, segment);
}

/// ICMPv6 with a right checksum.
Bytes icmpv6(test::OpStream& ops)
{
    Bytes packet{0x60, 0, 0, 0, 0, 0, 58, 255};
    const auto addresses6 = ops.take_span(32);
    packet.insert(packet.end(), addresses6.begin(), addresses6.end());
    packet.resize(40);
    if ((ops.take(1) & 3) != 0) { // from the guest to the host
        std::fill(packet.begin() + 8, packet.end(), u8{0});
        packet[8] = packet[24] = 0xFE;
        packet[9] = packet[25] = 0x80;
        packet[23] = 9;
        packet[39] = 2;
    }
    Bytes message{static_cast<u8>(ops.take(1)), 0, 0, 0};
    const Bytes data = payload(ops);
    message.insert(message.end(), data.begin(), data.end());
    set16(packet, 4, static_cast<u16>(message.size()));
    set16(message, 2,
          InternetSum{}
              .add(std::span(packet).subspan(8))
              .add(u16{58})
              .add(static_cast<u16>(message.size()))
              .add(message)
              .field());
    packet.insert(packet.end(), message.begin(), message.end());
    return ethernet(0x86DD, packet);
}

Bytes next_frame(test::OpStream& ops)
{
    const u32 source = addresses::guest + static_cast<u32>(ops.take(1) & 3);
    switch (ops.take(1) % 8) {
    case 0: return arp_request(source, addresses::network + static_cast<u32>(ops.take(1)));
    case 1: {
        Bytes message = dhcp(static_cast<u8>(ops.take(1)));
        const auto options = ops.take_span(ops.take(1) % 60);
        Bytes segment(message.begin() + 34, message.end());
        std::ranges::copy(options, segment.begin() + 8 + 240);
        set16(segment, 6, 0);
        return ipv4(0, 0xFFFF'FFFF, udp_protocol, segment);
    }
    case 2: {
        const u16 from = static_cast<u16>(ops.take(1));
        return udp(source, from, addresses::gateway, local_port(), payload(ops));
    }
    case 3:
    case 4: {
        const Tcp in{source,
                     static_cast<u16>(ops.take(1) & 3),
                     addresses::gateway,
                     local_port(),
                     static_cast<u32>(ops.take(2)),
                     static_cast<u32>(ops.take(4)),
                     static_cast<u8>(ops.take(1)),
                     payload(ops)};
        return segment_with_options(in, ops);
    }
    case 5: {
        Bytes echo{8, 0, 0, 0, 0, 1, 0, 1};
        const Bytes data = payload(ops);
        echo.insert(echo.end(), data.begin(), data.end());
        set16(echo, 2, InternetSum{}.add(echo).field());
        return ipv4(source, addresses::gateway, icmp, echo);
    }
    case 6: { // a fragment of a datagram to us
        const u16 field = static_cast<u16>(ops.take(2));
        return ipv4(source, addresses::gateway, udp_protocol, payload(ops), static_cast<u16>(ops.take(1)), field);
    }
    case 7: return icmpv6(ops);
    }
    return {};
}

} // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name.
extern "C" int LLVMFuzzerTestOneInput(const u8* data, usize size)
{
    static_cast<void>(std::signal(SIGPIPE, SIG_IGN));
    Stack stack;
    test::OpStream ops(data, size);
    while (!ops.empty()) {
        switch (ops.take(1) % 8) {
        case 0: stack.now_ms += static_cast<i64>(ops.take(2)); break;
        case 1:
        case 2: stack.poll(); break;
        case 3: { // anything
            const auto bytes = ops.take_span(ops.take(1));
            stack.input({bytes.begin(), bytes.end()});
            break;
        }
        case 4: stack.input(damaged(next_frame(ops), ops)); break;
        default: stack.input(next_frame(ops)); break;
        }
    }
    return 0;
}
