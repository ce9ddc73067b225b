// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/types.hpp"

/// Virtio over MMIO (VIRTIO 1.2, 4.2.2), version 2. QueueReset is not among them: VIRTIO_F_RING_RESET is not offered.
namespace gimbal::virtio::mmio {

enum class Register : u16 {
    magic_value = 0x000,         // R
    version = 0x004,             // R
    device_id = 0x008,           // R
    vendor_id = 0x00C,           // R
    device_features = 0x010,     // R
    device_features_sel = 0x014, // W
    driver_features = 0x020,     // W
    driver_features_sel = 0x024, // W
    queue_sel = 0x030,           // W
    queue_num_max = 0x034,       // R
    queue_num = 0x038,           // W
    queue_ready = 0x044,         // RW
    queue_notify = 0x050,        // W
    interrupt_status = 0x060,    // R
    interrupt_ack = 0x064,       // W
    status = 0x070,              // RW
    queue_desc_low = 0x080,      // W
    queue_desc_high = 0x084,     // W
    queue_driver_low = 0x090,    // W
    queue_driver_high = 0x094,   // W
    queue_device_low = 0x0A0,    // W
    queue_device_high = 0x0A4,   // W
    shm_sel = 0x0AC,             // W
    shm_len_low = 0x0B0,         // R
    shm_len_high = 0x0B4,        // R
    shm_base_low = 0x0B8,        // R
    shm_base_high = 0x0BC,       // R
    config_generation = 0x0FC,   // R
};

inline constexpr u64 config_offset = 0x100;
inline constexpr u64 size = 0x200; ///< Bytes, registers and configuration space together.

inline constexpr u32 magic = 0x7472'6976; ///< "virt"
inline constexpr u32 version = 2;
inline constexpr u32 vendor = 0x4C42'4D47; ///< "GMBL"; no registry hands these out.

/// Bits of InterruptStatus and InterruptACK.
namespace interrupt {
inline constexpr u32 used_buffer = 1;
inline constexpr u32 configuration_change = 2;
} // namespace interrupt

} // namespace gimbal::virtio::mmio
