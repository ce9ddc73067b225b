// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/atomic.hpp"
#include "device/gicv3/icc_registers.hpp"
#include "device/gicv3/ich_registers.hpp"
#include "vm/interrupt_chip.hpp"

namespace gimbal::gicv3 {

/// What the list registers need of the hypervisor, all off the fast paths. Called with State's lock held; must not call
/// back.
class ListRegisterHost {
public:
    /// Makes the vCPU leave the guest, from whichever CPU this is called: one inter-processor interrupt. Only called
    /// for a vCPU between before_entry() and after_exit().
    virtual void kick(VcpuId vcpu) noexcept = 0;
    /// Sets or clears the active state of a physical interrupt; a PPI's of the calling CPU.
    virtual void set_physical_active(u32 pintid, bool active) noexcept = 0;
    /// The input of a level-sensitive physical interrupt is still high; true if that cannot be known.
    virtual bool is_physical_line_high(u32 pintid) noexcept = 0;

protected:
    ~ListRegisterHost() = default;
};

/// The part that does not touch hardware. Everything in it is under State's lock, except where said.
class ListRegisterModel {
public:
    /// Before the first run: this PPI of every vCPU, or this SPI, stands for a physical interrupt, and its deactivation
    /// by the guest deactivates that one. The host gives up its priority at the exit and leaves it active.
    void map_hardware(Intid intid, u32 pintid);
    /// The physical interrupt behind an SPI was taken, on whichever CPU. PPIs: ListRegisters::raise_ppi().
    void raise_spi(Intid spi);

protected:
    /// Hardware interrupts of one bank, one bit each.
    struct HardwareBank {
        u32 held{};  ///< The physical interrupt is active for our sake.
        u32 acked{}; ///< Of these: the guest has acknowledged it.
    };

    static constexpr u32 nothing = 0;
    static constexpr u32 everything = ~u32{0};

    struct Cpu {
        // What the owner has to look at before the next entry: nothing, everything, or one INTID plus 1. Set on any CPU
        // under the lock, cleared by the owner under the lock; in_guest is the owner's. Each side stores its own and
        // then loads the other's, both sequentially consistent: one of them sees the other.
        Atomic<u32> changed{everything};
        Atomic<bool> in_guest{false};
        bool loaded{}; ///< The owner's CPU has it: vmcr and apr below may be out of date, except for the enables.
        bool stale{};  ///< Loaded and reset since: vmcr and apr go to the hardware at the next entry.
        bool irq{};    ///< What the sink was told last.
        bool fiq{};
        // Written by the owner under the lock, so that the owner may read them without.
        u32 used{};                   ///< List registers that may hold something, one bit each.
        u32 waiting_hardware{};       ///< Of these: pending and backed by a physical interrupt.
        u64 lr[max_list_registers]{}; ///< As the hardware had them when they were last read or written.
        u64 hcr{};
        // Which groups the vCPU is shown, all bits or none; valid unless `changed` is everything.
        u32 takes[2]{};
        u64 vmcr{};
        u32 apr[2][max_active_priority_registers]{};
        HardwareBank ppis{};
    };

    /// What the list registers and ICH_HCR_EL2 should hold.
    struct Plan {
        u64 lr[max_list_registers]; ///< The first list_registers() are set: 0 from `count` on.
        unsigned count;
        u64 hcr;
        u32 takes[2];
    };

    ListRegisterModel(State& state, CpuInterruptSink& sink, ListRegisterHost& host, IchVtr vtr);
    ~ListRegisterModel() = default;

    // CpuInterface; not virtual here, so that hosted tests with RTTI can use it from a library without.
    void update(VcpuId vcpu);
    void update_interrupt(VcpuId vcpu, u32 intid);
    bool accepts(VcpuId vcpu, Group group) const;
    /// By the owner on its CPU, or while no CPU has it.
    void reset(VcpuId vcpu);

    Cpu& cpu(VcpuId vcpu) { return cpus_[vcpu.value]; }
    State& state() { return state_; }
    u32 pintid(u32 intid) const { return pintids_[intid]; }
    unsigned list_registers() const { return list_registers_; }
    unsigned active_priority_registers() const { return active_priority_registers_; }
    static constexpr u64 hcr_overflow = ich_hcr::npie | ich_hcr::tall0 | ich_hcr::tall1;
    u64 idle_hcr(const Cpu& cpu) const;

    /// Takes over what the guest did to its list registers: those in `which` now hold something else than before. Takes
    /// the lock.
    void fold(VcpuId vcpu, const u64 (&now)[max_list_registers], u32 which);
    /// The same for a list register with an SGI or PPI that the guest has ended. False: it is not that simple.
    bool end_private(VcpuId vcpu, unsigned n, IchLr after);
    /// Physical interrupts that the guest is done with, or that have gone away, are given back. Takes the lock.
    void withdraw_lowered(VcpuId vcpu);

    // With the lock held.
    void make_plan(VcpuId vcpu, Plan& plan) const;
    void commit(VcpuId vcpu, const Plan& plan);
    void release_all(VcpuId vcpu);
    void settle_hardware(VcpuId vcpu);
    void park_hardware(VcpuId vcpu);
    void resume_hardware(VcpuId vcpu);
    void note_enables(VcpuId vcpu, u64 vmcr);
    void take_back(VcpuId vcpu); ///< Everything, from list registers that the caller has emptied.
    void signal(VcpuId vcpu);    ///< What is deliverable now.
    void tell_sink(VcpuId vcpu, bool irq, bool fiq);
    /// A list register for an interrupt that has just become pending, if it can simply be added; 0 if the long way is
    /// needed. Not with changed == everything.
    u64 quick_entry(const Cpu& cpu, const InterruptBank& bank, u32 intid, bool hardware) const;
    static void add(Cpu& cpu, InterruptBank& bank, unsigned n, IchLr lr);
    bool is_held(VcpuId vcpu, u32 intid) const
    {
        return (hardware(vcpu, intid / bank_size).held >> (intid % bank_size) & 1) != 0;
    }
    IccRegisters icc_of(const Cpu& cpu) const;
    void store_icc(VcpuId vcpu, const IccRegisters& registers);

private:
    struct Presented;
    class Chooser;
    void choose(VcpuId vcpu, u32 index, u32 deliverable, Chooser& chooser) const;
    void list(VcpuId vcpu, unsigned n, IchLr lr);
    u64 make_lr(VcpuId vcpu, const Presented& presented, bool room) const;
    bool is_listed_by(VcpuId vcpu, const InterruptBank& bank, u32 intid) const;
    void fold_one(VcpuId vcpu, Cpu& cpu, unsigned n, IchLr after);
    void release(VcpuId vcpu, u32 intid);
    bool must_sync(VcpuId vcpu); ///< `takes` is brought up to date as well.
    void settle(VcpuId vcpu, u32 index, u32 among);
    void give_back(InterruptBank& bank, HardwareBank& hardware, u32 first, u32 which);
    HardwareBank& hardware(VcpuId vcpu, u32 index) { return index == 0 ? cpus_[vcpu.value].ppis : spis_[index]; }
    const HardwareBank& hardware(VcpuId vcpu, u32 index) const
    {
        return index == 0 ? cpus_[vcpu.value].ppis : spis_[index];
    }

    State& state_;
    CpuInterruptSink& sink_;
    ListRegisterHost& host_;
    const unsigned list_registers_;
    const u32 all_list_registers_; ///< One bit each.
    const unsigned active_priority_registers_;
    const u64 dir_trap_;
    u16 pintids_[max_intids]{}; ///< 0: not mapped (an SGI never is). Constant after set-up.
    bool spis_mapped_{};
    HardwareBank spis_[max_intids / bank_size + 1]{};
    Cpu cpus_[max_vcpus];
};

inline bool ListRegisterModel::end_private(VcpuId vcpu, unsigned n, IchLr after)
{
    SpinGuard guard(state_.lock());
    Cpu& cpu = cpus_[vcpu.value];
    InterruptBank& bank = state_.redistributor(vcpu).bank;
    const u32 mask = u32{1} << after.intid();
    const u32 again = bank.latch | (after.is_hardware() ? 0 : (bank.line & ~bank.edge) | cpu.ppis.held);
    // One that has asked for a maintenance interrupt must be emptied besides.
    if ((bank.listed & ~again & mask) == 0 || (!after.is_hardware() && IchLr::eoi::get(after))) return false;
    bank.listed &= ~mask;
    bank.shown &= ~mask;
    bank.active &= ~mask;
    if (after.is_hardware()) { // the physical one went with it; if its line is still high, it comes again
        bank.line &= ~mask;
        cpu.ppis.held &= ~mask;
        cpu.ppis.acked &= ~mask;
    }
    cpu.used = 0; // it was the only one
    cpu.waiting_hardware = 0;
    cpu.lr[n] = 0;
    return true;
}

inline u64 ListRegisterModel::quick_entry(const Cpu& cpu, const InterruptBank& bank, u32 intid, bool hardware) const
{
    const unsigned index = intid % bank_size;
    const u32 mask = u32{1} << index;
    const bool group1 = (bank.group & mask) != 0;
    const u32 ready = bank.pending() & bank.enabled & cpu.takes[group1 ? 1 : 0] & ~(bank.active | bank.listed);
    if ((ready & mask) == 0 || (cpu.hcr & hcr_overflow) != 0 || cpu.used == all_list_registers_) return 0;
    IchLr lr = IchLr::vintid::set({}, intid);
    lr = IchLr::priority::set(lr, bank.priority[index]);
    lr = IchLr::group1::set(lr, group1);
    lr = IchLr::pending::set(lr, true);
    if (hardware) return IchLr::pintid::set(IchLr::hw::set(lr, true), pintids_[intid]).raw;
    return IchLr::eoi::set(lr, (bank.line & ~bank.edge & mask) != 0).raw;
}

inline void ListRegisterModel::add(Cpu& cpu, InterruptBank& bank, unsigned n, IchLr lr)
{
    const u32 mask = u32{1} << (lr.intid() % bank_size);
    bank.listed |= mask;
    if (lr.is_pending()) {
        bank.shown |= bank.latch & mask;
        bank.latch &= ~mask;
        if (lr.is_hardware()) cpu.waiting_hardware |= u32{1} << n;
    }
    cpu.lr[n] = lr.raw;
    cpu.used |= u32{1} << n;
}

} // namespace gimbal::gicv3
