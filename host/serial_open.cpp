// SPDX-License-Identifier: Apache-2.0
// How a serial port comes by its descriptors, and how a socket's peers come and go.
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "host/serial.hpp"

namespace gimbal::host {
namespace {

/// A second description of the same pipe or terminal, which alone does not block: O_NONBLOCK on the one that we
/// inherited would change it under our parent and everyone else who shares it.
Fd reopen_nonblocking(int fd)
{
    struct stat status{};
    if (::fstat(fd, &status) != 0 || !(S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode))) return {};
    return Fd(::open(fmt::format("/proc/self/fd/{}", fd).c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
}

bool is_socket(int fd)
{
    struct stat status{};
    return ::fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode);
}

/// True if a process listens at `address`; a socket file that nobody serves is left over from a crash.
bool is_served(const sockaddr_un& address)
{
    const Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const int status = ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address));
    return status == 0 || errno == EAGAIN;
}

} // namespace

Result<std::unique_ptr<SerialPort>, HostError> SerialPort::open(const SerialConfig& config, EventLoop& loop)
{
    std::unique_ptr<SerialPort> port(new SerialPort(loop));
    Result<void, HostError> opened;
    switch (config.kind) {
    case SerialKind::stdio: opened = port->open_stdio(); break;
    case SerialKind::file: opened = port->open_file(config.path); break;
    case SerialKind::unix_socket: opened = port->open_socket(config.path); break;
    case SerialKind::null:
        port->counts_drops_ = false;
        port->attach(-1, -1);
        break;
    }
    if (!opened) return fail(opened.error());
    loop.on_wake([raw = port.get()] { raw->on_wake(); });
    return port;
}

SerialPort::~SerialPort()
{
    for (EventLoop::Watch* watch : {in_watch_, out_watch_, listen_watch_})
        if (watch != nullptr) loop_.remove(*watch);
    if (!socket_path_.empty()) ::unlink(socket_path_.c_str());
}

Result<void, HostError> SerialPort::open_stdio()
{
    interactive_ = ::isatty(0) != 0;
    owned_out_ = reopen_nonblocking(1);
    is_socket_ = false;
    // What poll calls writable takes at least this much without waiting (PIPE_BUF; a terminal's low-water mark).
    constexpr usize certain_chunk = 256;
    if (!owned_out_ && !is_socket(1)) chunk_ = certain_chunk;
    attach(0, owned_out_ ? owned_out_.get() : 1);
    return {};
}

Result<void, HostError> SerialPort::open_file(const std::string& path)
{
    owned_out_.reset(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0666));
    if (!owned_out_) return fail(system_error(errno));
    attach(-1, owned_out_.get());
    return {};
}

Result<void, HostError> SerialPort::open_socket(const std::string& path)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof(address.sun_path))
        return fail(HostError{fmt::format("a socket's path has at most {} characters, not {}",
                                          sizeof(address.sun_path) - 1, path.size())});
    std::memcpy(address.sun_path, path.data(), path.size());
    listener_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!listener_) return fail(system_error(errno));
    const auto* const generic = reinterpret_cast<const sockaddr*>(&address);
    int status = ::bind(listener_.get(), generic, sizeof(address));
    if (status != 0 && errno == EADDRINUSE) {
        struct stat found{};
        if (::lstat(path.c_str(), &found) == 0 && !S_ISSOCK(found.st_mode))
            return fail(HostError{"a file that is no socket is there already"});
        if (is_served(address)) return fail(HostError{"another process listens there"});
        ::unlink(path.c_str());
        status = ::bind(listener_.get(), generic, sizeof(address));
    }
    if (status != 0) return fail(system_error(errno));
    socket_path_ = path;
    if (::listen(listener_.get(), 1) != 0) return fail(system_error(errno));
    is_socket_ = true;
    keeps_output_ = true;
    listen_watch_ = &loop_.watch(listener_.get(), POLLIN, [this](short) { accept_peer(); });
    return {};
}

void SerialPort::attach(int in, int out)
{
    in_fd_ = in;
    out_fd_ = out;
    if (in >= 0) in_watch_ = &loop_.watch(in, POLLIN, [this](short) { read_input(); });
    if (out >= 0) out_watch_ = &loop_.watch(out, 0, [this](short) { drain(); });
}

void SerialPort::accept_peer()
{
    Fd peer(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!peer || peer_) return; // one at a time: the second one sees its connection closed
    peer_ = std::move(peer);
    attach(peer_.get(), peer_.get());
    drain();
}

void SerialPort::drop_peer()
{
    if (is_socket_ && in_watch_ != nullptr) {
        loop_.remove(*in_watch_);
        in_watch_ = nullptr;
        in_fd_ = -1;
    }
    if (out_watch_ != nullptr) loop_.remove(*out_watch_);
    out_watch_ = nullptr;
    out_fd_ = -1;
    peer_.reset();
    overlay_text_.clear();
    prompt_shown_ = false;
    at_line_start_ = true;
}

} // namespace gimbal::host
