// SPDX-License-Identifier: Apache-2.0
#include "vm/state.hpp"
#include "arch/aarch64/pstate.hpp"
#include "engine/translator/cpu/aarch64/cpu.hpp"
#include "engine/translator/frontend/aarch64/system_registers.hpp"

// The one list of a CPU's state, for snapshots, debuggers and tests. Timers and interrupt inputs are the VM's.
namespace gimbal::translator::aarch64 {

namespace {

constexpr u32 fpcr_id = 64;
constexpr u32 fpsr_id = 65;

} // namespace

/// PSTATE comes first: it chooses which SP the general registers hold.
void Cpu::visit_core(StateVisitor& visitor)
{
    u64 pstate_value = pstate();
    visitor.visit({StateMask::core, state_pstate}, pstate_value);
    if (pstate_value != pstate()) set_pstate(pstate_value);
    for (u32 n = 0; n < std::size(state_->x); ++n) visitor.visit({StateMask::core, n}, state_->x[n]);
    visitor.visit({StateMask::core, 31}, state_->sp);
    visitor.visit({StateMask::core, state_pc}, state_->common.pc);
}

void Cpu::visit_system(StateVisitor& visitor)
{
    const auto visit = [&](arch::SysReg reg, u64& value) {
        visitor.visit({StateMask::system, arch::encoding(reg)}, value);
    };
    for (const SystemRegister& row : system_registers())
        if (row.kind != RegisterKind::computed)
            visit(row.reg, *reinterpret_cast<u64*>(reinterpret_cast<u8*>(state_.get()) + row.offset));
    visit(arch::SysReg::scxtnum_el0, state_->el[0].scxtnum);
    visit(arch::SysReg::oslsr_el1, state_->os_lock);
    // The stack pointer that is not the current one.
    const bool uses_sp_el0 = el() == 0 || !arch::Spsr::spsel::get({state_->pstate});
    visit(uses_sp_el0 ? arch::SysReg::sp_el1 : arch::SysReg::sp_el0, state_->el[uses_sp_el0 ? 1 : 0].sp);
    // Anything may have changed.
    tlb_.flush_all();
    mode_changed();
}

void Cpu::visit_fp_simd(StateVisitor& visitor)
{
    for (u32 n = 0; n < std::size(state_->v); ++n) {
        visitor.visit({StateMask::fp_simd, 2 * n}, state_->v[n].lo);
        visitor.visit({StateMask::fp_simd, 2 * n + 1}, state_->v[n].hi);
    }
    u64 fpcr = state_->fpcr;
    visitor.visit({StateMask::fp_simd, fpcr_id}, fpcr);
    if (fpcr != state_->fpcr) write_fpcr(fpcr);
    u64 fpsr = read_register(arch::SysReg::fpsr, 0);
    visitor.visit({StateMask::fp_simd, fpsr_id}, fpsr);
    write_register(arch::SysReg::fpsr, fpsr);
}

void Cpu::visit_state(StateMask groups, StateVisitor& visitor)
{
    if (includes(groups, StateMask::core)) visit_core(visitor);
    if (includes(groups, StateMask::system)) visit_system(visitor);
    if (includes(groups, StateMask::fp_simd)) visit_fp_simd(visitor);
    state_->common.exclusive_address = ~u64{0};
}

} // namespace gimbal::translator::aarch64
