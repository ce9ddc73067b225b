// SPDX-License-Identifier: Apache-2.0
#include "host/user_net.hpp"

#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <exception>
#include <system_error>
#include <utility>

extern "C" {
#include <slirp/libslirp.h>
}

#include "base/assert.hpp"
#include "host/frame_checksum.hpp"
#include "host/net_addresses.hpp"
#include "host/thread.hpp"

namespace gimbal::host {
namespace {

namespace addresses = net_addresses;

constexpr i64 ns_per_ms = 1'000'000;
constexpr i64 accept_pause_ms = 100;
constexpr u32 slirp_idle_ms = 1000; // what libslirp asks for when it has nothing to wait for
constexpr usize default_max_sockets = 512;

in_addr address4(u32 value) { return {htonl(value)}; }

in6_addr address6(u8 last)
{
    in6_addr address{};
    std::copy(std::begin(addresses::prefix6), std::end(addresses::prefix6), std::begin(address.s6_addr));
    address.s6_addr[15] = last;
    return address;
}

/// A guest may fill its share of the process's descriptors, not all of them.
usize socket_limit()
{
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return default_max_sockets;
    return std::clamp<usize>(limit.rlim_cur / 4, 4, default_max_sockets);
}

i64 steady_ns() { return std::chrono::steady_clock::now().time_since_epoch().count(); }

std::string forward_error(const PortForward& forward, int code)
{
    std::string text = std::string(forward.udp ? "udp" : "tcp") + " port " + std::to_string(forward.host_port) +
                       " of " + forward.host_address + " cannot be forwarded: " + system_error(code).message;
    if (code == EADDRINUSE) text += "; another program has it, choose another port";
    if (code == EACCES) text += "; it needs privileges, choose a port above 1023";
    if (code == EADDRNOTAVAIL) text += "; this machine has no such address";
    return text;
}

} // namespace

const SlirpCb& UserNet::callbacks()
{
    static constexpr auto self = [](void* opaque) -> UserNet& { return *static_cast<UserNet*>(opaque); };
    static const SlirpCb table{
        .send_packet = [](const void* bytes, size_t size, void* opaque) -> ssize_t {
            self(opaque).to_guest({static_cast<const u8*>(bytes), size});
            return static_cast<ssize_t>(size);
        },
        .guest_error = [](const char*, void*) {}, // a guest's mistakes are its own; what is refused is counted
        .clock_get_ns = [](void* opaque) -> int64_t { return self(opaque).now_ns(); },
        .timer_new = nullptr,
        .timer_free =
            [](void* timer, void* opaque) {
                self(opaque).timers_.remove_if([&](const Timer& other) { return &other == timer; });
            },
        .timer_mod = [](void* timer, int64_t when_ms, void*) { static_cast<Timer*>(timer)->due_ms = when_ms; },
        .register_poll_fd = [](int fd, void* opaque) { self(opaque).guard_.socket_opened(fd); },
        .unregister_poll_fd = [](int fd, void* opaque) { self(opaque).guard_.socket_closed(fd); },
        .notify = [](void*) {}, // comes from the thread itself, which looks at everything before it sleeps
        .init_completed = nullptr,
        .timer_new_opaque = [](SlirpTimerId id, void* timer_opaque, void* opaque) -> void* {
            return &self(opaque).timers_.emplace_back(Timer{id, timer_opaque});
        },
    };
    return table;
}

UserNet::UserNet() : wake_fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), guard_(socket_limit()) {}

Result<std::unique_ptr<UserNet>, HostError> UserNet::open(const std::vector<PortForward>& forwards)
{
    std::unique_ptr<UserNet> net(new UserNet);
    if (!net->wake_fd_) return fail(system_error(errno));
    SlirpConfig config{};
    config.version = 4; // timers by id
    config.in_enabled = true;
    config.vnetwork = address4(addresses::network);
    config.vnetmask = address4(addresses::mask);
    config.vhost = address4(addresses::gateway);
    config.vnameserver = address4(addresses::resolver);
    config.vdhcp_start = address4(addresses::guest);
    config.in6_enabled = true;
    config.vprefix_addr6 = address6(0);
    config.vprefix_len = addresses::prefix6_bits;
    config.vhost6 = address6(2);
    config.vnameserver6 = address6(3);
    config.vhostname = "gimbal";
    config.if_mtu = mtu;
    config.if_mru = mtu;
    net->slirp_ = ::slirp_new(&config, &callbacks(), net.get());
    if (net->slirp_ == nullptr) return fail(HostError{"libslirp cannot be set up", 0});
    for (const PortForward& forward : forwards) GIMBAL_TRY_VOID(net->add_forward(forward));
    return net;
}

UserNet::~UserNet()
{
    stop();
    if (slirp_ != nullptr) ::slirp_cleanup(slirp_);
}

Result<void, HostError> UserNet::add_forward(const PortForward& forward)
{
    sockaddr_in host{};
    sockaddr_in guest{};
    host.sin_family = guest.sin_family = AF_INET;
    if (::inet_pton(AF_INET, forward.host_address.c_str(), &host.sin_addr) != 1)
        return fail(HostError{"'" + forward.host_address + "' is no IPv4 address", 0});
    host.sin_port = htons(forward.host_port);
    guest.sin_addr = address4(addresses::guest);
    guest.sin_port = htons(forward.guest_port);
    const int added = ::slirp_add_hostxfwd(slirp_, reinterpret_cast<const sockaddr*>(&host), sizeof(host),
                                           reinterpret_cast<const sockaddr*>(&guest), sizeof(guest),
                                           forward.udp ? SLIRP_HOSTFWD_UDP : 0);
    const int code = errno;
    if (added != 0) return fail(HostError{forward_error(forward, code), code});
    return {};
}

void UserNet::start(virtio::Device& device, FrameReceiver& receiver, Worker::OnFailure on_failure)
{
    GIMBAL_ASSERT(!thread_.joinable());
    device_ = &device;
    receiver_ = &receiver;
    on_failure_ = std::move(on_failure);
    wish_.store(Wish::run);
    parked_ = false;
    ended_ = false;
    thread_ = std::thread([this] {
        name_this_thread("net");
        run();
    });
}

void UserNet::stop()
{
    if (!thread_.joinable()) return;
    wish(Wish::stop);
    thread_.join();
    device_ = nullptr;
    receiver_ = nullptr;
    rung_.store(0);
    backlog_.clear();
    backlog_bytes_ = 0;
}

void UserNet::wish(Wish wish)
{
    {
        const std::scoped_lock guard(mutex_);
        wish_.store(wish);
    }
    changed_.notify_all();
    wake();
}

void UserNet::request_pause() { wish(Wish::pause); }

void UserNet::wait_paused()
{
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return parked_ || ended_; });
}

void UserNet::resume() { wish(Wish::run); }

void UserNet::wake() noexcept
{
    const u64 one = 1;
    static_cast<void>(!::write(wake_fd_.get(), &one, sizeof(one))); // full means that a wake-up is pending
}

void UserNet::ring(u32 queue) noexcept
{
    rung_.fetch_or(u32{1} << queue);
    // Either the thread sees the bit before it sleeps, or we see that it sleeps.
    if (asleep_.load()) wake();
}

i64 UserNet::now_ns() const { return steady_ns() - frozen_ns_; }

void UserNet::run()
{
    try {
        while (park_if_wished()) step();
    } catch (const std::exception& error) {
        on_failure_(error.what());
    }
    const std::scoped_lock guard(mutex_);
    ended_ = true;
    changed_.notify_all();
}

bool UserNet::park_if_wished()
{
    if (wish_.load() == Wish::run) return true;
    std::unique_lock lock(mutex_);
    if (wish_.load() == Wish::pause) {
        const i64 since = steady_ns();
        parked_ = true;
        changed_.notify_all();
        changed_.wait(lock, [this] { return wish_.load() != Wish::pause; });
        parked_ = false;
        frozen_ns_ += steady_ns() - since;
    }
    return wish_.load() == Wish::run;
}

/// One turn: what the guest wants, then what the world wants.
void UserNet::step()
{
    serve_rings();
    receiver_->end_of_burst();
    const int timeout = collect();
    const usize sockets_before = guard_.open_sockets();
    wait(timeout);
    fire_timers();
    ::slirp_pollfds_poll(
        slirp_, 0, [](int index, void* opaque) { return static_cast<UserNet*>(opaque)->revents(index); }, this);
    check_accepts(sockets_before);
    receiver_->end_of_burst();
}

void UserNet::serve_rings()
{
    u32 rung = rung_.exchange(0);
    for (u32 queue = 0; rung != 0; ++queue, rung >>= 1)
        if ((rung & 1) != 0) device_->process(queue);
}

/// Fills polled_; returns how long to wait in milliseconds, -1 for ever.
int UserNet::collect()
{
    polled_.clear();
    polled_.push_back({wake_fd_.get(), POLLIN, 0});
    u32 slirp_ms = UINT32_MAX;
    ::slirp_pollfds_fill(
        slirp_, &slirp_ms,
        [](int fd, int events, void* opaque) { return static_cast<UserNet*>(opaque)->add_poll(fd, events); }, this);
    return timeout_ms(slirp_ms);
}

int UserNet::timeout_ms(u32 slirp_ms) const
{
    // libslirp's idle second stands for "nothing to do", as long as it has no socket whose time could run out.
    i64 left = slirp_ms >= slirp_idle_ms && guard_.open_sockets() == 0 ? INT64_MAX : i64{slirp_ms};
    const i64 now_ms = now_ns() / ns_per_ms;
    for (const Timer& timer : timers_)
        if (timer.due_ms >= 0) left = std::min(left, std::max<i64>(0, timer.due_ms - now_ms));
    if (accepts_again_ns_ != 0) left = std::min(left, accept_pause_ms);
    return left > INT_MAX ? -1 : static_cast<int>(left);
}

/// Called by libslirp with each descriptor it waits for. -1: not this time.
int UserNet::add_poll(int fd, int events)
{
    if (!guard_.owns(fd)) { // a forwarded port, there from the start to the end
        auto known = forwards_.find(fd);
        if (known == forwards_.end()) {
            int accepts = 0;
            socklen_t size = sizeof(accepts);
            static_cast<void>(::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &size));
            known = forwards_.emplace(fd, accepts != 0).first;
        }
        if (known->second && (guard_.full() || accepts_again_ns_ > now_ns())) return -1;
    }
    short wanted = 0;
    if ((events & SLIRP_POLL_IN) != 0 && backlog_.empty()) wanted |= POLLIN;
    if ((events & SLIRP_POLL_PRI) != 0 && backlog_.empty()) wanted |= POLLPRI;
    if ((events & SLIRP_POLL_OUT) != 0) wanted |= POLLOUT;
    if (wanted == 0) return -1;
    polled_.push_back({fd, wanted, 0});
    return static_cast<int>(polled_.size()) - 1;
}

int UserNet::revents(int index) const
{
    const short seen = polled_[static_cast<usize>(index)].revents;
    int result = 0;
    if ((seen & POLLIN) != 0) result |= SLIRP_POLL_IN;
    if ((seen & POLLOUT) != 0) result |= SLIRP_POLL_OUT;
    if ((seen & POLLPRI) != 0) result |= SLIRP_POLL_PRI;
    if ((seen & (POLLERR | POLLNVAL)) != 0) result |= SLIRP_POLL_ERR;
    if ((seen & POLLHUP) != 0) result |= SLIRP_POLL_HUP;
    return result;
}

/// A connection that cannot be accepted stays ready: without a pause the thread would spin on it.
void UserNet::check_accepts(usize sockets_before)
{
    accepts_again_ns_ = accepts_again_ns_ > now_ns() ? accepts_again_ns_ : 0;
    const bool ready = std::ranges::any_of(polled_, [this](const pollfd& polled) {
        const auto forward = forwards_.find(polled.fd);
        return polled.revents != 0 && forward != forwards_.end() && forward->second;
    });
    if (ready && guard_.open_sockets() <= sockets_before) accepts_again_ns_ = now_ns() + accept_pause_ms * ns_per_ms;
}

void UserNet::wait(int timeout_ms)
{
    asleep_.store(true);
    if (rung_.load() != 0 || wish_.load() != Wish::run) timeout_ms = 0;
    const int ready = ::poll(polled_.data(), polled_.size(), timeout_ms);
    asleep_.store(false);
    if (ready < 0) {
        for (pollfd& polled : polled_) polled.revents = 0;
        // ENOMEM passes; EINVAL means more descriptors than the limit, which may have been lowered.
        if (errno != EINTR && errno != ENOMEM) throw std::system_error(errno, std::system_category(), "poll");
        return;
    }
    u64 count = 0;
    if (polled_.front().revents != 0) static_cast<void>(!::read(wake_fd_.get(), &count, sizeof(count)));
}

void UserNet::fire_timers()
{
    const i64 now_ms = now_ns() / ns_per_ms;
    for (Timer& timer : timers_) {
        if (timer.due_ms < 0 || timer.due_ms > now_ms) continue;
        timer.due_ms = -1;
        ::slirp_handle_timer(slirp_, static_cast<SlirpTimerId>(timer.id), timer.opaque);
    }
}

void UserNet::send(std::span<const u8> frame)
{
    const auto admitted = guard_.admit(frame, now_ns() / ns_per_ms);
    if (admitted.empty())
        counters_.from_guest_dropped.fetch_add(1, MemoryOrder::relaxed);
    else
        ::slirp_input(slirp_, admitted.data(), static_cast<int>(admitted.size()));
}

void UserNet::to_guest(std::span<const u8> frame)
{
    guard_.observe(frame, now_ns() / ns_per_ms);
    if (receiver_ == nullptr) return; // being taken down
    const bool good = has_good_transport_checksum(frame);
    if (backlog_.empty() && receiver_->deliver(frame, good) != Delivery::no_buffers) return;
    if (backlog_.size() >= max_backlog_frames || backlog_bytes_ + frame.size() > max_backlog_bytes) {
        counters_.to_guest_dropped.fetch_add(1, MemoryOrder::relaxed);
        return;
    }
    backlog_.push_back({
        {frame.begin(), frame.end()},
        good
    });
    backlog_bytes_ += frame.size();
}

void UserNet::receiver_ready()
{
    while (!backlog_.empty()) {
        const Frame& frame = backlog_.front();
        if (receiver_->deliver(frame.bytes, frame.checksum_good) == Delivery::no_buffers) break;
        backlog_bytes_ -= frame.bytes.size();
        backlog_.pop_front();
    }
}

} // namespace gimbal::host
