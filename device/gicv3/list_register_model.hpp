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

    struct Cpu {
        // Set by update() on any CPU under the lock, cleared by the owner under the lock; in_guest is the owner's. Each
        // side stores its own and then loads the other's, both sequentially consistent: one of them sees the other.
        Atomic<bool> changed{true};
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
        u64 vmcr{};
        u32 apr[2][max_active_priority_registers]{};
        HardwareBank ppis{};
    };

    /// What the list registers and ICH_HCR_EL2 should hold.
    struct Plan {
        u64 lr[max_list_registers]{};
        unsigned count{};
        u64 hcr{};
    };

    ListRegisterModel(State& state, CpuInterruptSink& sink, ListRegisterHost& host, IchVtr vtr);
    ~ListRegisterModel() = default;

    // CpuInterface; not virtual here, so that hosted tests with RTTI can use it from a library without.
    void update(VcpuId vcpu);
    bool accepts(VcpuId vcpu, Group group) const;
    /// By the owner on its CPU, or while no CPU has it.
    void reset(VcpuId vcpu);

    Cpu& cpu(VcpuId vcpu) { return cpus_[vcpu.value]; }
    State& state() { return state_; }
    unsigned list_registers() const { return list_registers_; }
    unsigned active_priority_registers() const { return active_priority_registers_; }
    static constexpr u64 hcr_overflow = ich_hcr::npie | ich_hcr::tall0 | ich_hcr::tall1;
    u64 idle_hcr(const Cpu& cpu) const;

    /// Takes over what the guest did to its list registers; `now` is what they hold, for those in `used`. Takes the
    /// lock.
    void fold(VcpuId vcpu, const u64 (&now)[max_list_registers]);
    /// Physical interrupts that the guest is done with, or that have gone away, are given back. Takes the lock.
    void withdraw_lowered(VcpuId vcpu);

    // With the lock held.
    Plan plan(VcpuId vcpu) const;
    void commit(VcpuId vcpu, const Plan& plan);
    void release_all(VcpuId vcpu);
    void settle_hardware(VcpuId vcpu);
    void park_hardware(VcpuId vcpu);
    void resume_hardware(VcpuId vcpu);
    void note_enables(VcpuId vcpu, u64 vmcr);
    void take_back(VcpuId vcpu); ///< Everything, from list registers that the caller has emptied.
    void signal(VcpuId vcpu);
    /// A list register for a PPI that has just become pending, if it can simply be added; 0 if the long way is needed.
    u64 quick_entry(VcpuId vcpu, u32 intid) const;
    void add(VcpuId vcpu, unsigned n, u64 lr);
    void take_physical(VcpuId vcpu, u32 intid);
    IccRegisters icc_of(const Cpu& cpu) const;
    void store_icc(VcpuId vcpu, const IccRegisters& registers);

private:
    struct Presented;
    class Chooser;
    void choose(VcpuId vcpu, u32 index, u32 deliverable, Chooser& chooser) const;
    u64 make_lr(VcpuId vcpu, const Presented& presented, bool room) const;
    bool is_listed_by(VcpuId vcpu, const InterruptBank& bank, u32 intid) const;
    void fold_one(VcpuId vcpu, unsigned n, IchLr after);
    void release(VcpuId vcpu, u32 intid);
    bool must_sync(VcpuId vcpu) const;
    u32 deliverable(VcpuId vcpu, const InterruptBank& bank) const;
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
    const unsigned active_priority_registers_;
    const u64 dir_trap_;
    u16 pintids_[max_intids]{}; ///< 0: not mapped (an SGI never is). Constant after set-up.
    bool spis_mapped_{};
    HardwareBank spis_[max_intids / bank_size + 1]{};
    Cpu cpus_[max_vcpus];
};

} // namespace gimbal::gicv3
