// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <optional>
#include <utility>

#include "base/atomic.hpp"
#include "base/spinlock.hpp"
#include "device/virtio/device.hpp"
#include "device/virtio/mmio_registers.hpp"
#include "vm/bus.hpp"
#include "vm/interrupt_chip.hpp"

namespace gimbal::virtio {

/// The virtio-mmio transport of one device: registers, status, queues and interrupt. Outlives the device's threads.
/// Locks are taken in this order: driver_lock_, the device's own, event_lock_, a queue's.
class MmioTransport final : public MmioDevice, public DeviceHost {
public:
    static constexpr AccessLimits access_limits{AccessSize::bytes_1, AccessSize::bytes_4, false};
    static constexpr u64 size = mmio::size;

    /// Attaches itself to `device`, which outlives it.
    MmioTransport(Device& device, GuestMemory& memory, InterruptSource line);

    Result<u64, BusError> read(const AccessContext& context, u64 offset, AccessSize size) override;
    Result<void, BusError> write(const AccessContext& context, u64 offset, AccessSize size, u64 value) override;

    /// QueueNotify, by a write or by a doorbell that an engine rang; any thread. Without the register lock, so that
    /// vCPUs do not wait for each other here. A reset may come in between: the queue tells.
    void notify(u32 queue)
    {
        if (live_.load(MemoryOrder::acquire) && queue < device_.queue_count()) device_.notify(queue);
    }

    Queue& queue(u32 index) override;
    void used(u32 queue) override;
    void config_changed() override;
    void queue_broken(u32 queue) override;

private:
    /// What the driver has written about one queue; latched, and judged at DRIVER_OK.
    struct QueueRegisters {
        u32 size{};
        bool ready{};
        u64 descriptors{};
        u64 driver{};
        u64 device{};
    };

    u64 offered() const { return device_.features() | feature::of_every_device; }
    bool has_status(u32 bits) const { return (status_ & bits) == bits; }
    QueueRegisters* selected();
    QueueRegisters* configurable();

    std::optional<u32> read_register(u64 offset);
    bool write_register(u64 offset, u32 value);
    bool write_queue_register(mmio::Register reg, u32 value);
    void write_driver_features(u32 value);
    void write_queue_ready(u32 value);
    void write_status(u32 value);
    bool features_are_acceptable() const;
    void start_queues();
    void reset();

    u32 read_status();
    u32 interrupt_status();
    void acknowledge(u32 bits);
    void raise(u32 bits);
    void need_reset();

    Device& device_;
    std::array<Queue, max_queues> queues_; // each has its own lock

    SpinLock driver_lock_; // one vCPU in the registers at a time; guards what the driver writes, down to event_lock_
    u32 status_{};         // without DEVICE_NEEDS_RESET
    u64 driver_features_{};
    bool unknown_features_{}; // the driver has asked for bits above 63
    u32 device_features_sel_{};
    u32 driver_features_sel_{};
    u32 queue_sel_{};
    QueueRegisters queue_registers_[max_queues]{};

    SpinLock event_lock_; // guards what the device's threads change too
    InterruptSource line_;
    u32 interrupt_status_{};
    u32 generation_{};
    bool needs_reset_{};

    Atomic<bool> live_{false}; // DRIVER_OK; written under both locks, read without by QueueNotify
};

} // namespace gimbal::virtio
