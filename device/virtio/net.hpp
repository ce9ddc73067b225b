// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "device/net_backend.hpp"
#include "device/virtio/device.hpp"

namespace gimbal::virtio {

/// 5.1, "Network Device".
namespace net {
inline constexpr u32 receive_queue = 0;
inline constexpr u32 transmit_queue = 1;
inline constexpr u32 control_queue = 2;

/// 5.1.3, "Feature bits".
namespace feature {
inline constexpr u64 csum = bit(0);
inline constexpr u64 guest_csum = bit(1);
inline constexpr u64 mtu = bit(3);
inline constexpr u64 mac = bit(5);
inline constexpr u64 mrg_rxbuf = bit(15);
inline constexpr u64 status = bit(16);
inline constexpr u64 ctrl_vq = bit(17);
inline constexpr u64 ctrl_rx = bit(18);
inline constexpr u64 ctrl_mac_addr = bit(23);
} // namespace feature

/// 5.1.6, struct virtio_net_hdr; num_buffers is always there, because VERSION_1 is.
inline constexpr usize header_size = 12;
inline constexpr u8 header_needs_csum = 1;
inline constexpr u8 header_data_valid = 2;
inline constexpr u8 header_gso_none = 0;

/// 5.1.4, struct virtio_net_config, as far as offered features give its fields a meaning.
inline constexpr usize config_size = 12;
inline constexpr u32 config_status = 6;
inline constexpr u32 config_mtu = 10;
inline constexpr u16 status_link_up = 1;
} // namespace net

struct MacAddress {
    u8 bytes[6]{};
    friend bool operator==(const MacAddress&, const MacAddress&) = default;
};

/// Locally administered and stable: the guest's interface keeps its name and its lease from one run to the next.
constexpr MacAddress default_mac_address(u32 index)
{
    const u32 low = 0x123456 + index;
    return {
        {0x52, 0x54, 0x00, static_cast<u8>(low >> 16), static_cast<u8>(low >> 8), static_cast<u8>(low)}
    };
}

struct NetConfig {
    MacAddress mac;
    u16 mtu{1500}; ///< 68..65535; what the wire carries behind the Ethernet header.
};

/// A network card with one receive, one transmit and one control queue. Only process() and the FrameReceiver calls move
/// frames, all on the runner's thread.
class Net final : public Device, public FrameReceiver {
public:
    struct Counters {
        Atomic<u64> transmitted{};
        Atomic<u64> transmit_dropped{}; ///< Malformed.
        Atomic<u64> received{};
        Atomic<u64> receive_dropped{}; ///< Nobody listened, filtered, or larger than the guest's buffers.
    };

    Net(const NetConfig& config, NetBackend& backend, QueueRunner& runner);

    DeviceId id() const override { return DeviceId::network; }
    u64 features() const override;
    u32 queue_count() const override { return 3; }
    void attach(DeviceHost& host) override { host_ = &host; }
    void read_config(u32 offset, std::span<u8> out) override;
    void write_config(u32, std::span<const u8>) override {} // 5.1.4: read-only
    void activate(u64 negotiated) override;
    void reset() override;
    void notify(u32 queue) override { runner_.ring(queue); }
    void process(u32 queue) override;

    Delivery deliver(std::span<const u8> frame, bool checksum_good) override;
    void end_of_burst() override;

    /// Any thread: the cable. While it is out, frames are lost both ways.
    void set_link(bool up);

    const Counters& counters() const { return counters_; }

private:
    static constexpr unsigned burst = 256; // requests of one queue before the others have their turn
    static constexpr unsigned max_filters = 16;

    /// What the driver has set through the control queue (5.1.6.5).
    struct Filter {
        MacAddress own;
        MacAddress table[max_filters];
        u32 table_size{};
        bool table_overflow{};
        bool promiscuous{true}; // until a driver that knows better says otherwise
        bool all_multicast{};
    };

    void process_transmit();
    bool transmit_next(Queue& queue);
    void transmit(std::span<u8> packet);
    bool complete_checksum(std::span<u8> frame, u16 start, u16 offset) const;
    void process_control();
    bool control(Queue& queue);
    bool control_receive_mode(Queue& queue, u8 command);
    bool control_mac(Queue& queue, u8 command);
    bool read_mac_table(Queue& queue, Filter& filter) const;
    bool passes(std::span<const u8> frame);
    Result<Delivery, QueueError> fill_buffers(Queue& queue, std::span<const u8> frame, bool checksum_good);
    void stop_queue(u32 queue, QueueError error);

    const NetConfig config_;
    NetBackend& backend_;
    QueueRunner& runner_;
    DeviceHost* host_{};
    Atomic<u64> negotiated_{}; // zero until DRIVER_OK; written by vCPUs
    Atomic<bool> link_up_{true};
    SpinLock lock_; // guards filter_, which vCPUs reset
    Filter filter_;
    Counters counters_;

    // The runner's own.
    Chain chain_; // the request in work; a backend may deliver while one is transmitted
    Chain first_; // of a frame's receive buffers
    Chain next_;  // the others, one after another
    bool delivered_{};
    u8 frame_[net::header_size + max_frame_size];
};

} // namespace gimbal::virtio
