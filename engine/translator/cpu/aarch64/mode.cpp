// SPDX-License-Identifier: Apache-2.0
#include "arch/aarch64/control.hpp"
#include "arch/aarch64/pstate.hpp"
#include "base/bits.hpp"
#include "engine/translator/cpu/aarch64/cpu.hpp"

namespace gimbal::translator::aarch64 {

using arch::CpacrEl1;
using arch::Dbgbcr;
using arch::MdscrEl1;
using arch::SctlrEl1;
using arch::Spsr;

namespace {

/// FPEN: 0 and 2 trap EL0 and EL1, 1 traps EL0.
bool fp_traps(u64 cpacr, unsigned el)
{
    const u8 fpen = CpacrEl1::fpen::get({cpacr});
    return (fpen & 1) == 0 || (fpen == 1 && el == 0);
}

constexpr u64 fpcr_mode_bits = 0x07C8'0000; // AHP, DN, FZ, RMode, FZ16

} // namespace

u64 Cpu::pstate() const { return u64{state_->pstate} | state_->nzcv | state_->daif; }

void Cpu::set_pstate(u64 spsr)
{
    constexpr u64 kept = Spsr::dit::mask | Spsr::uao::mask | Spsr::pan::mask | Spsr::ss::mask | Spsr::il::mask |
                         Spsr::ssbs::mask | Spsr::el::mask | Spsr::spsel::mask;
    switch_stack(Spsr::el::get({spsr}), Spsr::spsel::get({spsr}));
    state_->pstate = static_cast<u32>(spsr & kept);
    state_->nzcv = static_cast<u32>(spsr & arch::nzcv_mask);
    state_->daif = static_cast<u32>(spsr & arch::daif_mask);
    mode_changed();
}

void Cpu::switch_stack(unsigned new_el, bool new_spsel)
{
    const bool old_spsel = Spsr::spsel::get({state_->pstate});
    const unsigned from = old_spsel ? el() : 0;
    const unsigned to = new_spsel ? new_el : 0;
    if (from == to) return;
    state_->el[from].sp = state_->sp;
    state_->sp = state_->el[to].sp;
}

bool Cpu::debug_enabled(unsigned from_el) const
{
    // Debug exceptions go to EL1: always enabled below it, at EL1 only with KDE and PSTATE.D clear.
    if ((state_->os_lock & 1) != 0) return false;
    if (from_el == 0) return true;
    return MdscrEl1::kde::get({state_->mdscr}) && (state_->daif & Spsr::d::mask) == 0;
}

void Cpu::update_mode()
{
    mode_stale_ = false;
    const GuestState& state = *state_;
    const SctlrEl1 sctlr{state.el[1].sctlr};
    const Spsr pstate{state.pstate};
    Mode mode;
    mode.el = static_cast<u8>(el());
    const bool user = mode.el == 0;
    mode.sp_el0 = !user && !Spsr::spsel::get(pstate);
    mode.mmu_on = SctlrEl1::m::get(sctlr);
    mode.big_endian = user ? SctlrEl1::e0e::get(sctlr) : SctlrEl1::ee::get(sctlr);
    mode.align_check = SctlrEl1::a::get(sctlr);
    mode.sp_align_check = user ? SctlrEl1::sa0::get(sctlr) : SctlrEl1::sa::get(sctlr);
    mode.fp_trap = fp_traps(state.el[1].cpacr, mode.el);
    mode.pan = Spsr::pan::get(pstate);
    mode.uao = !user && Spsr::uao::get(pstate);
    if (user) {
        mode.el0_daif_trap = !SctlrEl1::uma::get(sctlr);
        mode.el0_cache_trap = !SctlrEl1::uci::get(sctlr);
        mode.el0_ctr_trap = !SctlrEl1::uct::get(sctlr);
        mode.el0_scxtnum_trap = SctlrEl1::tscxt::get(sctlr);
        mode.el0_dczva_trap = !SctlrEl1::dze::get(sctlr);
        mode.el0_wfi_trap = !SctlrEl1::ntwi::get(sctlr);
        mode.el0_wfe_trap = !SctlrEl1::ntwe::get(sctlr);
    }
    const u64 fpcr_mode = state.fpcr & fpcr_mode_bits;
    mode.fp_not_default = fpcr_mode != 0;
    mode.fpcr_mode = static_cast<u8>(bits(fpcr_mode, 19, 1) | bits(fpcr_mode, 22, 5) << 1);
    if (debug_enabled(mode.el)) {
        mode.step = MdscrEl1::ss::get({state.mdscr});
        if (MdscrEl1::mde::get({state.mdscr}))
            for (const u64 control : state.dbgbcr) mode.debug |= Dbgbcr::e::get({control});
    }
    mode_ = mode;
    state_->common.mode_key = mode.key();
    update_tlb_context();
}

u16 Cpu::current_asid() const
{
    const u64 tcr = state_->el[1].tcr;
    const u64 ttbr = test_bit(tcr, 22) ? state_->el[1].ttbr1 : state_->el[1].ttbr0;
    return static_cast<u16>(bits(ttbr, 48, test_bit(tcr, 36) ? 16 : 8));
}

WalkRegisters Cpu::walk_registers() const
{
    const ElBank& bank = state_->el[1];
    return {bank.ttbr0, bank.ttbr1, bank.tcr, bank.mair, bank.sctlr};
}

void Cpu::update_tlb_context()
{
    const WalkRegisters registers = walk_registers();
    const unsigned lower = granule_shift(registers, 0);
    const unsigned upper = granule_shift(registers, bit(55));
    tlb_.set_granule(lower < upper ? lower : upper);
    const TlbPrivilege privilege = mode_.el == 0 ? TlbPrivilege::el0
                                   : mode_.pan   ? TlbPrivilege::el1_pan
                                                 : TlbPrivilege::el1;
    const Tlb::Views views = tlb_.activate(current_asid(), privilege);
    CpuState& common = state_->common;
    for (TlbView& view : common.tlb) {
        view.page_mask = ~low_mask(tlb_.granule());
        view.index_shift = tlb_.granule();
    }
    common.tlb[0].entries = views.data;
    common.tlb[1].entries = views.unprivileged;
    common.fetch = views.fetch;
}

} // namespace gimbal::translator::aarch64
