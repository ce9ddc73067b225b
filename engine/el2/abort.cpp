// SPDX-License-Identifier: Apache-2.0
#include "base/bits.hpp"
#include "engine/el2/trap.hpp"
#include "engine/el2/walk_level.hpp"

// Data and instruction aborts that decode() does not take inline.
namespace gimbal::el2 {

using aarch64::ContextFrame;
using aarch64::Esr;
using aarch64::FaultStatus;

namespace {

constexpr u64 page_bytes = 4096;

bool is_instruction(Esr esr) { return Esr::ec::get(esr) == aarch64::Ec::iabt_lower; }

/// The abort as EL1 sees it: nothing that stage 2 alone has, and `status`.
El1Exception own_abort(const Trap& trap, FaultStatus status)
{
    const bool valid = !Esr::fnv::get(trap.esr);
    if (is_instruction(trap.esr)) {
        Esr esr = aarch64::make_instruction_abort(true, status, false, Esr::ea::get(trap.esr));
        return {Esr::fnv::set(esr, !valid), trap.far, valid};
    }
    const aarch64::DataAbortIss iss{.fsc = status,
                                    .wnr = Esr::wnr::get(trap.esr),
                                    .cm = Esr::cm::get(trap.esr),
                                    .ea = Esr::ea::get(trap.esr),
                                    .fnv = !valid};
    return {aarch64::make_data_abort(true, iss), trap.far, valid};
}

/// What an abort is to be taken for.
enum class Cause : u8 {
    hole,       ///< Nothing is mapped there by stage 2.
    permission, ///< Stage 2 forbids it.
    own,        ///< The guest's own affair.
    conflict,   ///< TLB entries that contradict each other; the guest can make them.
    broken,     ///< Our tables are not what we made.
};

Cause cause_of(FaultStatus status)
{
    switch (fault_kind(status)) {
    case FaultStatus::translation:
    case FaultStatus::address_size: return Cause::hole; // beyond what stage 2 can map there is nothing either
    case FaultStatus::permission: return Cause::permission;
    case FaultStatus::access_flag: return Cause::broken; // every entry of ours has it set
    case FaultStatus::tlb_conflict: return Cause::conflict;
    case FaultStatus::external_abort:
    case FaultStatus::tag_check:
    case FaultStatus::external_abort_on_walk:
    case FaultStatus::ecc:
    case FaultStatus::ecc_on_walk:
    case FaultStatus::alignment: // of the type that stage 2 gives, for a device passed through
    case FaultStatus::debug:
    case FaultStatus::hardware_update:
    case FaultStatus::lockdown:
    case FaultStatus::unsupported_exclusive: return Cause::own;
    }
    return Cause::own;
}

bool of_stage2(Cause cause) { return cause == Cause::hole || cause == Cause::permission; }

/// The guest's table is where it has no memory: the read of its walker fails, as at a bus without a device.
El1Exception abort_on_walk(const Trap& trap, u64 page, GuestView& guest)
{
    const unsigned level = stage_one_level(trap.far, {page}, guest);
    return own_abort(trap, fault_status(FaultStatus::external_abort_on_walk, level));
}

} // namespace

bool TrapDecoder::decode_data_abort(const Trap& trap, ContextFrame& frame, GuestView& guest, Exit& exit)
{
    const FaultStatus status = Esr::fsc::get(trap.esr);
    const Cause cause = cause_of(status);
    if (of_stage2(cause) && Esr::s1ptw::get(trap.esr)) {
        guest.take_exception(frame, abort_on_walk(trap, ipa_page(trap.hpfar), guest));
        return false;
    }
    switch (cause) {
    case Cause::hole:
    case Cause::permission:
        if (Esr::cm::get(trap.esr)) {
            // Where there is no memory of the guest's, or none that it may change, no cache holds anything for it.
            advance(frame, trap.esr);
            return false;
        }
        if (cause == Cause::hole) return decode_device_access(trap, frame, guest, exit);
        return decode_stage2_fault(trap, Esr::wnr::get(trap.esr) ? GuestAccess::write : GuestAccess::read, guest, exit);
    case Cause::own: guest.take_exception(frame, own_abort(trap, status)); return false;
    case Cause::conflict: guest.flush_tlb(); return false;
    case Cause::broken: return stop_vm(FatalReason::host_error, exit);
    }
    return stop_vm(FatalReason::host_error, exit);
}

bool TrapDecoder::decode_instruction_abort(const Trap& trap, ContextFrame& frame, GuestView& guest, Exit& exit)
{
    const FaultStatus status = Esr::fsc::get(trap.esr);
    const Cause cause = cause_of(status);
    if (of_stage2(cause) && Esr::s1ptw::get(trap.esr)) {
        guest.take_exception(frame, abort_on_walk(trap, ipa_page(trap.hpfar), guest));
        return false;
    }
    switch (cause) {
    case Cause::hole:
    case Cause::permission: return decode_stage2_fault(trap, GuestAccess::execute, guest, exit);
    case Cause::own: guest.take_exception(frame, own_abort(trap, status)); return false;
    case Cause::conflict: guest.flush_tlb(); return false;
    case Cause::broken: return stop_vm(FatalReason::host_error, exit);
    }
    return stop_vm(FatalReason::host_error, exit);
}

bool TrapDecoder::decode_stage2_fault(const Trap& trap, GuestAccess access, GuestView& guest, Exit& exit)
{
    Gpa gpa{ipa_page(trap.hpfar) | (trap.far & (page_bytes - 1))};
    if (cause_of(Esr::fsc::get(trap.esr)) == Cause::permission) {
        // HPFAR_EL2 holds nothing for it, so the guest's own mapping is asked. If that has changed, the guest tries
        // again and meets what is there now.
        const auto found =
            guest.translate(trap.far, access == GuestAccess::write ? Direction::write : Direction::read, false);
        if (!found) return false;
        gpa = found->gpa;
    }
    awaiting_ = Awaiting::stage2_fault;
    exit = Exit(Stage2FaultExit{gpa, access});
    return true;
}

bool TrapDecoder::decode_first_of_page(const Trap& trap, ContextFrame& frame, GuestView& guest, Exit& exit)
{
    // Only Normal memory can be in front of it. Most often there is none, and the access is described after all.
    if (!guest.normal_memory_at(trap.far - 1)) {
        report_access(trap, frame, exit);
        return true;
    }
    trap_ = trap;
    awaiting_ = Awaiting::nothing;
    return begin_sequence(sequence_.start(trap, {ipa_page(trap.hpfar)}, frame, guest), frame, guest, exit);
}

bool TrapDecoder::decode_device_access(const Trap& trap, ContextFrame& frame, GuestView& guest, Exit& exit)
{
    const Gpa page{ipa_page(trap.hpfar)};
    const bool aarch32 = aarch64::Spsr::nrw::get({frame.spsr});
    const bool begins_here = !is_first_of_page(trap) || !guest.normal_memory_at(trap.far - 1);
    const bool described = Esr::isv::get(trap.esr) && begins_here;
    if (described && is_aligned(trap.far, u64{1} << Esr::sas::get(trap.esr)) && !big_endian_data(trap, {frame.spsr})) {
        report_access(trap, frame, exit);
        return true;
    }
    if (described) return begin_sequence(sequence_.start_described(trap, page, frame, guest), frame, guest, exit);
    if (aarch32) return begin_sequence(AccessSequence::Start::refused, frame, guest, exit);
    return begin_sequence(sequence_.start(trap, page, frame, guest), frame, guest, exit);
}

} // namespace gimbal::el2
