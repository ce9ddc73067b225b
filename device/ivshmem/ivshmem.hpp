// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/spinlock.hpp"
#include "device/pci/function.hpp"
#include "vm/bus.hpp"
#include "vm/interrupt_chip.hpp"

namespace gimbal {

/// One VM's end of a channel between two VMs: memory that both map, and a doorbell each (the inter-VM shared memory
/// device, revision 1, without MSI-X: its interrupt is INTA). The device is a PCI function whose addresses are fixed:
/// its base address registers are zero, and an Enhanced Allocation capability says where its resources are.
///
/// What a doorbell leaves behind is one bit on the other side. It stays there while the VM of that side is paused, and
/// means nothing to one that has ended; a reset of either end clears its own bit and leaves the memory alone, because
/// the other VM may be using it.
class Ivshmem final : public PciFunction, public MmioDevice {
public:
    static constexpr u64 registers_size = 0x100;
    static constexpr AccessLimits access_limits{AccessSize::bytes_4, AccessSize::bytes_4, false};

    /// Where the guest finds it; below 4 GiB.
    struct Place {
        u32 registers{};   ///< A multiple of 4 KiB.
        u32 memory{};      ///< A multiple of memory_size.
        u32 memory_size{}; ///< Bytes, a power of two of at least 4 KiB.
    };

    /// `id`: 0 or 1, how the other end calls this one.
    Ivshmem(const Place& place, u32 id, InterruptSource line) : place_(place), id_(id), line_(line) {}
    /// Once for each end, before either VM runs.
    void connect(Ivshmem& peer) { peer_ = &peer; }

    // The registers. With the function's memory space off, nobody answers: all ones.
    Result<u64, BusError> read(const AccessContext& context, u64 offset, AccessSize size) override;
    Result<void, BusError> write(const AccessContext& context, u64 offset, AccessSize size, u64 value) override;
    // PciFunction
    u32 read_configuration(u32 offset) override;
    void write_configuration(u32 offset, u32 value, u32 mask) override;

    /// The other end's doorbell; any thread, whatever this VM does.
    void ring();
    void reset();

private:
    bool is_asserted() const { return (status_ & mask_) != 0; }
    void update_line();

    const Place place_;
    const u32 id_;
    Ivshmem* peer_{}; // fixed before the VMs run
    SpinLock lock_;   // guards everything below; never held while the other end is called
    InterruptSource line_;
    u32 mask_{};          // Interrupt Mask: bit 0
    u32 status_{};        // Interrupt Status: bit 0
    u16 command_{};       // PCI: Command
    u8 cache_line_{};     // PCI: Cache Line Size, which means nothing here
    u8 interrupt_line_{}; // PCI: Interrupt Line, the guest's own note
};

} // namespace gimbal
