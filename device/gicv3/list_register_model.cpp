// SPDX-License-Identifier: Apache-2.0
#include "device/gicv3/list_register_model.hpp"

#include "base/assert.hpp"
#include "base/bits.hpp"

namespace gimbal::gicv3 {
namespace {

constexpr u32 intid_bit(u32 intid) { return u32{1} << (intid % bank_size); }
constexpr u32 index_of(u32 bits) { return static_cast<u32>(std::countr_zero(bits)); }

constexpr u64 reset_vmcr()
{
    IchVmcr vmcr = IchVmcr::vfiqen::set({}, true);
    vmcr = IchVmcr::vbpr0::set(vmcr, IccRegisters::min_bpr0);
    return IchVmcr::vbpr1::set(vmcr, IccRegisters::min_bpr1).raw;
}

} // namespace

ListRegisterModel::ListRegisterModel(State& state, CpuInterruptSink& sink, ListRegisterHost& host, IchVtr vtr)
    : state_(state),
      sink_(sink),
      host_(host),
      list_registers_(vtr.list_registers() < max_list_registers ? vtr.list_registers() : max_list_registers),
      all_list_registers_(static_cast<u32>(low_mask(list_registers_))),
      active_priority_registers_(vtr.preemption_bits() >= 7   ? 4
                                 : vtr.preemption_bits() == 6 ? 2
                                                              : 1),
      dir_trap_(vtr.separate_dir_trap() ? ich_hcr::tdir : ich_hcr::tc)
{
    for (Cpu& cpu : cpus_) cpu.vmcr = reset_vmcr();
}

bool ListRegisterModel::accepts(VcpuId vcpu, Group group) const
{
    const IchVmcr vmcr{cpus_[vcpu.value].vmcr};
    return group == Group::group0 ? IchVmcr::veng0::get(vmcr) : IchVmcr::veng1::get(vmcr);
}

u64 ListRegisterModel::idle_hcr(const Cpu& cpu) const
{
    // Whether a group is enabled decides what is listed and where 1-of-N interrupts go, so each change of it must be
    // heard of; a guest makes few.
    const IchVmcr vmcr{cpu.vmcr};
    return ich_hcr::en | dir_trap_ | (IchVmcr::veng0::get(vmcr) ? ich_hcr::vgrp0die : ich_hcr::vgrp0eie) |
           (IchVmcr::veng1::get(vmcr) ? ich_hcr::vgrp1die : ich_hcr::vgrp1eie);
}

void ListRegisterModel::update(VcpuId vcpu)
{
    Cpu& cpu = cpus_[vcpu.value];
    if (!cpu.loaded) {
        cpu.changed.store(everything, MemoryOrder::relaxed);
        signal(vcpu);
        return;
    }
    const u32 known = cpu.changed.load(MemoryOrder::relaxed);
    cpu.changed.store(everything, MemoryOrder::seq_cst);
    // Known and in the guest: whoever set it has kicked already, or the owner is about to see it.
    if (known != nothing || !cpu.in_guest.load(MemoryOrder::seq_cst)) return;
    if (must_sync(vcpu))
        host_.kick(vcpu);
    else
        cpu.changed.store(nothing, MemoryOrder::relaxed);
}

void ListRegisterModel::update_interrupt(VcpuId vcpu, u32 intid)
{
    Cpu& cpu = cpus_[vcpu.value];
    if (!cpu.loaded) {
        update(vcpu);
        return;
    }
    const u32 known = cpu.changed.load(MemoryOrder::relaxed);
    if (known == everything || known == intid + 1) return;
    const InterruptBank& bank =
        intid < first_spi ? state_.redistributor(vcpu).bank : *state_.bank(vcpu, intid / bank_size);
    const u32 mask = intid_bit(intid);
    const u32 takes = cpu.takes[(bank.group & mask) != 0 ? 1 : 0];
    if (((bank.listed | bank.active) & mask) == 0) {
        if ((bank.pending() & bank.enabled & takes & mask) == 0) return; // no business of this CPU's
        if (known == nothing && (cpu.hcr & hcr_overflow) == 0 && cpu.used != all_list_registers_) {
            cpu.changed.store(intid + 1, MemoryOrder::seq_cst);
            if (cpu.in_guest.load(MemoryOrder::seq_cst)) host_.kick(vcpu);
            return;
        }
    }
    update(vcpu);
}

bool ListRegisterModel::must_sync(VcpuId vcpu)
{
    Cpu& cpu = cpus_[vcpu.value];
    Plan next;
    make_plan(vcpu, next);
    cpu.takes[0] = next.takes[0];
    cpu.takes[1] = next.takes[1];
    if (next.hcr != cpu.hcr || next.count != static_cast<unsigned>(std::popcount(cpu.used))) return true;
    for (u32 left = cpu.used; left != 0; left &= left - 1) {
        const IchLr has{cpu.lr[index_of(left)]};
        // The guest may have acknowledged it by now: then this is another one.
        const InterruptBank& bank = *state_.bank(vcpu, has.intid() / bank_size);
        if (has.is_pending() && (bank.latch & intid_bit(has.intid())) != 0) return true;
        // Asking for a maintenance interrupt in vain does no harm.
        const u64 relaxed = has.is_hardware() ? has.raw : has.raw & ~IchLr::eoi::mask;
        bool found = false;
        for (unsigned n = 0; n < next.count; ++n) found = found || next.lr[n] == has.raw || next.lr[n] == relaxed;
        if (!found) return true;
    }
    return false;
}

void ListRegisterModel::reset(VcpuId vcpu)
{
    Cpu& cpu = cpus_[vcpu.value];
    release_all(vcpu);
    for (u32 left = cpu.loaded ? cpu.ppis.held : 0; left != 0; left &= left - 1)
        host_.set_physical_active(pintids_[index_of(left)], false);
    cpu.ppis = HardwareBank{};
    cpu.vmcr = reset_vmcr();
    for (auto& group : cpu.apr)
        for (u32& word : group) word = 0;
    cpu.stale = cpu.loaded;
    cpu.changed.store(everything, MemoryOrder::seq_cst);
    if (!cpu.loaded)
        signal(vcpu);
    else if (cpu.in_guest.load(MemoryOrder::seq_cst))
        host_.kick(vcpu);
}

void ListRegisterModel::signal(VcpuId vcpu)
{
    const std::optional<Candidate> candidate = icc_of(cpus_[vcpu.value]).signalled(state_, vcpu);
    tell_sink(vcpu, candidate && candidate->group == Group::group1, candidate && candidate->group == Group::group0);
}

void ListRegisterModel::tell_sink(VcpuId vcpu, bool irq, bool fiq)
{
    Cpu& cpu = cpus_[vcpu.value];
    if (irq != cpu.irq) {
        cpu.irq = irq;
        sink_.set_cpu_interrupt(vcpu, InterruptInput::irq, irq);
    }
    if (fiq != cpu.fiq) {
        cpu.fiq = fiq;
        sink_.set_cpu_interrupt(vcpu, InterruptInput::fiq, fiq);
    }
}

void ListRegisterModel::note_enables(VcpuId vcpu, u64 vmcr)
{
    Cpu& cpu = cpus_[vcpu.value];
    const u64 differs = cpu.vmcr ^ vmcr;
    cpu.vmcr = vmcr;
    if ((differs & IchVmcr::enables) != 0) state_.changed_all(); // 1-of-N interrupts move to a CPU that takes them
}

bool ListRegisterModel::is_listed_by(VcpuId vcpu, const InterruptBank& bank, u32 intid) const
{
    return (bank.listed & intid_bit(intid)) != 0 && (intid < first_spi || state_.holder(intid) == vcpu);
}

void ListRegisterModel::release(VcpuId vcpu, u32 intid)
{
    InterruptBank& bank = *state_.bank(vcpu, intid / bank_size);
    if (!is_listed_by(vcpu, bank, intid)) return; // a reset took it away
    const u32 mask = intid_bit(intid);
    bank.listed &= ~mask;
    bank.latch |= bank.shown & mask;
    bank.shown &= ~mask;
}

void ListRegisterModel::release_all(VcpuId vcpu)
{
    const Cpu& cpu = cpus_[vcpu.value];
    for (u32 left = cpu.used; left != 0; left &= left - 1) release(vcpu, IchLr{cpu.lr[index_of(left)]}.intid());
}

void ListRegisterModel::take_back(VcpuId vcpu)
{
    Cpu& cpu = cpus_[vcpu.value];
    if (cpu.used != 0 || (cpu.hcr & hcr_overflow) != 0) cpu.changed.store(everything, MemoryOrder::relaxed);
    release_all(vcpu);
    for (u32 left = cpu.used; left != 0; left &= left - 1) cpu.lr[index_of(left)] = 0;
    cpu.used = 0;
    cpu.waiting_hardware = 0;
    cpu.hcr = 0;
    cpu.stale = false;
}

void ListRegisterModel::list(VcpuId vcpu, unsigned n, IchLr lr)
{
    add(cpus_[vcpu.value], *state_.bank(vcpu, lr.intid() / bank_size), n, lr);
    if (lr.intid() >= first_spi) state_.set_holder(lr.intid(), vcpu);
}

void ListRegisterModel::commit(VcpuId vcpu, const Plan& plan)
{
    Cpu& cpu = cpus_[vcpu.value];
    u32 left_spis[max_list_registers];
    unsigned left_count = 0;
    for (u32 left = cpu.used; left != 0; left &= left - 1) {
        const u32 intid = IchLr{cpu.lr[index_of(left)]}.intid();
        release(vcpu, intid);
        if (intid >= first_spi) left_spis[left_count++] = intid;
    }
    for (unsigned n = plan.count; n < list_registers_; ++n) cpu.lr[n] = 0;
    cpu.used = 0;
    cpu.waiting_hardware = 0;
    cpu.hcr = plan.hcr;
    cpu.takes[0] = plan.takes[0];
    cpu.takes[1] = plan.takes[1];
    for (unsigned n = 0; n < plan.count; ++n) list(vcpu, n, {plan.lr[n]});
    // What this CPU is shown no more may be another one's now. In the meantime it is not in the guest for update().
    cpu.in_guest.store(false, MemoryOrder::relaxed);
    for (unsigned i = 0; i < left_count; ++i) {
        const InterruptBank& bank = *state_.bank(vcpu, left_spis[i] / bank_size);
        const u32 mask = intid_bit(left_spis[i]);
        if ((bank.pending() & ~bank.listed & mask) != 0) state_.changed_interrupt(vcpu, left_spis[i]);
    }
    cpu.changed.store(nothing, MemoryOrder::relaxed);
    cpu.in_guest.store(true, MemoryOrder::seq_cst);
}

inline void ListRegisterModel::fold_one(VcpuId vcpu, Cpu& cpu, unsigned n, IchLr after)
{
    const IchLr before{cpu.lr[n]};
    const u32 intid = before.intid();
    const u32 mask = intid_bit(intid);
    InterruptBank& bank = *state_.bank(vcpu, intid / bank_size);
    HardwareBank& hardware = this->hardware(vcpu, intid / bank_size);
    cpu.lr[n] = after.raw;
    if (!after.is_hardware() || !after.is_pending()) cpu.waiting_hardware &= ~(u32{1} << n);
    if (!is_listed_by(vcpu, bank, intid)) { // reset while it was in the guest
        cpu.changed.store(everything, MemoryOrder::relaxed);
        return;
    }
    const bool acknowledged = before.is_pending() && !after.is_pending();
    if (acknowledged) bank.shown &= ~mask;
    if (acknowledged || before.is_active() != after.is_active()) {
        bank.active = after.is_active() ? bank.active | mask : bank.active & ~mask;
        if (after.is_hardware() && after.is_active()) hardware.acked |= mask;
        // Deactivated here only: the physical one is left to settle_hardware().
        if (!after.is_hardware() && (hardware.held & mask) != 0) cpu.changed.store(everything, MemoryOrder::relaxed);
    }
    if (!after.is_free()) return;
    bank.listed &= ~mask;
    if (after.is_hardware()) { // the physical one went with it; if its line is still high, it comes again
        bank.line &= ~mask;
        hardware.held &= ~mask;
        hardware.acked &= ~mask;
    }
    if (!after.is_hardware() && IchLr::eoi::get(after)) {
        cpu.changed.store(everything, MemoryOrder::relaxed); // the register must be emptied, or it keeps asking
    } else {
        cpu.lr[n] = 0;
        cpu.used &= ~(u32{1} << n);
    }
    if ((bank.pending() & mask) != 0) state_.changed_interrupt(vcpu, intid);
}

void ListRegisterModel::fold(VcpuId vcpu, const u64 (&now)[max_list_registers], u32 which)
{
    SpinGuard guard(state_.lock());
    Cpu& cpu = cpus_[vcpu.value];
    for (u32 left = which; left != 0; left &= left - 1) fold_one(vcpu, cpu, index_of(left), IchLr{now[index_of(left)]});
}

} // namespace gimbal::gicv3
