// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "guest/images/common/virtio.hpp"
#include "runtime.hpp"

// A driver of virtio-mmio devices that can be honest and need not be.

constexpr u32 max_queues = 4; ///< That we drive, of a device.

/// Everything of one queue, as the device sees it. The device writes `used`, and the second CPU anything.
struct alignas(4096) Queue : Rings {
    alignas(256) volatile Descriptor table[272]; ///< For indirect tables, longer than a device takes.
    alignas(256) volatile u8 buffer[1024];
};

class Device : public VirtioDevice {
public:
    u32 queue_count{};
    Queue* queues{};

    /// False: nobody at this address.
    bool find(u64 at, Queue* memory);
    Layout layout(u32 queue) const { return queues[queue].layout(); }
    /// All of it, with queues that are empty and sound.
    bool bring_up() const;

    void describe(u32 queue, u32 index, u64 address, u32 length, u16 flags, u16 next = 0) const
    {
        queues[queue].describe(index, address, length, flags, next);
    }
    void offer(u32 queue, u16 head) const ///< And notifies.
    {
        queues[queue].offer(head);
        notify(queue);
    }
    /// Within ten seconds of guest time.
    bool wait_used(u32 queue, u16 index) const;
    bool wait_needs_reset() const;
    /// An honest request, answered as its device should; on a queue that runs.
    bool request(u32 queue) const;
    /// The queue that request() is for when none is chosen.
    u32 main_queue() const { return id == console || id == network ? 1 : 0; }
};
