// SPDX-License-Identifier: Apache-2.0
#include "arch/aarch64/control.hpp"
#include "arch/aarch64/pstate.hpp"
#include "engine/translator/cpu/aarch64/cpu.hpp"

namespace gimbal::translator::aarch64 {

using arch::Esr;
using arch::MdscrEl1;
using arch::SctlrEl1;
using arch::Spsr;

namespace {

// Offsets from VBAR_EL1: where the exception comes from, then its kind.
constexpr unsigned vector_current_sp0 = 0x000;
constexpr unsigned vector_current_spx = 0x200;
constexpr unsigned vector_lower = 0x400;
constexpr unsigned vector_synchronous = 0x000;
constexpr unsigned vector_irq = 0x080;
constexpr unsigned vector_fiq = 0x100;
constexpr unsigned vector_serror = 0x180;

} // namespace

void Cpu::take_exception(const PendingException& exception, unsigned kind)
{
    GuestState& state = *state_;
    ElBank& bank = state.el[1];
    const Spsr old{pstate()};
    const unsigned from = el() == 0 ? vector_lower : Spsr::spsel::get(old) ? vector_current_spx : vector_current_sp0;
    bank.spsr = old.raw;
    bank.elr = state.common.pc;
    if (kind == vector_synchronous || kind == vector_serror) {
        bank.esr = exception.esr.raw;
        if (exception.has_far) bank.far = exception.far;
    }
    const SctlrEl1 sctlr{bank.sctlr};
    Spsr target = Spsr::m::set(Spsr{}, arch::Mode::el1h);
    target = Spsr::daif::set(target, 0xF);
    target = Spsr::nzcv::set(target, Spsr::nzcv::get(old));
    target = Spsr::dit::set(target, Spsr::dit::get(old));
    target = Spsr::pan::set(target, Spsr::pan::get(old) || !SctlrEl1::span::get(sctlr));
    target = Spsr::ssbs::set(target, SctlrEl1::dssbs::get(sctlr));
    set_pstate(target.raw);
    state.common.pc = bank.vbar + from + kind;
    state.common.exclusive_address = ~u64{0};
    step_of_instruction_ = false;
}

void Cpu::take_synchronous(const PendingException& exception) { take_exception(exception, vector_synchronous); }

bool Cpu::interrupt_pending() const { return inputs_.load(MemoryOrder::acquire) != 0; }

bool Cpu::deliver_interrupt()
{
    const u32 inputs = inputs_.load(MemoryOrder::acquire);
    if (inputs == 0) return false;
    const Spsr masks{state_->daif};
    const auto raised = [&](InterruptInput input) { return (inputs & 1U << static_cast<u32>(input)) != 0; };
    // An architectural order would let the implementation choose; asynchronous aborts first, then FIQ, then IRQ.
    if (raised(InterruptInput::serror) && !Spsr::a::get(masks))
        take_exception({arch::make_esr(arch::Ec::serror), 0, false}, vector_serror);
    else if (raised(InterruptInput::fiq) && !Spsr::f::get(masks))
        take_exception({}, vector_fiq);
    else if (raised(InterruptInput::irq) && !Spsr::i::get(masks))
        take_exception({}, vector_irq);
    else
        return false;
    return true;
}

void Cpu::exception_return()
{
    GuestState& state = *state_;
    const ElBank& bank = state.el[el()];
    const Spsr spsr{bank.spsr};
    const Spsr current{pstate()};
    const u8 mode = static_cast<u8>(Spsr::m::get(spsr));
    // AArch32, EL2 and EL3 do not exist here; M[1] is reserved; EL0 has no SPx (IllegalExceptionReturn).
    const bool illegal = (mode & 0x10) != 0 || (mode & 2) != 0 || Spsr::el::get(spsr) > el() || mode == 1;
    Spsr target = spsr;
    if (illegal) {
        target = Spsr::il::set(target, true);
        target = Spsr::el::set(target, static_cast<u8>(el()));
        target = Spsr::spsel::set(target, Spsr::spsel::get(current));
        target = Spsr::nrw::set(target, false);
    }
    // Software step goes on only if it was off here and is on where we return to.
    const bool was_enabled = debug_enabled(el());
    const u64 old_daif = state.daif;
    state.daif = static_cast<u32>(spsr.raw & arch::daif_mask);
    const bool will_be = debug_enabled(Spsr::el::get(target));
    state.daif = static_cast<u32>(old_daif);
    const bool step = MdscrEl1::ss::get({state.mdscr}) && !was_enabled && will_be && Spsr::ss::get(spsr);
    target = Spsr::ss::set(target, step);
    const u64 pc = bank.elr;
    set_pstate(target.raw);
    state.common.pc = pc;
    state.common.exclusive_address = ~u64{0};
    event_register_ = true;
    step_of_instruction_ = false;
}

void Cpu::advance_single_step()
{
    if (!mode_.step) return;
    state_->pstate &= ~static_cast<u32>(Spsr::ss::mask);
    step_of_instruction_ = true;
}

bool Cpu::take_pending_step()
{
    if (!mode_.step || Spsr::ss::get({state_->pstate})) return false;
    const bool lower = mode_.el == 0;
    take_synchronous({arch::make_software_step(lower, step_of_instruction_, exclusive_stepped_), 0, false});
    return true;
}

void Cpu::unwind_exception(const PendingException& exception)
{
    unwound_ = exception;
    CpuState& common = state_->common;
    common.unwind = Unwind::event;
    common.unwind_event = ir::Event::exception;
    common.unwind_payload = exception.esr.raw;
}

} // namespace gimbal::translator::aarch64
