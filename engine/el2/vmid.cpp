// SPDX-License-Identifier: Apache-2.0
#include "engine/el2/vmid.hpp"

#include "base/assert.hpp"

namespace gimbal::el2 {

namespace {

constexpr u64 make_tag(u64 generation, u64 vmid) { return generation << 16 | vmid; }
constexpr u64 generation_of(u64 tag) { return tag >> 16; }
constexpr u16 vmid_of(u64 tag) { return static_cast<u16>(tag); }

} // namespace

VmidAllocator::VmidAllocator(unsigned vmid_bits, std::span<VmidCpu> cpus) : cpus_(cpus), limit_(1u << vmid_bits)
{
    GIMBAL_ASSERT(vmid_bits <= 16);
    GIMBAL_ASSERT(cpus.size() < limit_ - 1);
}

VmidEntry VmidAllocator::enter_slowly(VmidCpu& self, VmidSlot& slot)
{
    const SpinGuard guard(lock_);
    u64 tag = slot.tag_.load(MemoryOrder::relaxed);
    if (generation_of(tag) != generation()) {
        const u16 vmid = allocate();
        tag = make_tag(generation(), vmid);
        slot.tag_.store(tag, MemoryOrder::release);
    }
    const bool flush = self.flushed != generation();
    self.flushed = generation();
    return {vmid_of(tag), flush};
}

u16 VmidAllocator::allocate()
{
    for (;;) {
        while (next_ < limit_ && is_kept(next_)) ++next_;
        if (next_ < limit_) return static_cast<u16>(next_++);
        roll_over();
    }
}

void VmidAllocator::roll_over()
{
    const u64 old = generation();
    generation_.store(old + 1, MemoryOrder::seq_cst);
    next_ = 1;
    for (VmidCpu& cpu : cpus_) {
        cpu.kept = 0;
        VmidSlot* slot = cpu.running.load(MemoryOrder::seq_cst);
        if (slot == nullptr) continue;
        const u64 tag = slot->tag_.load(MemoryOrder::relaxed);
        // A VM of a still older generation has announced itself but not entered: it waits for the lock and gets a new
        // VMID. Its old one may be another VM's. One of the new generation runs on an earlier CPU of this loop, too.
        if (generation_of(tag) != old) continue;
        cpu.kept = vmid_of(tag);
        slot->tag_.store(make_tag(old + 1, vmid_of(tag)), MemoryOrder::release);
    }
}

bool VmidAllocator::is_kept(u32 vmid) const
{
    for (const VmidCpu& cpu : cpus_) {
        if (cpu.kept == vmid) return true;
    }
    return false;
}

void VmidAllocator::forget(VmidSlot& slot)
{
    const SpinGuard guard(lock_);
    for (VmidCpu& cpu : cpus_) {
        VmidSlot* expected = &slot;
        cpu.running.compare_exchange(expected, nullptr);
    }
    slot.tag_.store(0, MemoryOrder::release);
}

} // namespace gimbal::el2
