// SPDX-License-Identifier: Apache-2.0
#include "arch/aarch64/control.hpp"
#include "arch/aarch64/pstate.hpp"
#include "base/bits.hpp"
#include "engine/translator/cpu/aarch64/cpu.hpp"
#include "engine/translator/frontend/aarch64/system_registers.hpp"
#include "engine/translator/host_random.hpp"

// System registers that are more than a field of the state.
namespace gimbal::translator::aarch64 {

using arch::CntkctlEl1;
using arch::SctlrEl1;
using arch::Spsr;
using arch::SysReg;

namespace {

constexpr u32 fpsr_cumulative = 0x9F; // IOC, DZC, OFC, UFC, IXC, IDC
constexpr u32 fpsr_qc = 1U << 27;
constexpr u64 fpcr_writable = 0x07C8'0000; // AHP, DN, FZ, RMode, FZ16; no trap enables

bool debug_register(SysReg reg) { return arch::op0(reg) == 2 && arch::crn(reg) == 0 && arch::op2(reg) >= 4; }

} // namespace

u64 Cpu::read_register(SysReg reg, unsigned rt)
{
    GuestState& state = *state_;
    const SctlrEl1 sctlr{state.el[1].sctlr};
    const bool user = el() == 0;
    const auto trap = [&] {
        unwind_exception({arch::make_sysreg_trap(reg, rt, true), 0, false});
        return u64{0};
    };
    switch (arch::encoding(reg)) {
    case arch::encoding(SysReg::nzcv): return state.nzcv;
    case arch::encoding(SysReg::daif): return state.daif;
    case arch::encoding(SysReg::fpcr): return state.fpcr;
    case arch::encoding(SysReg::fpsr): return state.common.fp.flags | (state.common.fp_saturated != 0 ? fpsr_qc : 0);
    case arch::encoding(SysReg::currentel): return arch::currentel_value(el());
    case arch::encoding(SysReg::spsel): return Spsr::spsel::get({state.pstate});
    case arch::encoding(SysReg::sp_el0): return state.el[0].sp;
    case arch::encoding(SysReg::pan): return state.pstate & arch::pan_mask;
    case arch::encoding(SysReg::uao): return state.pstate & arch::uao_mask;
    case arch::encoding(SysReg::dit): return state.pstate & arch::dit_mask;
    case arch::encoding(SysReg::ssbs): return state.pstate & arch::ssbs_mask;
    case arch::encoding(SysReg::scxtnum_el0): return state.el[0].scxtnum;
    case arch::encoding(SysReg::isr_el1): {
        const u32 inputs = inputs_.load(MemoryOrder::acquire);
        return u64{test_bit(inputs, static_cast<unsigned>(InterruptInput::fiq))} << 6 |
               u64{test_bit(inputs, static_cast<unsigned>(InterruptInput::irq))} << 7 |
               u64{test_bit(inputs, static_cast<unsigned>(InterruptInput::serror))} << 8;
    }
    case arch::encoding(SysReg::rndr):
    case arch::encoding(SysReg::rndrrs): {
        u64 value = 0;
        const bool available = host_random(value);
        state.nzcv = available ? 0 : static_cast<u32>(Spsr::z::mask);
        return available ? value : 0;
    }
    case arch::encoding(SysReg::ctr_el0): return machine_.profile().ctr_el0;
    case arch::encoding(SysReg::dczid_el0):
        return machine_.profile().dczid_el0 | (user && !SctlrEl1::dze::get(sctlr) ? 16 : 0);
    case arch::encoding(SysReg::cntvct_el0):
        return user && !CntkctlEl1::el0vcten::get({state.el[1].cntkctl}) ? trap() : machine_.counter();
    case arch::encoding(SysReg::cntpct_el0):
        return user && !CntkctlEl1::el0pcten::get({state.el[1].cntkctl}) ? trap() : machine_.counter();
    case arch::encoding(SysReg::cntfrq_el0): {
        const CntkctlEl1 control{state.el[1].cntkctl};
        if (user && !CntkctlEl1::el0vcten::get(control) && !CntkctlEl1::el0pcten::get(control)) return trap();
        return machine_.counter_frequency();
    }
    case arch::encoding(SysReg::oslsr_el1):
        return arch::OslsrEl1::oslm1::mask | (state.os_lock != 0 ? arch::OslsrEl1::oslk::mask : 0);
    }
    GIMBAL_UNREACHABLE();
}

void Cpu::write_watched(SysReg reg, u64 value)
{
    const SystemRegister* row = find_system_register(reg);
    auto* home = reinterpret_cast<u64*>(reinterpret_cast<u8*>(state_.get()) + row->offset);
    const u64 old = std::exchange(*home, value);
    mode_changed();
    switch (arch::encoding(reg)) {
    case arch::encoding(SysReg::ttbr0_el1):
    case arch::encoding(SysReg::ttbr1_el1):
        return; // an ASID changes the context; anything else needs a TLBI, which the guest does
    case arch::encoding(SysReg::cpacr_el1): return;
    case arch::encoding(SysReg::sctlr_el1): {
        constexpr u64 mapping = SctlrEl1::m::mask | SctlrEl1::wxn::mask | SctlrEl1::ee::mask;
        if (((old ^ value) & mapping) != 0) tlb_.flush_all();
        return;
    }
    case arch::encoding(SysReg::tcr_el1):
    case arch::encoding(SysReg::mair_el1):
    case arch::encoding(SysReg::mdscr_el1):
        if (old != value) tlb_.flush_all();
        return;
    }
    if (debug_register(reg) && old != value) tlb_.flush_all(); // watched pages have no fast entries
}

void Cpu::write_register(SysReg reg, u64 value)
{
    GuestState& state = *state_;
    const auto set_pstate_bits = [&](u64 mask) {
        state.pstate = static_cast<u32>((state.pstate & ~mask) | (value & mask));
        mode_changed();
    };
    switch (arch::encoding(reg)) {
    case arch::encoding(SysReg::nzcv): state.nzcv = static_cast<u32>(value & arch::nzcv_mask); return;
    case arch::encoding(SysReg::daif): state.daif = static_cast<u32>(value & arch::daif_mask); return;
    case arch::encoding(SysReg::fpcr): write_fpcr(value); return;
    case arch::encoding(SysReg::fpsr):
        state.common.fp.flags = static_cast<u32>(value) & fpsr_cumulative;
        state.common.fp_saturated = (value & fpsr_qc) != 0 ? 1 : 0;
        return;
    case arch::encoding(SysReg::spsel):
        switch_stack(el(), (value & 1) != 0);
        state.pstate = static_cast<u32>((state.pstate & ~u64{1}) | (value & 1));
        mode_changed();
        return;
    case arch::encoding(SysReg::sp_el0): state.el[0].sp = value; return;
    case arch::encoding(SysReg::pan): set_pstate_bits(arch::pan_mask); return;
    case arch::encoding(SysReg::uao): set_pstate_bits(arch::uao_mask); return;
    case arch::encoding(SysReg::dit): set_pstate_bits(arch::dit_mask); return;
    case arch::encoding(SysReg::ssbs): set_pstate_bits(arch::ssbs_mask); return;
    case arch::encoding(SysReg::scxtnum_el0): state.el[0].scxtnum = value; return;
    case arch::encoding(SysReg::oslar_el1):
        state.os_lock = value & 1;
        mode_changed();
        return;
    }
    write_watched(reg, value);
}

void Cpu::write_fpcr(u64 value)
{
    state_->fpcr = value & fpcr_writable;
    fp::FpEnv& fp = state_->common.fp;
    fp.rounding = static_cast<fp::Rounding>(bits(value, 22, 2));
    fp.flush_half = test_bit(value, 19);
    fp.flush_to_zero = test_bit(value, 24);
    fp.default_nan = test_bit(value, 25);
    fp.alternative_half = test_bit(value, 26);
    mode_changed();
}

} // namespace gimbal::translator::aarch64
