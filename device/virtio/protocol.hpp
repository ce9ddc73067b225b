// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/bits.hpp"

/// Numbers of the virtio specification (VIRTIO 1.2) that more than one device needs.
namespace gimbal::virtio {

/// 5, "Device Types".
enum class DeviceId : u32 {
    network = 1,
    block = 2,
    console = 3,
    entropy = 4,
    balloon = 5,
    vsock = 19,
    file_system = 26
};

/// 6, "Reserved Feature Bits": what the transport and the queues offer for every device.
namespace feature {
inline constexpr u64 ring_indirect_desc = bit(28);
inline constexpr u64 ring_event_idx = bit(29);
inline constexpr u64 version_1 = bit(32);
inline constexpr u64 of_every_device = ring_indirect_desc | ring_event_idx | version_1;
} // namespace feature

/// 2.1, "Device Status Field".
namespace status {
inline constexpr u32 acknowledge = 1;
inline constexpr u32 driver = 2;
inline constexpr u32 driver_ok = 4;
inline constexpr u32 features_ok = 8;
inline constexpr u32 device_needs_reset = 64;
inline constexpr u32 failed = 128;
} // namespace status

/// 2.7, "Split Virtqueues".
namespace descriptor_flag {
inline constexpr u16 next = 1;
inline constexpr u16 write = 2;
inline constexpr u16 indirect = 4;
} // namespace descriptor_flag

/// Queues of one device at most, and entries of one queue: QueueNumMax of every queue. Nothing here allocates.
inline constexpr u32 max_queues = 16;
inline constexpr u16 max_queue_size = 256;

} // namespace gimbal::virtio
