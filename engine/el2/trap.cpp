// SPDX-License-Identifier: Apache-2.0
#include "engine/el2/trap.hpp"

#include "base/bits.hpp"
#include "engine/el2/trap_classes.hpp"

namespace gimbal::el2 {

using aarch64::ContextFrame;
using aarch64::Ec;
using aarch64::Esr;
using aarch64::SysReg;
using aarch64::TrappedWait;

namespace {

/// WFIT and WFET: Rn holds the virtual count at which they end (RV says that Rn is given).
constexpr unsigned wait_register_lo = 5;
constexpr unsigned wait_register_valid = 2;

bool is_set_way(SysReg operation)
{
    // DC ISW, DC CSW, DC CISW
    return operation == aarch64::make_sysreg(1, 0, 7, 6, 2) || operation == aarch64::make_sysreg(1, 0, 7, 10, 2) ||
           operation == aarch64::make_sysreg(1, 0, 7, 14, 2);
}

} // namespace

bool TrapDecoder::decode_other(const Trap& trap, ContextFrame& frame, GuestView& guest, Exit& exit)
{
    trap_ = trap;
    awaiting_ = Awaiting::nothing;
    const Ec ec = Esr::ec::get(trap.esr);
    switch (treatment_of(ec)) {
    case Treatment::data_abort: return decode_data_abort(trap, frame, guest, exit);
    case Treatment::instruction_abort: return decode_instruction_abort(trap, frame, guest, exit);
    case Treatment::hypercall:
        awaiting_ = Awaiting::hypercall;
        report_call(ExitKind::hypercall, trap.esr, frame, exit);
        return true;
    case Treatment::secure_call:
        awaiting_ = Awaiting::secure_call;
        report_call(ExitKind::secure_call, trap.esr, frame, exit);
        return true;
    case Treatment::system_instruction: return decode_system_instruction(frame, guest, exit);
    case Treatment::wait: return decode_idle(frame, exit);
    case Treatment::load_fp: guest.load_fp_state(); return false;
    case Treatment::undefined:
        if (ec == Ec::pauth && guest.enable_pointer_auth()) return false;
        guest.take_exception(frame, undefined_instruction());
        return false;
    case Treatment::aarch32:
        if (condition_holds(frame, trap.esr))
            guest.take_exception(frame, undefined_instruction());
        else
            advance(frame, trap.esr);
        return false;
    case Treatment::reflect: guest.take_exception(frame, {trap.esr, trap.far, has_fault_address(ec)}); return false;
    case Treatment::breakpoint: return stop_for_debugger(DebugCause::breakpoint, frame.elr, exit);
    case Treatment::watchpoint: return stop_for_debugger(DebugCause::watchpoint, trap.far, exit);
    case Treatment::step: return stop_for_debugger(DebugCause::step, frame.elr, exit);
    case Treatment::impossible: return stop_vm(FatalReason::unsupported_state, exit);
    }
    return stop_vm(FatalReason::unsupported_state, exit);
}

bool TrapDecoder::decode_system_instruction(ContextFrame& frame, GuestView& guest, Exit& exit)
{
    // MSR and MRS have been taken by decode().
    if (is_set_way(aarch64::trapped_sysreg(trap_.esr))) {
        // No CPU's caches can be emptied by set and way from another one, so it is done for the whole of its memory.
        guest.clean_caches();
        advance(frame, trap_.esr);
        return false;
    }
    report_register(frame, exit);
    return true;
}

bool TrapDecoder::decode_idle(ContextFrame& frame, Exit& exit)
{
    if (!condition_holds(frame, trap_.esr)) {
        advance(frame, trap_.esr);
        return false;
    }
    const TrappedWait which{Esr::ti::get(trap_.esr)};
    const bool for_event = which == TrappedWait::wfe || which == TrappedWait::wfet;
    const bool timed = which == TrappedWait::wfit || which == TrappedWait::wfet;
    if (timed && !test_bit(trap_.esr.raw, wait_register_valid)) {
        advance(frame, trap_.esr); // it may end at any time
        return false;
    }
    awaiting_ = Awaiting::idle;
    exit = Exit(IdleExit{for_event ? IdleKind::wait_for_event : IdleKind::wait_for_interrupt, timed, {}});
    if (timed) exit.idle.deadline = {transfer(frame, static_cast<unsigned>(bits(trap_.esr.raw, wait_register_lo, 5)))};
    // Whether the local monitor is armed cannot be seen from here.
    exit.idle.monitor_armed = for_event;
    return true;
}

bool TrapDecoder::stop_for_debugger(DebugCause cause, u64 address, Exit& exit)
{
    awaiting_ = Awaiting::debug;
    exit = Exit(DebugExit{cause, address});
    return true;
}

bool TrapDecoder::stop_vm(FatalReason reason, Exit& exit)
{
    awaiting_ = Awaiting::nothing;
    exit = Exit(FatalExit{reason, trap_.esr.raw});
    return true;
}

bool TrapDecoder::begin_sequence(AccessSequence::Start start, ContextFrame& frame, GuestView& guest, Exit& exit)
{
    switch (start) {
    case AccessSequence::Start::ready: awaiting_ = Awaiting::sequence; return go_on(frame, guest, exit);
    case AccessSequence::Start::nothing: return false;
    case AccessSequence::Start::refused: take_external_abort(Awaiting::sequence, frame, guest); return false;
    case AccessSequence::Start::fault: guest.take_exception(frame, sequence_.exception()); return false;
    }
    return stop_vm(FatalReason::undecodable_access, exit);
}

bool TrapDecoder::go_on(ContextFrame& frame, GuestView& guest, Exit& exit)
{
    if (sequence_.step(guest, exit)) {
        trap_.far = sequence_.current_address();
        return true;
    }
    awaiting_ = Awaiting::nothing;
    sequence_.finish(frame, guest);
    advance(frame, trap_.esr);
    return false;
}

bool TrapDecoder::next_other(const Completion& answer, ContextFrame& frame, GuestView& guest, Exit& exit)
{
    const Awaiting what = awaiting_;
    switch (answer.kind) {
    case CompletionKind::none:
        if (what == Awaiting::sequence) return go_on(frame, guest, exit);
        break;
    case CompletionKind::done:
        if (what == Awaiting::sequence) {
            sequence_.answer(answer.results[0]);
            return go_on(frame, guest, exit);
        }
        if (what == Awaiting::secure_call) take_results(answer, frame);
        if (what == Awaiting::secure_call || what == Awaiting::idle) advance(frame, trap_.esr);
        break;
    case CompletionKind::retry:
        if (what == Awaiting::hypercall) frame.elr -= aarch64_instruction_bytes;
        break;
    case CompletionKind::inject: inject(answer, what, frame, guest); break;
    case CompletionKind::discard: break;
    }
    awaiting_ = Awaiting::nothing;
    return false;
}

void TrapDecoder::inject(const Completion& answer, Awaiting what, ContextFrame& frame, GuestView& guest)
{
    // HVC returns behind itself; an exception instead of it is one at it.
    if (what == Awaiting::hypercall) frame.elr -= aarch64_instruction_bytes;
    switch (answer.inject) {
    case InjectKind::undefined:
        if (what == Awaiting::system_register && engine_answers(frame, guest)) return;
        guest.take_exception(frame, undefined_instruction());
        return;
    case InjectKind::external_abort:
        if (is_allowed_now(what, guest)) return; // the instruction runs again
        take_external_abort(what, frame, guest);
        return;
    case InjectKind::architectural: {
        const Esr esr{answer.results[0]};
        guest.take_exception(frame, {esr, trap_.far, has_fault_address(Esr::ec::get(esr))});
        return;
    }
    }
}

/// A trapped register that only the engine knows.
bool TrapDecoder::engine_answers(ContextFrame& frame, GuestView& guest)
{
    u64 value = is_load_ ? 0 : transfer(frame, Esr::rt::get(trap_.esr));
    const Direction direction = is_load_ ? Direction::read : Direction::write;
    switch (guest.access_register(aarch64::trapped_sysreg(trap_.esr), direction, value)) {
    case GuestView::RegisterOutcome::unknown: return false;
    case GuestView::RegisterOutcome::again: return true;
    case GuestView::RegisterOutcome::done:
        if (is_load_) frame_result(value, frame);
        advance(frame, trap_.esr);
        return true;
    }
    return false;
}

/// Break-before-make on another CPU: there is nothing at the address for a moment only. Not asked of a sequence, whose
/// first accesses are made.
bool TrapDecoder::is_allowed_now(Awaiting what, GuestView& guest) const
{
    if (what != Awaiting::access && what != Awaiting::stage2_fault) return false;
    const bool fetch = Esr::ec::get(trap_.esr) == Ec::iabt_lower;
    const bool write = !fetch && Esr::wnr::get(trap_.esr);
    return guest.is_allowed_now(trap_.far, write ? Direction::write : Direction::read, fetch);
}

/// At the access that waits, or that could not be emulated.
void TrapDecoder::take_external_abort(Awaiting what, ContextFrame& frame, GuestView& guest)
{
    const auto status = aarch64::FaultStatus::external_abort;
    if (Esr::ec::get(trap_.esr) == Ec::iabt_lower) {
        guest.take_exception(frame, {aarch64::make_instruction_abort(true, status), trap_.far, true});
        return;
    }
    const bool access = Esr::ec::get(trap_.esr) == Ec::dabt_lower;
    const bool in_sequence = what == Awaiting::sequence && awaiting_ == Awaiting::sequence;
    const bool write = access && (in_sequence ? sequence_.is_write() : Esr::wnr::get(trap_.esr));
    const El1Exception abort{aarch64::make_data_abort(true, {.fsc = status, .wnr = write, .fnv = !access}), trap_.far,
                             access};
    guest.take_exception(frame, abort);
}

} // namespace gimbal::el2
