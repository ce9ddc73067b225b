// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "base/atomic.hpp"
#include "base/spinlock.hpp"
#include "base/types.hpp"

namespace gimbal::el2 {

/// A VM's VMID together with the generation in which it was given out. A VMID of an older generation may belong to
/// another VM by now. Lives as long as its VM; VmidAllocator::forget() before it goes.
class VmidSlot {
public:
    constexpr VmidSlot() = default;

    /// The VMID that this VM's TLB entries carry, wherever the VM runs at this moment; 0: it never ran, no TLB holds
    /// anything of it. To be read after the descriptor stores that an invalidation is about have been published
    /// (DSB): a VMID that is given out after that sees them. Any CPU.
    u16 vmid() const { return static_cast<u16>(tag_.load(MemoryOrder::acquire)); }

private:
    friend class VmidAllocator;
    Atomic<u64> tag_{}; // generation << 16 | VMID; 0 before the first use. Written under the allocator's lock.
};

/// What the allocator keeps of one CPU.
struct alignas(64) VmidCpu {
    /// The VM that this CPU entered last. Its CPU writes it without the lock; a rollover reads it.
    Atomic<VmidSlot*> running{};
    /// The generation for which this CPU's TLBs were flushed last. Its CPU only; 0 makes the first entry after boot
    /// flush.
    u64 flushed{};
    /// The VMID that this CPU's VM took over into the generation, 0 if none: not to be given out in it. Under the lock.
    u16 kept{};
};

/// How a CPU is to enter a VM.
struct VmidEntry {
    u16 vmid{};
    /// Before it enters, the CPU executes TLBI ALLE1, DSB NSH and ISB (and IC IALLU, DSB NSH before the ISB where the
    /// instruction cache is VPIPT): for itself, not broadcast. VMIDs are being given out for the second time.
    bool flush{};
};

/// Gives each VM a VMID of its own, 1 and up; 0 is never a guest's. When they run out, a new generation begins: VMs
/// that are on a CPU at that moment keep their VMID, all others get a new one at their next entry, and each CPU flushes
/// its own TLBs once before it enters a guest again. Nothing else flushes.
///
/// Two CPUs never run different VMs under one VMID, so CnP holds, and a VM never changes its VMID while a CPU runs it,
/// so an invalidation by VmidSlot::vmid() reaches every TLB.
class VmidAllocator {
public:
    /// `vmid_bits` is 8 or 16 (Stage2Features); tests run out sooner with fewer. There are fewer CPUs than VMIDs.
    VmidAllocator(unsigned vmid_bits, std::span<VmidCpu> cpus);

    /// CPU `cpu`, on itself, is about to load VTTBR_EL2 for `slot`'s VM. Called when the VM on the CPU changes; as
    /// often as on every entry is allowed and costs a few instructions.
    VmidEntry enter(unsigned cpu, VmidSlot& slot)
    {
        VmidCpu& self = cpus_[cpu];
        // The order is the point: announced first, looked for a new generation afterwards. A rollover does it the other
        // way round, so either this CPU sees the new generation or the rollover sees this VM on it.
        const u64 tag = slot.tag_.load(MemoryOrder::acquire);
        self.running.store(&slot, MemoryOrder::seq_cst);
        const u64 generation = generation_.load(MemoryOrder::seq_cst);
        if (tag >> 16 == generation && self.flushed == generation) [[likely]]
            return {static_cast<u16>(tag), false};
        return enter_slowly(self, slot);
    }

    /// The VM ends: no CPU enters it any more, and no CPU is in it.
    void forget(VmidSlot& slot);

    u64 generation() const { return generation_.load(MemoryOrder::relaxed); } ///< From 1; for statistics and tests.

private:
    VmidEntry enter_slowly(VmidCpu& self, VmidSlot& slot);
    u16 allocate();
    void roll_over();
    bool is_kept(u32 vmid) const;

    std::span<VmidCpu> cpus_;
    u32 limit_;                      // the first number that is no VMID any more
    Atomic<u64> generation_{u64{1}}; // written under lock_
    SpinLock lock_;                  // guards what follows, and every tag
    u32 next_{1};                    // the next VMID of this generation; those that were kept are skipped
};

} // namespace gimbal::el2
