// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <csignal>
#include <string>

#include "test/host/net_guest.hpp"

/// The host's side of tests of the user-mode network, and connections through it.
namespace gimbal::host {

using namespace test::frames;
using test::NetGuest;

inline std::unique_ptr<UserNet> open_net(const std::vector<PortForward>& forwards = {})
{
    std::signal(SIGPIPE, SIG_IGN);
    auto net = UserNet::open(forwards);
    EXPECT_TRUE(net) << net.error().message;
    return net ? std::move(*net) : nullptr;
}

inline void pause(UserNet& net)
{
    net.request_pause();
    net.wait_paused();
}

/// A network and a guest on it that has introduced itself.
struct Online {
    explicit Online(const std::vector<PortForward>& forwards = {}) : net(open_net(forwards)), guest(*net)
    {
        guest.start();
        guest.announce();
    }

    std::unique_ptr<UserNet> net;
    NetGuest guest;
};

inline sockaddr_in loopback(u16 port = 0)
{
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return address;
}

inline void limit_waiting(const Fd& fd)
{
    const timeval patience{30, 0};
    EXPECT_EQ(::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
}

/// A socket on 127.0.0.1, at a port that the system picks.
struct HostSocket {
    explicit HostSocket(int type) : fd(::socket(AF_INET, type | SOCK_CLOEXEC, 0))
    {
        sockaddr_in address = loopback();
        EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
        EXPECT_TRUE(type != SOCK_STREAM || ::listen(fd.get(), 64) == 0);
        socklen_t size = sizeof(address);
        EXPECT_EQ(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
        port = ntohs(address.sin_port);
        limit_waiting(fd);
    }
    Fd fd;
    u16 port{};
};

inline Fd connect_to(u16 port)
{
    Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_in address = loopback(port);
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    limit_waiting(fd);
    return fd;
}

/// A port that was free a moment ago.
inline u16 free_port() { return HostSocket(SOCK_STREAM).port; }

inline std::string receive(int fd, usize size)
{
    std::string bytes(size, '\0');
    usize filled = 0;
    while (filled < size) {
        const ssize_t count = ::recv(fd, bytes.data() + filled, size - filled, 0);
        if (count <= 0) break;
        filled += static_cast<usize>(count);
    }
    bytes.resize(filled);
    return bytes;
}

/// The guest's side of a connection to the host, as far as a test needs it: in order, one segment at a time.
struct Connection {
    NetGuest& guest;
    Tcp state; // what we send next

    static std::optional<Connection> open(NetGuest& guest, u16 from, u16 to)
    {
        Tcp tcp{.from = from, .to = to, .sequence = 1000, .flags = syn};
        guest.send(test::frames::tcp(tcp));
        const auto answer = guest.wait_for_tcp(from, syn | ack);
        if (!answer) return std::nullopt;
        tcp.sequence = 1001;
        tcp.acknowledgement = answer->sequence + 1;
        tcp.flags = ack;
        guest.send(test::frames::tcp(tcp));
        return Connection{guest, tcp};
    }
    void send(const Bytes& data)
    {
        Tcp out = state;
        out.data = data;
        guest.send(test::frames::tcp(out));
        state.sequence += static_cast<u32>(data.size());
    }
    /// The next `size` bytes, acknowledged one by one segment.
    std::string read(usize size)
    {
        std::string got;
        while (got.size() < size) {
            const auto segment = guest.wait_for_tcp(state.from, ack);
            if (!segment) break;
            if (segment->sequence != state.acknowledgement || segment->data.empty()) continue;
            got.append(segment->data.begin(), segment->data.end());
            state.acknowledgement += static_cast<u32>(segment->data.size());
            guest.send(test::frames::tcp(state));
        }
        return got;
    }
};

} // namespace gimbal::host
