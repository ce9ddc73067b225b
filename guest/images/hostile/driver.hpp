// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime.hpp"

// A driver of virtio-mmio devices that can be honest and need not be.

constexpr u32 max_queues = 4; ///< That we drive, of a device.
constexpr u16 queue_size = 8;

constexpr u16 next_flag = 1;
constexpr u16 write_flag = 2;
constexpr u16 indirect_flag = 4;

constexpr u32 needs_reset = 64;

enum : u32 { network = 1, block = 2, console = 3, entropy = 4 };

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

/// Everything of one queue, as the device sees it. The device writes `used`, and the second CPU anything.
struct alignas(4096) Queue {
    volatile Descriptor descriptors[queue_size];
    alignas(256) volatile Available available;
    alignas(256) volatile Used used;
    alignas(256) volatile Descriptor table[272]; ///< For indirect tables, longer than a device takes.
    alignas(256) volatile u8 buffer[1024];
};

inline u64 address_of(const volatile void* pointer) { return reinterpret_cast<u64>(pointer); }

/// Where a queue is said to be.
struct Layout {
    u32 size;
    u64 descriptors;
    u64 available;
    u64 used;
};

class Device {
public:
    u64 base{};
    u32 id{};
    u32 queue_count{};
    Queue* queues{};

    /// False: nobody at this address.
    bool find(u64 at, Queue* memory);
    u32 status() const { return read32(base + 0x70); }
    void reset() const { write32(base + 0x70, 0); }
    /// Reset, and everything up to FEATURES_OK. False: the device does not take the features.
    bool negotiate(u64 features) const;
    Layout layout(u32 queue) const;
    void set_up(u32 queue, const Layout& layout) const;
    void driver_ok() const { write32(base + 0x70, 15); }
    /// All of it, with queues that are empty and sound.
    bool bring_up() const;

    void describe(u32 queue, u32 index, u64 address, u32 length, u16 flags, u16 next = 0) const;
    void offer(u32 queue, u16 head) const; ///< And notifies.
    void notify(u32 queue) const { write32(base + 0x50, queue); }
    /// Within ten seconds of guest time.
    bool wait_used(u32 queue, u16 index) const;
    bool wait_needs_reset() const;
    /// An honest request, answered as its device should; on a queue that runs.
    bool request(u32 queue) const;
    /// The queue that request() is for when none is chosen.
    u32 main_queue() const { return id == console || id == network ? 1 : 0; }
};
