// SPDX-License-Identifier: Apache-2.0
// Which interrupts go to the list registers, and the physical ones behind some of them.
#include "base/assert.hpp"
#include "base/bits.hpp"
#include "device/gicv3/list_register_model.hpp"
#include "device/gicv3/registers.hpp"

namespace gimbal::gicv3 {
namespace {

constexpr u32 intid_bit(u32 intid) { return u32{1} << (intid % bank_size); }
constexpr u32 index_of(u32 bits) { return static_cast<u32>(std::countr_zero(bits)); }

} // namespace

/// One interrupt that this CPU's list registers should hold.
struct ListRegisterModel::Presented {
    u32 intid;
    u8 priority;
    bool active;
    bool deliver; ///< Pending, and this CPU may be shown so.
};

/// The most urgent ones, sorted by priority and INTID: of the active ones and of those that are only pending.
class ListRegisterModel::Chooser {
public:
    explicit Chooser(unsigned limit) : limit_(limit) {}

    struct Sorted {
        Presented entries[max_list_registers];
        unsigned kept{};
        unsigned total{};
    };
    Sorted active;
    Sorted pending;

    /// By rising INTID.
    void offer(const Presented& presented)
    {
        Sorted& list = presented.active ? active : pending;
        ++list.total;
        unsigned at = list.kept;
        while (at > 0 && list.entries[at - 1].priority > presented.priority) --at;
        if (at == limit_) return;
        if (list.kept < limit_) ++list.kept;
        for (unsigned i = list.kept - 1; i > at; --i) list.entries[i] = list.entries[i - 1];
        list.entries[at] = presented;
    }

private:
    unsigned limit_;
};

void ListRegisterModel::choose(VcpuId vcpu, u32 index, u32 deliverable, Chooser& chooser) const
{
    const InterruptBank& bank = *state_.bank(vcpu, index);
    for (u32 left = deliverable | bank.active; left != 0; left &= left - 1) {
        const u32 mask = left & (~left + 1);
        const u32 intid = index * bank_size + index_of(left);
        Presented presented{.intid = intid,
                            .priority = bank.priority[index_of(left)],
                            .active = (bank.active & mask) != 0,
                            .deliver = (deliverable & mask) != 0};
        if (index != 0) {
            const bool mine = state_.holder(intid) == vcpu;
            if (!mine && ((bank.listed | bank.active) & mask) != 0) continue;
            const Group group = (bank.group & mask) != 0 ? Group::group1 : Group::group0;
            presented.deliver = presented.deliver && state_.is_target(vcpu, intid, group);
        }
        if (presented.active || presented.deliver) chooser.offer(presented);
    }
}

u64 ListRegisterModel::make_lr(VcpuId vcpu, const Presented& presented, bool room) const
{
    const InterruptBank& bank = *state_.bank(vcpu, presented.intid / bank_size);
    const u32 mask = intid_bit(presented.intid);
    IchLr lr = IchLr::vintid::set({}, presented.intid);
    lr = IchLr::priority::set(lr, presented.priority);
    lr = IchLr::group1::set(lr, (bank.group & mask) != 0);
    lr = IchLr::active::set(lr, presented.active);
    // Pending and active is not for hardware interrupts: one that software has made pending again goes without.
    const bool held = (hardware(vcpu, presented.intid / bank_size).held & mask) != 0;
    if (held && !(presented.active && ((bank.latch | bank.shown) & mask) != 0)) {
        lr = IchLr::pending::set(lr, !presented.active);
        lr = IchLr::hw::set(lr, true);
        return IchLr::pintid::set(lr, pintids_[presented.intid]).raw;
    }
    lr = IchLr::pending::set(lr, presented.deliver && (room || !presented.active));
    // A level must be looked at when the guest is done with it, as long as it is high. What is pending behind an active
    // one and is not shown here must be heard of then too.
    const bool high_level = (bank.line & ~bank.edge & mask) != 0;
    const bool hidden = !lr.is_pending() && (bank.pending() & mask) != 0;
    return IchLr::eoi::set(lr, high_level || hidden).raw;
}

void ListRegisterModel::make_plan(VcpuId vcpu, Plan& plan) const
{
    const Cpu& cpu = cpus_[vcpu.value];
    const u32 enables = static_cast<u32>(cpu.vmcr & IchVmcr::enables);
    const u32 groups = state_.redistributor(vcpu).asleep ? 0 : enables & state_.control();
    static_assert(IchVmcr::veng0::mask == gicd_ctlr::enable_grp0 && IchVmcr::veng1::mask == gicd_ctlr::enable_grp1);
    plan.takes[0] = (groups & gicd_ctlr::enable_grp0) != 0 ? ~u32{0} : 0;
    plan.takes[1] = (groups & gicd_ctlr::enable_grp1) != 0 ? ~u32{0} : 0;

    Chooser chooser(list_registers_);
    for (u32 index = 0; index < state_.intids() / bank_size; ++index) {
        const InterruptBank& bank = *state_.bank(vcpu, index);
        const u32 taken = (bank.group & plan.takes[1]) | (~bank.group & plan.takes[0]);
        const u32 deliverable = bank.pending() & bank.enabled & taken;
        if ((deliverable | bank.active) != 0) choose(vcpu, index, deliverable, chooser);
    }
    const unsigned active = chooser.active.total;
    const unsigned pending = chooser.pending.total;
    const bool emulate = active > list_registers_ || (active == list_registers_ && pending != 0);
    const bool room = active + pending <= list_registers_;
    plan.hcr = idle_hcr(cpu);
    if (emulate)
        plan.hcr |= ich_hcr::tall0 | ich_hcr::tall1;
    else if (!room)
        plan.hcr |= ich_hcr::npie;
    plan.count = 0;
    for (unsigned i = 0; !emulate && i < active; ++i)
        plan.lr[plan.count++] = make_lr(vcpu, chooser.active.entries[i], room);
    for (unsigned i = 0; i < chooser.pending.kept && plan.count < list_registers_; ++i)
        plan.lr[plan.count++] = make_lr(vcpu, chooser.pending.entries[i], room);
    for (unsigned n = plan.count; n < list_registers_; ++n) plan.lr[n] = 0;
}

void ListRegisterModel::map_hardware(Intid intid, u32 pintid)
{
    GIMBAL_ASSERT(intid.value >= 16 && intid.value < state_.intids() && pintid >= 16 && pintid < max_intids);
    pintids_[intid.value] = static_cast<u16>(pintid);
    if (intid.value >= first_spi) spis_mapped_ = true;
}

void ListRegisterModel::raise_spi(Intid spi)
{
    GIMBAL_ASSERT(spi.value >= first_spi && spi.value < state_.intids() && pintids_[spi.value] != 0);
    SpinGuard guard(state_.lock());
    const u32 index = spi.value / bank_size;
    spis_[index].held |= intid_bit(spi.value);
    state_.bank({0}, index)->set_line(intid_bit(spi.value), true);
    state_.changed_interrupt({0}, spi.value);
}

void ListRegisterModel::give_back(InterruptBank& bank, HardwareBank& hardware, u32 first, u32 which)
{
    for (u32 left = which; left != 0; left &= left - 1)
        host_.set_physical_active(pintids_[first + index_of(left)], false);
    bank.line &= ~which; // still high, it comes again
    hardware.held &= ~which;
    hardware.acked &= ~which;
}

void ListRegisterModel::settle(VcpuId vcpu, u32 index, u32 among)
{
    InterruptBank& bank = *state_.bank(vcpu, index);
    HardwareBank& hardware = this->hardware(vcpu, index);
    // Acknowledged before and not active now: software has deactivated it, by a register or in emulation.
    u32 done = hardware.acked & ~bank.active & among;
    for (u32 left = hardware.held & ~hardware.acked & ~bank.active & among; left != 0; left &= left - 1) {
        if (!host_.is_physical_line_high(pintids_[index * bank_size + index_of(left)])) done |= left & (~left + 1);
    }
    if (done != 0) {
        give_back(bank, hardware, index * bank_size, done);
        cpus_[vcpu.value].changed.store(everything, MemoryOrder::relaxed);
    }
    hardware.acked |= hardware.held & bank.active;
}

void ListRegisterModel::settle_hardware(VcpuId vcpu)
{
    Cpu& cpu = cpus_[vcpu.value];
    if (cpu.ppis.held != 0 && cpu.loaded) settle(vcpu, 0, ~u32{0});
    if (!spis_mapped_) return;
    for (u32 index = 1; index < state_.intids() / bank_size; ++index) {
        if (spis_[index].held == 0) continue;
        u32 among = 0; // not what another CPU has in a list register
        const InterruptBank& bank = *state_.bank(vcpu, index);
        for (u32 left = spis_[index].held; left != 0; left &= left - 1) {
            const u32 intid = index * bank_size + index_of(left);
            if ((bank.listed & intid_bit(intid)) == 0 || is_listed_by(vcpu, bank, intid)) among |= intid_bit(intid);
        }
        settle(vcpu, index, among);
    }
}

void ListRegisterModel::withdraw_lowered(VcpuId vcpu)
{
    SpinGuard guard(state_.lock());
    settle_hardware(vcpu);
}

void ListRegisterModel::park_hardware(VcpuId vcpu)
{
    HardwareBank& ppis = cpus_[vcpu.value].ppis;
    for (u32 left = ppis.held; left != 0; left &= left - 1) host_.set_physical_active(pintids_[index_of(left)], false);
    // What the guest has not seen yet fires again when the timer behind it is back on a CPU.
    state_.bank(vcpu, 0)->line &= ~(ppis.held & ~ppis.acked);
    ppis.held &= ppis.acked;
}

void ListRegisterModel::resume_hardware(VcpuId vcpu)
{
    for (u32 left = cpus_[vcpu.value].ppis.held; left != 0; left &= left - 1)
        host_.set_physical_active(pintids_[index_of(left)], true);
}

IccRegisters ListRegisterModel::icc_of(const Cpu& cpu) const
{
    const IchVmcr vmcr{cpu.vmcr};
    IccRegisters registers{
        .pmr = IchVmcr::vpmr::get(vmcr),
        .bpr0 = IchVmcr::vbpr0::get(vmcr),
        .bpr1 = IchVmcr::vbpr1::get(vmcr),
        .cbpr = IchVmcr::vcbpr::get(vmcr),
        .eoi_mode = IchVmcr::veoim::get(vmcr),
        .enable = {IchVmcr::veng0::get(vmcr), IchVmcr::veng1::get(vmcr)}
    };
    // With more bits of preemption than State has of priority, neighbours are one.
    const unsigned step = active_priority_registers_;
    for (unsigned group = 0; group < 2; ++group) {
        for (unsigned i = 0; i < 32 * step; ++i) {
            if (test_bit(cpu.apr[group][i / 32], i % 32)) registers.active[group] |= u32{1} << (i / step);
        }
    }
    return registers;
}

void ListRegisterModel::store_icc(VcpuId vcpu, const IccRegisters& registers)
{
    Cpu& cpu = cpus_[vcpu.value];
    IchVmcr vmcr = IchVmcr::vfiqen::set({}, true);
    vmcr = IchVmcr::veng0::set(vmcr, registers.enable[0]);
    vmcr = IchVmcr::veng1::set(vmcr, registers.enable[1]);
    vmcr = IchVmcr::vcbpr::set(vmcr, registers.cbpr);
    vmcr = IchVmcr::veoim::set(vmcr, registers.eoi_mode);
    vmcr = IchVmcr::vbpr0::set(vmcr, registers.bpr0);
    vmcr = IchVmcr::vbpr1::set(vmcr, registers.bpr1);
    vmcr = IchVmcr::vpmr::set(vmcr, registers.pmr);
    const unsigned step = active_priority_registers_;
    for (unsigned group = 0; group < 2; ++group) {
        for (unsigned i = 0; i < 32; ++i) {
            // Neighbours that make one: what is still active keeps the bit it has.
            u32& word = cpu.apr[group][i * step / 32];
            const u32 mask = static_cast<u32>(low_mask(step)) << (i * step % 32);
            if (!test_bit(registers.active[group], i))
                word &= ~mask;
            else if ((word & mask) == 0)
                word |= mask & (~mask + 1);
        }
    }
    cpu.changed.store(everything, MemoryOrder::relaxed);
    settle_hardware(vcpu);
    note_enables(vcpu, vmcr.raw);
    if (!cpu.loaded) signal(vcpu);
}

} // namespace gimbal::gicv3
