// SPDX-License-Identifier: Apache-2.0
#include "device/virtio/mmio.hpp"

#include "base/assert.hpp"

namespace gimbal::virtio {
namespace {

using mmio::Register;

constexpr u32 driver_status =
    status::acknowledge | status::driver | status::driver_ok | status::features_ok | status::failed;

Queue make_queue(GuestMemory& memory, usize) { return Queue(memory); }

template <usize... index>
std::array<Queue, sizeof...(index)> make_queues(GuestMemory& memory, std::index_sequence<index...>)
{
    return {make_queue(memory, index)...};
}

void set_low(u64& address, u32 value) { address = (address & ~low_mask(32)) | value; }
void set_high(u64& address, u32 value) { address = (address & low_mask(32)) | (u64{value} << 32); }

} // namespace

MmioTransport::MmioTransport(Device& device, GuestMemory& memory, InterruptSource line)
    : device_(device), queues_(make_queues(memory, std::make_index_sequence<max_queues>{})), line_(line)
{
    GIMBAL_ASSERT(device.queue_count() >= 1 && device.queue_count() <= max_queues);
    device.attach(*this);
}

Queue& MmioTransport::queue(u32 index)
{
    GIMBAL_ASSERT(index < device_.queue_count());
    return queues_[index];
}

// The device's side. A reset stops the queues before it clears the events, so that none of an earlier life is raised.

void MmioTransport::used(u32 queue)
{
    SpinGuard guard(event_lock_);
    if (this->queue(queue).take_interrupt()) raise(mmio::interrupt::used_buffer);
}

void MmioTransport::config_changed()
{
    SpinGuard guard(event_lock_);
    ++generation_;
    if (live_.load(MemoryOrder::relaxed)) raise(mmio::interrupt::configuration_change);
}

void MmioTransport::queue_broken(u32 queue)
{
    SpinGuard guard(event_lock_);
    Queue& broken = this->queue(queue);
    if (!broken.running() || !broken.broken()) return;
    broken.stop();
    need_reset();
}

/// 2.1.2: a driver that is up is told.
void MmioTransport::need_reset()
{
    needs_reset_ = true;
    if (live_.load(MemoryOrder::relaxed)) raise(mmio::interrupt::configuration_change);
}

void MmioTransport::raise(u32 bits)
{
    interrupt_status_ |= bits;
    line_.set(true);
}

u32 MmioTransport::interrupt_status()
{
    SpinGuard guard(event_lock_);
    return interrupt_status_;
}

void MmioTransport::acknowledge(u32 bits)
{
    SpinGuard guard(event_lock_);
    interrupt_status_ &= ~bits;
    if (interrupt_status_ == 0) line_.set(false);
}

u32 MmioTransport::read_status()
{
    SpinGuard guard(event_lock_);
    return status_ | (needs_reset_ ? status::device_needs_reset : 0);
}

// The driver's side.

MmioTransport::QueueRegisters* MmioTransport::selected()
{
    return queue_sel_ < device_.queue_count() ? &queue_registers_[queue_sel_] : nullptr;
}

/// The selected queue, as long as it may be set up: not while it is ready, and never once the device runs.
MmioTransport::QueueRegisters* MmioTransport::configurable()
{
    QueueRegisters* const registers = selected();
    return registers != nullptr && !registers->ready && !has_status(status::driver_ok) ? registers : nullptr;
}

/// Write-only registers read as zero.
std::optional<u32> MmioTransport::read_register(u64 offset)
{
    switch (static_cast<Register>(offset)) {
    case Register::magic_value: return mmio::magic;
    case Register::version: return mmio::version;
    case Register::device_id: return static_cast<u32>(device_.id());
    case Register::vendor_id: return mmio::vendor;
    case Register::device_features:
        return device_features_sel_ < 2 ? static_cast<u32>(offered() >> (32 * device_features_sel_)) : 0;
    case Register::queue_num_max: return selected() != nullptr ? max_queue_size : 0;
    case Register::queue_ready: return selected() != nullptr && selected()->ready ? 1 : 0;
    case Register::interrupt_status: return interrupt_status();
    case Register::status: return read_status();
    case Register::shm_len_low:
    case Register::shm_len_high:
    case Register::shm_base_low:
    case Register::shm_base_high: return ~u32{0}; // no such region, whatever SHMSel says
    case Register::config_generation: {
        SpinGuard guard(event_lock_);
        return generation_;
    }
    case Register::device_features_sel:
    case Register::driver_features:
    case Register::driver_features_sel:
    case Register::queue_sel:
    case Register::queue_num:
    case Register::queue_notify:
    case Register::interrupt_ack:
    case Register::queue_desc_low:
    case Register::queue_desc_high:
    case Register::queue_driver_low:
    case Register::queue_driver_high:
    case Register::queue_device_low:
    case Register::queue_device_high:
    case Register::shm_sel: return 0;
    }
    return std::nullopt;
}

/// Read-only registers ignore writes.
bool MmioTransport::write_register(u64 offset, u32 value)
{
    const auto reg = static_cast<Register>(offset);
    switch (reg) {
    case Register::magic_value:
    case Register::version:
    case Register::device_id:
    case Register::vendor_id:
    case Register::device_features:
    case Register::queue_num_max:
    case Register::interrupt_status:
    case Register::shm_sel:
    case Register::shm_len_low:
    case Register::shm_len_high:
    case Register::shm_base_low:
    case Register::shm_base_high:
    case Register::config_generation: return true;
    case Register::device_features_sel: device_features_sel_ = value; return true;
    case Register::driver_features: write_driver_features(value); return true;
    case Register::driver_features_sel: driver_features_sel_ = value; return true;
    case Register::queue_sel: queue_sel_ = value; return true;
    case Register::queue_ready: write_queue_ready(value); return true;
    case Register::queue_notify: return true; // see write()
    case Register::interrupt_ack: acknowledge(value); return true;
    case Register::status: write_status(value); return true;
    case Register::queue_num:
    case Register::queue_desc_low:
    case Register::queue_desc_high:
    case Register::queue_driver_low:
    case Register::queue_driver_high:
    case Register::queue_device_low:
    case Register::queue_device_high: return write_queue_register(reg, value);
    }
    return false;
}

bool MmioTransport::write_queue_register(Register reg, u32 value)
{
    QueueRegisters* const registers = configurable();
    if (registers == nullptr) return true; // the driver must not
    if (reg == Register::queue_num) registers->size = value;
    if (reg == Register::queue_desc_low) set_low(registers->descriptors, value);
    if (reg == Register::queue_desc_high) set_high(registers->descriptors, value);
    if (reg == Register::queue_driver_low) set_low(registers->driver, value);
    if (reg == Register::queue_driver_high) set_high(registers->driver, value);
    if (reg == Register::queue_device_low) set_low(registers->device, value);
    if (reg == Register::queue_device_high) set_high(registers->device, value);
    return true;
}

void MmioTransport::write_driver_features(u32 value)
{
    if (has_status(status::features_ok)) return; // 3.1.1: none may be added after this step
    if (driver_features_sel_ == 0)
        set_low(driver_features_, value);
    else if (driver_features_sel_ == 1)
        set_high(driver_features_, value);
    else if (value != 0)
        unknown_features_ = true;
}

/// Zero stops a queue at any time: when the write is done, the device leaves its memory alone.
void MmioTransport::write_queue_ready(u32 value)
{
    QueueRegisters* const registers = selected();
    if (registers == nullptr) return;
    if (value == 0) {
        registers->ready = false;
        queues_[queue_sel_].stop();
    } else if (value == 1 && configurable() != nullptr) {
        registers->ready = true;
    }
}

/// 2.2.2: a subset of what is offered; a device of version 1 only does not work without VIRTIO_F_VERSION_1 (6.2).
bool MmioTransport::features_are_acceptable() const
{
    return (driver_features_ & ~offered()) == 0 && !unknown_features_ && (driver_features_ & feature::version_1) != 0;
}

/// 2.1.1: a driver sets bits and clears none; only zero resets. DRIVER_OK counts once FEATURES_OK stands.
void MmioTransport::write_status(u32 value)
{
    if (value == 0) {
        reset();
        return;
    }
    u32 added = value & driver_status & ~status_;
    if ((added & status::features_ok) != 0 && !features_are_acceptable()) added &= ~status::features_ok;
    if (((status_ | added) & status::features_ok) == 0) added &= ~status::driver_ok;
    status_ |= added;
    if ((added & status::driver_ok) != 0) start_queues();
}

void MmioTransport::start_queues()
{
    bool sound = true;
    for (u32 index = 0; index < device_.queue_count(); ++index) {
        const QueueRegisters& registers = queue_registers_[index];
        if (!registers.ready) continue;
        const QueueLayout layout{registers.size <= max_queue_size ? static_cast<u16>(registers.size) : u16{0},
                                 {registers.descriptors},
                                 {registers.driver},
                                 {registers.device}};
        sound &= queues_[index].start(layout, driver_features_);
    }
    device_.activate(driver_features_);
    SpinGuard guard(event_lock_);
    live_.store(true);
    if (!sound || needs_reset_) need_reset(); // a queue may have broken already
}

void MmioTransport::reset()
{
    for (Queue& queue : queues_) queue.stop();
    device_.reset();
    for (QueueRegisters& registers : queue_registers_) registers = {};
    status_ = device_features_sel_ = driver_features_sel_ = queue_sel_ = 0;
    driver_features_ = 0;
    unknown_features_ = false;
    SpinGuard guard(event_lock_);
    live_.store(false);
    needs_reset_ = false;
    interrupt_status_ = 0;
    line_.set(false);
}

Result<u64, BusError> MmioTransport::read(const AccessContext&, u64 offset, AccessSize size)
{
    if (offset >= mmio::config_offset) {
        u8 bytes[8]{};
        SpinGuard guard(driver_lock_);
        device_.read_config(static_cast<u32>(offset - mmio::config_offset), {bytes, byte_count(size)});
        u64 value = 0;
        for (unsigned i = 0; i < byte_count(size); ++i) value |= u64{bytes[i]} << (8 * i);
        return value;
    }
    if (offset % 4 != 0 || size != AccessSize::bytes_4) return fail(BusError::bad_access);
    SpinGuard guard(driver_lock_);
    const std::optional<u32> value = read_register(offset);
    if (!value) return fail(BusError::bad_access);
    return *value;
}

Result<void, BusError> MmioTransport::write(const AccessContext&, u64 offset, AccessSize size, u64 value)
{
    if (offset >= mmio::config_offset) {
        u8 bytes[8];
        for (unsigned i = 0; i < sizeof bytes; ++i) bytes[i] = static_cast<u8>(value >> (8 * i));
        SpinGuard guard(driver_lock_);
        device_.write_config(static_cast<u32>(offset - mmio::config_offset), {bytes, byte_count(size)});
        return {};
    }
    if (offset % 4 != 0 || size != AccessSize::bytes_4) return fail(BusError::bad_access);
    if (static_cast<Register>(offset) == Register::queue_notify) {
        notify(static_cast<u32>(value));
        return {};
    }
    SpinGuard guard(driver_lock_);
    if (!write_register(offset, static_cast<u32>(value))) return fail(BusError::bad_access);
    return {};
}

} // namespace gimbal::virtio
