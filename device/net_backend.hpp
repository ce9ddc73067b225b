// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "base/types.hpp"

namespace gimbal {

/// Ethernet frames as they are passed around: from the destination address to the end of the payload, without preamble
/// and frame check sequence. The largest holds an IP packet of 65535 bytes behind a VLAN tag.
inline constexpr usize ethernet_header_size = 14;
inline constexpr usize max_frame_size = ethernet_header_size + 4 + 65535;

enum class Delivery : u8 {
    delivered,
    dropped,    ///< The guest does not listen, or cannot take a frame like this one.
    no_buffers, ///< The guest listens but has no room now: NetBackend::receiver_ready() follows.
};

/// A network card as its wire sees it.
class FrameReceiver {
public:
    /// One frame for the guest, whole or not at all. `checksum_good`: its transport checksum is there and was verified.
    virtual Delivery deliver(std::span<const u8> frame, bool checksum_good) = 0;
    /// After some deliver() calls: tells the guest of all of them at once.
    virtual void end_of_burst() = 0;

protected:
    ~FrameReceiver() = default;
};

/// The wire. Everything is called on the one thread that runs the card's queues, which is also the thread on which the
/// backend delivers; so neither side needs a lock, and a frame is copied once.
class NetBackend {
public:
    /// One frame from the guest, 14 to max_frame_size bytes, with its checksums complete. Lost frames are the backend's
    /// to count; as on a wire the sender hears nothing of them.
    virtual void send(std::span<const u8> frame) = 0;
    /// There may be receive buffers again.
    virtual void receiver_ready() = 0;

protected:
    ~NetBackend() = default;
};

} // namespace gimbal
