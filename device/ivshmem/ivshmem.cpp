// SPDX-License-Identifier: Apache-2.0
#include "device/ivshmem/ivshmem.hpp"

#include "base/bits.hpp"

namespace gimbal {
namespace {

enum class Register : u16 {
    interrupt_mask = 0x0,
    interrupt_status = 0x4,
    iv_position = 0x8,
    doorbell = 0xC,
};
constexpr u32 request = 1; // the only bit of mask and status

// PCI Local Bus Specification 3.0, 6.1 "Configuration Space Organization"
enum class Configuration : u8 {
    id = 0x00,
    command_status = 0x04,
    class_revision = 0x08,
    cache_line_header_type = 0x0C,
    subsystem = 0x2C,
    capabilities = 0x34,
    interrupt = 0x3C,
    allocation = 0x40,
    registers_entry = 0x44,
    registers_base = 0x48,
    registers_last = 0x4C,
    memory_entry = 0x50,
    memory_base = 0x54,
    memory_last = 0x58,
};

constexpr u32 device_id = 0x1110'1af4;
constexpr u32 subsystem_id = 0x1100'1af4;
constexpr u32 class_and_revision = 0x0500'0001; // a RAM controller
constexpr u16 memory_space = 1 << 1;
constexpr u16 interrupt_disable = 1 << 10;
// Those that a function without I/O space and DMA may have: memory, bus master, parity, SERR, interrupt disable.
constexpr u16 command_bits = memory_space | 1 << 2 | 1 << 6 | 1 << 8 | interrupt_disable;
constexpr u32 status_interrupt = 1U << 19;
constexpr u32 status_capabilities = 1U << 20;
constexpr u32 pin_a = 1 << 8;

// PCI Code and ID Assignment, "Enhanced Allocation": the capability's first word, and the first word of an entry.
constexpr u32 allocation_capability = 0x14 | 2 << 16; // two entries, the last capability
constexpr u32 entry_enable = 1U << 31;
constexpr u32 entry_size = 2; // words behind the first
constexpr u32 no_secondary = 0xFF << 16;
constexpr u32 property_memory = 0x00 << 8;
constexpr u32 property_prefetchable = 0x01 << 8;
constexpr u32 equivalent_bar(u32 bar) { return bar << 4; }

constexpr u32 merge(u32 old, u32 value, u32 mask) { return (old & ~mask) | (value & mask); }

} // namespace

void Ivshmem::update_line() { line_.set(is_asserted() && (command_ & interrupt_disable) == 0); }

void Ivshmem::ring()
{
    SpinGuard guard(lock_);
    status_ = request;
    update_line();
}

void Ivshmem::reset()
{
    SpinGuard guard(lock_);
    mask_ = status_ = 0;
    command_ = 0;
    cache_line_ = interrupt_line_ = 0;
    update_line();
}

Result<u64, BusError> Ivshmem::read(const AccessContext&, u64 offset, AccessSize size)
{
    if (offset % 4 != 0 || offset >= registers_size || size != AccessSize::bytes_4) return fail(BusError::bad_access);
    SpinGuard guard(lock_);
    if ((command_ & memory_space) == 0) return low_mask(32);
    switch (static_cast<Register>(offset)) {
    case Register::interrupt_mask: return mask_;
    case Register::interrupt_status: {
        const u32 status = status_;
        status_ = 0; // reading acknowledges
        update_line();
        return status;
    }
    case Register::iv_position: return id_;
    case Register::doorbell: return 0U; // write-only
    }
    return 0U; // reserved
}

Result<void, BusError> Ivshmem::write(const AccessContext&, u64 offset, AccessSize size, u64 value)
{
    if (offset % 4 != 0 || offset >= registers_size || size != AccessSize::bytes_4) return fail(BusError::bad_access);
    Ivshmem* target = nullptr;
    {
        SpinGuard guard(lock_);
        if ((command_ & memory_space) == 0) return {};
        switch (static_cast<Register>(offset)) {
        case Register::interrupt_mask: mask_ = value & request; break;
        case Register::interrupt_status: status_ = value & request; break;
        case Register::iv_position: break; // read-only
        case Register::doorbell:
            // Vector [15:0], of which there is one; whose [31:16].
            if (bits(value, 0, 16) == 0 && bits(value, 16, 16) <= 1) target = bits(value, 16, 16) == id_ ? this : peer_;
            break;
        }
        update_line();
    }
    if (target != nullptr) target->ring();
    return {};
}

u32 Ivshmem::read_configuration(u32 offset)
{
    SpinGuard guard(lock_);
    switch (static_cast<Configuration>(offset)) {
    case Configuration::id: return device_id;
    case Configuration::command_status:
        return u32{command_} | status_capabilities | (is_asserted() ? status_interrupt : 0);
    case Configuration::class_revision: return class_and_revision;
    case Configuration::cache_line_header_type: return cache_line_;
    case Configuration::subsystem: return subsystem_id;
    case Configuration::capabilities: return static_cast<u32>(Configuration::allocation);
    case Configuration::interrupt: return pin_a | interrupt_line_;
    case Configuration::allocation: return allocation_capability;
    case Configuration::registers_entry:
        return entry_enable | no_secondary | property_memory | equivalent_bar(0) | entry_size;
    case Configuration::registers_base: return place_.registers;
    case Configuration::registers_last: return static_cast<u32>(registers_size - 4);
    case Configuration::memory_entry:
        return entry_enable | no_secondary | property_prefetchable | equivalent_bar(2) | entry_size;
    case Configuration::memory_base: return place_.memory;
    case Configuration::memory_last: return place_.memory_size - 4;
    }
    return 0; // base address registers, expansion ROM, reserved
}

void Ivshmem::write_configuration(u32 offset, u32 value, u32 mask)
{
    SpinGuard guard(lock_);
    switch (static_cast<Configuration>(offset)) {
    case Configuration::command_status: // Status has no error bits that could be set
        command_ = static_cast<u16>(merge(command_, value, mask & command_bits));
        break;
    case Configuration::cache_line_header_type:
        cache_line_ = static_cast<u8>(merge(cache_line_, value, mask & 0xFF));
        break;
    case Configuration::interrupt: interrupt_line_ = static_cast<u8>(merge(interrupt_line_, value, mask & 0xFF)); break;
    case Configuration::id:
    case Configuration::class_revision:
    case Configuration::subsystem:
    case Configuration::capabilities:
    case Configuration::allocation:
    case Configuration::registers_entry:
    case Configuration::registers_base:
    case Configuration::registers_last:
    case Configuration::memory_entry:
    case Configuration::memory_base:
    case Configuration::memory_last: break; // read-only
    }
    update_line();
}

} // namespace gimbal
