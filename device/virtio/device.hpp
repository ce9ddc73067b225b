// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "device/virtio/protocol.hpp"
#include "device/virtio/queue.hpp"

namespace gimbal::virtio {

/// Who runs a device's queues: a thread on hosts, a deferred job on bare metal; never the vCPU that rings.
class QueueRunner {
public:
    /// Any thread, never waits: call Device::process(queue) soon. Rings while that runs are not lost; many are one.
    virtual void ring(u32 queue) noexcept = 0;

protected:
    ~QueueRunner() = default;
};

/// What the transport gives a device: its queues, and the ways to be heard. A device may hold a lock of its own in
/// these calls; in return it takes that lock in activate(), reset() and the configuration accesses, and calls used(),
/// config_changed() and queue_broken() from there too if it likes.
class DeviceHost {
public:
    virtual Queue& queue(u32 index) = 0;
    /// Any thread: used buffers of `queue` are published; interrupts the driver unless it has asked not to be.
    virtual void used(u32 queue) = 0;
    /// Any thread: the configuration space has changed (ConfigGeneration moves, the driver is told). Called under the
    /// device's lock under which it changed, so that no driver can take fields of both for one.
    virtual void config_changed() = 0;
    /// Any thread: `queue` said QueueError::broken. It stops, the others go on, and the driver sees
    /// DEVICE_NEEDS_RESET (2.1.2). Without effect if a reset was faster.
    virtual void queue_broken(u32 queue) = 0;

protected:
    ~DeviceHost() = default;
};

/// A virtio device behind any transport. It knows requests; the transport knows registers, status and interrupts.
class Device {
public:
    virtual DeviceId id() const = 0;
    /// Offered beside feature::of_every_device.
    virtual u64 features() const = 0;
    virtual u32 queue_count() const = 0; ///< 1..max_queues; does not change.

    /// Before the machine runs. `host` outlives the device's last call.
    virtual void attach(DeviceHost& host) = 0;

    /// The configuration space: `out` is 1, 2, 4 or 8 bytes at a naturally aligned `offset`; what lies beyond its end
    /// reads as zero. On a vCPU's thread, one access at a time.
    virtual void read_config(u32 offset, std::span<u8> out) = 0;
    virtual void write_config(u32 offset, std::span<const u8> data) = 0;

    /// DRIVER_OK: queues that the driver made ready run from here. On a vCPU's thread.
    virtual void activate(u64 negotiated) = 0;
    /// Status 0. The queues are stopped already: no access to guest memory through them succeeds any more, so that a
    /// request in flight has no effect but on the backend. On a vCPU's thread; must not wait for a backend.
    virtual void reset() = 0;

    /// QueueNotify, on any thread of a vCPU or its engine, also while another one resets: pass it to the runner, do no
    /// work.
    virtual void notify(u32 queue) = 0;
    /// On the runner's thread, one call at a time per queue, several queues at once: takes what is available.
    virtual void process(u32 queue) = 0;

protected:
    ~Device() = default;
};

} // namespace gimbal::virtio
