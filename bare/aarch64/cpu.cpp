// SPDX-License-Identifier: Apache-2.0
#include "bare/aarch64/cpu.hpp"

#include "arch/aarch64/control.hpp"
#include "bare/aarch64/containment.hpp"
#include "base/bits.hpp"

namespace gimbal::bare {

using aarch64::SysReg;

void Cpu::set_up(unsigned index, u64 mpidr, PhysicalGic& gic, BoardInterrupts& board, u64 frequency_hz)
{
    index_ = index;
    mpidr_ = mpidr;
    gic_ = &gic;
    board_ = &board;
    scheduler_.emplace(*this, frequency_hz);
}

bool Cpu::start()
{
    if (!gic_->start_cpu(mpidr_)) return false;
    for (const u32 ppi : {virtual_timer_ppi, hypervisor_timer_ppi, maintenance_ppi}) gic_->enable_private(ppi, true);
    write_register<SysReg::cnthp_ctl_el2>(0);
    set_controls();
    trap_fp(true);
    flush_own_tlb();
    return true;
}

/// What holds for every guest, and is not in its list.
void Cpu::set_controls()
{
    write_register<SysReg::mdcr_el2>(el2::mdcr_el2);
    write_register<SysReg::oslar_el1>(0); // the guest's own lock is emulated
    // Fine-grained traps and features of HCRX_EL2: all off, and what is new traps (ID_AA64MMFR0_EL1.FGT, MMFR1.HCX).
    if (bits(read_register<SysReg::id_aa64mmfr0_el1>(), 56, 4) != 0) {
        write_register<SysReg::hfgrtr_el2>(0);
        write_register<SysReg::hfgwtr_el2>(0);
        write_register<SysReg::hfgitr_el2>(0);
        write_register<SysReg::hdfgrtr_el2>(0);
        write_register<SysReg::hdfgwtr_el2>(0);
    }
    if (bits(read_register<SysReg::id_aa64mmfr1_el1>(), 40, 4) != 0) write_register<SysReg::hcrx_el2>(0);
    isb();
}

bool Cpu::has_pointer_auth()
{
    constexpr u64 in_isar1 = 0xFF00'0FF0; // APA, API, GPA, GPI
    constexpr u64 in_isar2 = 0xFF00;      // GPA3, APA3
    return (read_register<SysReg::id_aa64isar1_el1>() & in_isar1) != 0 ||
           (read_register<SysReg::id_aa64isar2_el1>() & in_isar2) != 0;
}

bool Cpu::take_interrupt(GuestCpu& vcpu)
{
    const u32 intid = PhysicalGic::acknowledge();
    return intid < PhysicalGic::spurious && take(intid, &vcpu);
}

bool Cpu::take(u32 intid, GuestCpu* vcpu)
{
    PhysicalGic::drop_priority(intid);
    switch (intid) {
    case virtual_timer_ppi:
        if (vcpu != nullptr) {
            vcpu->raise_ppi(Intid{intid}); // stays active until the guest deactivates it
            return false;
        }
        break; // its vCPU has left the CPU: the line is low by now
    case maintenance_ppi:
        if (vcpu != nullptr) vcpu->maintenance();
        PhysicalGic::deactivate(intid);
        return false;
    case hypervisor_timer_ppi:
        write_register<SysReg::cnthp_ctl_el2>(0);
        scheduler_->request_turn();
        break;
    case PhysicalGic::kick_sgi: scheduler_->request_turn(); break;
    default: board_->take_spi(intid); return true;
    }
    PhysicalGic::deactivate(intid);
    return true;
}

void Cpu::recover()
{
    residence = {};
    trap_fp(true);
    write_register<SysReg::cnthp_ctl_el2>(0);
    write_register<SysReg::cntv_ctl_el0>(0);
    write_register<SysReg::ich_hcr_el2>(0);
    for (unsigned n = 0; n <= bits(IchPort::vtr(), 0, 5); ++n) IchPort::write_lr(n, 0); // ListRegs
    write_register<SysReg::hcr_el2>(el2_mode.hcr());
    write_register<SysReg::icc_ap1r0_el1>(0); // acknowledged and not ended, perhaps
    for (const u32 ppi : {virtual_timer_ppi, hypervisor_timer_ppi, maintenance_ppi, PhysicalGic::kick_sgi})
        gic_->set_private_active(ppi, false);
    isb();
}

void Cpu::set_timer(std::optional<HostTicks> deadline)
{
    // Each turn of the scheduler comes by here.
    if (test_fault_turns != 0 && --test_fault_turns == 0) [[unlikely]]
        make_fault(test_fault);
    if (!deadline) {
        write_register<SysReg::cnthp_ctl_el2>(0);
        return;
    }
    write_register<SysReg::cnthp_cval_el2>(deadline->value);
    write_register<SysReg::cnthp_ctl_el2>(aarch64::CntCtl::enable::mask);
    isb();
}

void Cpu::idle()
{
    wfi(); // interrupts are masked here and end it all the same
    const u32 intid = PhysicalGic::acknowledge();
    if (intid < PhysicalGic::spurious) take(intid, nullptr);
}

void Cpu::flush_own_tlb() { asm volatile("tlbi alle1\n\tdsb nsh\n\tisb" ::: "memory"); }

void Cpu::flush_vm_tlb() { asm volatile("dsb ishst\n\ttlbi vmalls12e1is\n\tdsb ish\n\tisb" ::: "memory"); }

unsigned Cpu::zero_block_bytes() { return 4U << bits(read_register<SysReg::dczid_el0>(), 0, 4); }

void Cpu::clean_guest_memory(const el2::Stage2& stage2)
{
    constexpr u64 last = u64{1} << 40;
    for (u64 ipa = 0; ipa < last;) {
        const auto mapping = stage2.translate({ipa});
        if (!mapping) {
            ipa = align_up(ipa + 1, u64{2} << 20);
            continue;
        }
        if (mapping->attributes.memory == el2::Stage2Memory::normal)
            clean_to_memory(reinterpret_cast<const void*>(mapping->physical), mapping->size);
        ipa += mapping->size;
    }
}

Result<el2::StageOneResult, aarch64::FaultStatus> Cpu::translate_stage1(u64 va, Direction direction, bool as_el0)
{
    const u64 guests_par = read_register<SysReg::par_el1>();
    if (direction == Direction::read) {
        if (as_el0)
            asm volatile("at s1e0r, %0\n\tisb" ::"r"(va) : "memory");
        else
            asm volatile("at s1e1r, %0\n\tisb" ::"r"(va) : "memory");
    } else {
        if (as_el0)
            asm volatile("at s1e0w, %0\n\tisb" ::"r"(va) : "memory");
        else
            asm volatile("at s1e1w, %0\n\tisb" ::"r"(va) : "memory");
    }
    const u64 par = read_register<SysReg::par_el1>();
    write_register<SysReg::par_el1>(guests_par);
    // PAR_EL1: F [0]; FST [6:1], PTW [8], S [9]; PA [47:12], ATTR [63:56].
    if ((par & 1) != 0) {
        const auto status = static_cast<aarch64::FaultStatus>(bits(par, 1, 6));
        const bool at_stage2 = bits(par, 9, 1) != 0;
        if (!at_stage2) return fail(status);
        const auto level = static_cast<unsigned>(static_cast<u8>(status) & 3);
        return fail(aarch64::fault_status(aarch64::FaultStatus::external_abort_on_walk, level));
    }
    const bool device = (par >> 60) == 0;
    return el2::StageOneResult{{(par & low_mask(48) & ~u64{0xFFF}) | (va & 0xFFF)}, device};
}

} // namespace gimbal::bare
