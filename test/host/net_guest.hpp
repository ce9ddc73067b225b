// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>

#include <gtest/gtest.h>

#include "host/user_net.hpp"
#include "test/host/net_frames.hpp"

namespace gimbal::test {

/// A card and its driver in one: frames go in on the test's thread and come out on the network's.
class NetGuest final : public virtio::Device, public FrameReceiver {
public:
    using Bytes = frames::Bytes;

    explicit NetGuest(host::UserNet& net) : net_(net) {}
    ~NetGuest() { net_.stop(); }
    NetGuest(const NetGuest&) = delete;
    NetGuest& operator=(const NetGuest&) = delete;

    void start()
    {
        net_.start(*this, *this, [this](const std::string&) {
            const std::scoped_lock guard(mutex_);
            failed_ = true;
            changed_.notify_all();
        });
    }
    void send(Bytes frame)
    {
        {
            const std::scoped_lock guard(mutex_);
            outgoing_.push_back(std::move(frame));
        }
        net_.ring(1);
    }
    /// Returns once everything sent so far was taken.
    void settle()
    {
        std::unique_lock lock(mutex_);
        EXPECT_TRUE(changed_.wait_for(lock, patience, [this] { return outgoing_.empty() && !busy_; }));
    }
    /// The first frame that `wanted` accepts, out of those that nobody has waited for yet; none after half a minute.
    template <class Predicate>
    std::optional<Bytes> wait_for(Predicate wanted)
    {
        std::unique_lock lock(mutex_);
        std::optional<Bytes> found;
        changed_.wait_for(lock, patience, [&] {
            while (!incoming_.empty() && !found) {
                if (wanted(incoming_.front())) found = std::move(incoming_.front());
                incoming_.pop_front();
            }
            return found.has_value();
        });
        return found;
    }
    /// A TCP segment to `port` with all of `flags`.
    std::optional<frames::Tcp> wait_for_tcp(u16 port, u8 flags)
    {
        const auto frame = wait_for([&](const Bytes& bytes) {
            if (!frames::is_ipv4(bytes, frames::tcp_protocol)) return false;
            const auto tcp = frames::parse_tcp(bytes);
            return tcp.to == port && (tcp.flags & flags) == flags;
        });
        if (!frame) return std::nullopt;
        return frames::parse_tcp(*frame);
    }
    bool wait_for_failure()
    {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, patience, [this] { return failed_; });
    }
    void set_room(bool room)
    {
        {
            const std::scoped_lock guard(mutex_);
            room_ = room;
        }
        net_.ring(0);
    }
    usize waiting()
    {
        const std::scoped_lock guard(mutex_);
        return incoming_.size();
    }

    /// Introduces itself, so that nothing has to ask for its address.
    void announce() { send(frames::arp_request(host::net_addresses::guest, host::net_addresses::gateway)); }

    // The network's thread.
    void process(u32 queue) override
    {
        if (queue == 0) return net_.receiver_ready();
        std::deque<Bytes> batch;
        {
            const std::scoped_lock guard(mutex_);
            batch.swap(outgoing_);
            busy_ = true;
        }
        for (const Bytes& frame : batch) net_.send(frame);
        const std::scoped_lock guard(mutex_);
        busy_ = false;
        changed_.notify_all();
    }
    Delivery deliver(std::span<const u8> frame, bool) override
    {
        const std::scoped_lock guard(mutex_);
        if (!room_) return Delivery::no_buffers;
        incoming_.emplace_back(frame.begin(), frame.end());
        changed_.notify_all();
        return Delivery::delivered;
    }
    void end_of_burst() override {}

    virtio::DeviceId id() const override { return virtio::DeviceId::network; }
    u64 features() const override { return 0; }
    u32 queue_count() const override { return 2; }
    void attach(virtio::DeviceHost&) override {}
    void read_config(u32, std::span<u8>) override {}
    void write_config(u32, std::span<const u8>) override {}
    void activate(u64) override {}
    void reset() override {}
    void notify(u32) override {}

private:
    static constexpr std::chrono::seconds patience{30};

    host::UserNet& net_;
    std::mutex mutex_; // guards everything below
    std::condition_variable changed_;
    std::deque<Bytes> outgoing_;
    std::deque<Bytes> incoming_;
    bool busy_{};
    bool room_{true};
    bool failed_{};
};

} // namespace gimbal::test
