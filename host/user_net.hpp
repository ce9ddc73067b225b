// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include <poll.h>

#include "base/atomic.hpp"
#include "device/net_backend.hpp"
#include "device/virtio/device.hpp"
#include "host/error.hpp"
#include "host/fd.hpp"
#include "host/net_guard.hpp"
#include "host/worker.hpp"

struct Slirp;
struct SlirpCb;

namespace gimbal::host {

/// A port of the host that leads to one of the guest's.
struct PortForward {
    bool udp{};
    std::string host_address{"127.0.0.1"}; ///< IPv4, in dots.
    u16 host_port{};
    u16 guest_port{};
};

/// User-mode network: libslirp speaks TCP/IP with the guest and ordinary sockets with the world, so that nothing here
/// needs root. The guest is 10.0.2.15, by DHCP; the host answers as 10.0.2.2, its resolver as 10.0.2.3.
///
/// One thread polls the sockets, runs the card's queues and carries the frames between them; libslirp belongs to it.
/// The guest's ring is the queue towards the world. Towards the guest there is a bounded backlog, and while it is not
/// empty nothing is read from sockets: TCP's senders wait, other frames are lost and counted.
class UserNet final : public NetBackend, public virtio::QueueRunner, public Pausable {
public:
    /// What the guest may send in one frame. Far above Ethernet's, because no wire cares and each frame costs the guest
    /// far more than its bytes.
    static constexpr u16 mtu = 65520;
    static constexpr usize max_backlog_frames = 512;
    static constexpr usize max_backlog_bytes = usize{4} << 20;

    struct Counters {
        Atomic<u64> to_guest_dropped{};   ///< The backlog was full.
        Atomic<u64> from_guest_dropped{}; ///< Refused by the guard (NetGuard).
    };

    /// Listens on every forwarded port, or says which one cannot be had and why.
    static Result<std::unique_ptr<UserNet>, HostError> open(const std::vector<PortForward>& forwards);
    ~UserNet() override;
    UserNet(const UserNet&) = delete;
    UserNet& operator=(const UserNet&) = delete;

    /// Starts the thread. `device` and `receiver` are the two sides of one card and outlive stop(). `on_failure` is
    /// called on the thread if it cannot go on. Throws if the system has no thread to give.
    void start(virtio::Device& device, FrameReceiver& receiver, Worker::OnFailure on_failure);
    /// Paused, the thread touches neither the guest nor a socket; what arrives meanwhile waits in the host's sockets,
    /// and the network's clock stands still.
    void request_pause() override;
    void wait_paused() override;
    void resume() override;
    /// Joins the thread. Connections stay: another start() finds them.
    void stop();

    void ring(u32 queue) noexcept override;

    void send(std::span<const u8> frame) override;
    void receiver_ready() override;

    const Counters& counters() const { return counters_; }
    /// Sockets that the guest's traffic has opened; when the thread is stopped or paused.
    usize open_sockets() const { return guard_.open_sockets(); }

private:
    struct Timer {
        int id;
        void* opaque;
        i64 due_ms{-1}; // of the network's clock; -1: not armed
    };
    struct Frame {
        std::vector<u8> bytes;
        bool checksum_good;
    };
    enum class Wish : u8 { run, pause, stop };

    UserNet();
    Result<void, HostError> add_forward(const PortForward& forward);
    static const SlirpCb& callbacks();

    void run();
    void step();
    bool park_if_wished(); // false: stop
    void serve_rings();
    int collect();
    int add_poll(int fd, int events);
    int revents(int index) const;
    void check_accepts(usize sockets_before);
    void wait(int timeout_ms);
    void fire_timers();
    int timeout_ms(u32 slirp_ms) const;
    void to_guest(std::span<const u8> frame);
    void wake() noexcept;
    void wish(Wish wish);
    i64 now_ns() const;

    Slirp* slirp_{};
    Fd wake_fd_;
    NetGuard guard_;
    virtio::Device* device_{};
    FrameReceiver* receiver_{};
    Worker::OnFailure on_failure_;
    Counters counters_;

    Atomic<u32> rung_{0};        // bit per queue: set by anyone, taken by the thread
    Atomic<bool> asleep_{false}; // the thread is about to poll, or does: a ring must wake it
    std::mutex mutex_;           // guards parked_ and ended_, and every change of wish_
    std::condition_variable changed_;
    Atomic<Wish> wish_{Wish::run};
    bool parked_{};
    bool ended_{true};

    // The thread's own, or its owner's while it does not run.
    std::vector<pollfd> polled_;
    std::unordered_map<int, bool> forwards_; // descriptors that are always open; whether they accept connections
    std::list<Timer> timers_;
    std::deque<Frame> backlog_;
    usize backlog_bytes_{};
    i64 accepts_again_ns_{}; // the host had no descriptor for a connection: not before this time
    i64 frozen_ns_{};        // by how much pauses hold the network's clock back
    std::thread thread_;
};

} // namespace gimbal::host
