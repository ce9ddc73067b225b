// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "guest/images/common/machine.hpp"

// A driver of virtio-mmio devices (VIRTIO 1.2) for whoever takes each step alone, honest or not.

namespace virtio_mmio { // 4.2.2
constexpr u64 magic_value = 0x000;
constexpr u64 version = 0x004;
constexpr u64 device_id = 0x008;
constexpr u64 device_features = 0x010;
constexpr u64 device_features_select = 0x014;
constexpr u64 driver_features = 0x020;
constexpr u64 driver_features_select = 0x024;
constexpr u64 queue_select = 0x030;
constexpr u64 queue_size_max = 0x034;
constexpr u64 queue_size = 0x038;
constexpr u64 queue_ready = 0x044;
constexpr u64 queue_notify = 0x050;
constexpr u64 interrupt_status = 0x060;
constexpr u64 status = 0x070;
constexpr u64 queue_descriptors = 0x080;
constexpr u64 queue_driver = 0x090;
constexpr u64 queue_device = 0x0A0;
} // namespace virtio_mmio

constexpr u64 first_slot = 0x0A00'0000;
constexpr u64 slot_size = 0x200;
constexpr u32 slot_count = 32;

enum : u32 { network = 1, block = 2, console = 3, entropy = 4 };

namespace device_status { // 2.1
constexpr u32 acknowledge = 1;
constexpr u32 driver = 2;
constexpr u32 driver_ok = 4;
constexpr u32 features_ok = 8;
constexpr u32 needs_reset = 64;
constexpr u32 runs = acknowledge | driver | features_ok | driver_ok;
} // namespace device_status

constexpr u64 indirect_descriptors = bit(28);
constexpr u64 version_1 = bit(32);

constexpr u16 queue_size = 8;
constexpr u16 next_flag = 1;
constexpr u16 write_flag = 2;
constexpr u16 indirect_flag = 4;

struct Descriptor {
    u64 address;
    u32 length;
    u16 flags;
    u16 next;
};

struct Available {
    u16 flags;
    u16 index;
    u16 ring[queue_size];
    u16 used_event;
};

struct Used {
    u16 flags;
    u16 index;
    struct {
        u32 id;
        u32 length;
    } ring[queue_size];
    u16 available_event;
};

inline u64 address_of(const volatile void* pointer) { return reinterpret_cast<u64>(pointer); }

/// Where a queue is said to be.
struct Layout {
    u32 size;
    u64 descriptors;
    u64 available;
    u64 used;
};

/// A queue, as the device sees it. The device writes `used`.
struct Rings {
    volatile Descriptor descriptors[queue_size];
    alignas(256) volatile Available available;
    alignas(256) volatile Used used;

    Layout layout() const;
    void describe(u32 index, u64 address, u32 length, u16 flags, u16 next = 0);
    void offer(u16 head); ///< The device is not notified.
};

class VirtioDevice {
public:
    u64 base{};
    u32 id{};

    /// False: nobody at this address.
    bool find(u64 at);
    u32 read(u64 offset) const { return read32(base + offset); }
    void write(u64 offset, u32 value) const { write32(base + offset, value); }
    u64 features() const; ///< That it offers.
    u32 status() const { return read(virtio_mmio::status); }
    bool needs_reset() const { return (status() & device_status::needs_reset) != 0; }
    void reset() const { write(virtio_mmio::status, 0); }
    /// Reset, and everything up to FEATURES_OK. False: the device does not take the features.
    bool negotiate(u64 features) const;
    void set_up(u32 queue, const Layout& layout) const;
    void driver_ok() const { write(virtio_mmio::status, device_status::runs); }
    void notify(u32 queue) const { write(virtio_mmio::queue_notify, queue); }
};
