// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "engine/el2/access_sequence.hpp"
#include "engine/el2/advance.hpp"
#include "engine/el2/guest_view.hpp"
#include "vm/completion.hpp"
#include "vm/exit.hpp"

namespace gimbal::el2 {

/// Turns the synchronous exceptions of one vCPU into exits, and completions into registers. The only place where an
/// exit becomes a PC. Hypercalls, described accesses and trapped registers stay inline; all else is out of line.
///
/// Where a function returns bool: true means that `exit` is for the VM, false that the guest may run on. Owner only.
class TrapDecoder {
public:
    static constexpr ExitKinds raises =
        ExitKinds::of(ExitKind::mmio, ExitKind::hypercall, ExitKind::secure_call, ExitKind::system_register,
                      ExitKind::idle, ExitKind::stage2_fault, ExitKind::debug, ExitKind::fatal);

    /// A synchronous exception from a lower Exception level. What was pending before is forgotten: the guest has run.
    [[nodiscard]] bool decode(const Trap& trap, aarch64::ContextFrame& frame, GuestView& guest, Exit& exit)
    {
        using aarch64::Esr;
        trap_.esr = trap.esr;
        const auto ec = Esr::ec::get(trap.esr);
        if (ec == aarch64::Ec::hvc64) {
            awaiting_ = Awaiting::hypercall;
            report_call(ExitKind::hypercall, trap.esr, frame, exit);
            return true;
        }
        if ((trap.esr.raw & plain_access_mask) == plain_access && is_plain(trap, frame)) {
            if (is_first_of_page(trap)) return decode_first_of_page(trap, frame, guest, exit);
            report_access(trap, frame, exit);
            return true;
        }
        // System instructions, op0 = 1, have no result and are not in the VM's table.
        if (ec == aarch64::Ec::msr_mrs && Esr::op0::get(trap.esr) != 1) {
            report_register(frame, exit);
            return true;
        }
        return decode_other(trap, frame, guest, exit);
    }

    /// Applies the answer to the last exit. Part of a longer access: the next exit. With no answer, an access that is
    /// still to be made is asked for again and anything else starts over.
    [[nodiscard]] bool next(const Completion& answer, aarch64::ContextFrame& frame, GuestView& guest, Exit& exit)
    {
        if (answer.kind == CompletionKind::done) {
            const Awaiting what = awaiting_;
            if (what == Awaiting::hypercall) {
                take_results(answer, frame);
                awaiting_ = Awaiting::nothing;
                return false;
            }
            if (what == Awaiting::access || what == Awaiting::system_register) {
                if (is_load_) frame_result(answer.results[0], frame);
                awaiting_ = Awaiting::nothing;
                advance(frame, trap_.esr);
                return false;
            }
        }
        if (awaiting_ == Awaiting::nothing) return false;
        return next_other(answer, frame, guest, exit);
    }

    /// Applies the answer without going on: the next access of a sequence is reported by next() with no answer.
    void commit(const Completion& answer, aarch64::ContextFrame& frame, GuestView& guest)
    {
        Exit unreported;
        if (answer.kind != CompletionKind::none) (void)next(answer, frame, guest, unreported);
    }

    /// Forgets the exit and the rest of its instruction: reset, CPU_OFF, restore.
    void discard() { awaiting_ = Awaiting::nothing; }

    bool waits_for_answer() const { return awaiting_ != Awaiting::nothing; }

private:
    enum class Awaiting : u8 {
        nothing,
        access, ///< A described access
        sequence,
        hypercall,
        secure_call,
        system_register,
        idle,
        stage2_fault,
        debug,
    };

    // A stage 2 translation fault of a data access that the syndrome describes: EC, ISV, CM, S1PTW and FSC[5:2].
    static constexpr u64 plain_access_mask =
        aarch64::Esr::ec::mask | aarch64::Esr::isv::mask | aarch64::Esr::cm::mask | aarch64::Esr::s1ptw::mask | 0x3C;
    static constexpr u64 plain_access =
        aarch64::make_data_abort(true, {.fsc = aarch64::FaultStatus::translation, .isv = true}).raw & plain_access_mask;
    static_assert(plain_access == 0x9100'0004);

    /// Little-endian A64, and aligned.
    static bool is_plain(const Trap& trap, const aarch64::ContextFrame& frame)
    {
        using aarch64::SctlrEl1;
        const u64 below = (u64{1} << aarch64::Esr::sas::get(trap.esr)) - 1;
        if ((frame.spsr & aarch64::Spsr::nrw::mask) != 0) return false;
        return (trap.sctlr & (SctlrEl1::ee::mask | SctlrEl1::e0e::mask)) == 0 && (trap.far & below) == 0;
    }
    /// An unaligned access that begins in the page before is reported by its first byte in this one, and described as
    /// if it began there.
    static bool is_first_of_page(const Trap& trap)
    {
        return (trap.far & 0xFFF) == 0 && aarch64::Esr::sas::get(trap.esr) != 0;
    }
    /// HPFAR_EL2 holds bits [51:12] from bit 4 on, FAR_EL2 the rest.
    static u64 ipa_page(u64 hpfar) { return bits(hpfar, 4, 40) << 12; }

    static void report_call(ExitKind kind, aarch64::Esr esr, const aarch64::ContextFrame& frame, Exit& exit)
    {
        // All loads before all stores: the two may overlap for all that the compiler knows.
        u64 x[8];
        for (unsigned i = 0; i < 8; ++i) x[i] = frame.x[i];
        for (unsigned i = 0; i < 8; ++i) exit.call.arguments[i] = x[i];
        exit.kind = kind;
        exit.call.immediate = aarch64::Esr::imm16::get(esr);
    }

    void report_access(const Trap& trap, const aarch64::ContextFrame& frame, Exit& exit)
    {
        using aarch64::Esr;
        const Esr esr = trap.esr;
        const u64 far = trap.far;
        const u64 hpfar = trap.hpfar;
        const bool write = Esr::wnr::get(esr);
        const unsigned bytes = 1U << Esr::sas::get(esr);
        awaiting_ = Awaiting::access;
        is_load_ = !write;
        trap_.far = far;
        exit.kind = ExitKind::mmio;
        exit.mmio.gpa = {ipa_page(hpfar) | (far & 0xFFF)};
        exit.mmio.data = write ? transfer(frame, Esr::srt::get(esr)) & (~u64{0} >> (64 - 8 * bytes)) : 0;
        exit.mmio.size = static_cast<AccessSize>(bytes);
        exit.mmio.direction = write ? Direction::write : Direction::read;
    }

    void report_register(const aarch64::ContextFrame& frame, Exit& exit)
    {
        using aarch64::Esr;
        const bool read = Esr::is_read::get(trap_.esr);
        awaiting_ = Awaiting::system_register;
        is_load_ = read;
        exit.kind = ExitKind::system_register;
        exit.system_register.encoding = aarch64::encoding(aarch64::trapped_sysreg(trap_.esr));
        exit.system_register.direction = read ? Direction::read : Direction::write;
        exit.system_register.value = read ? 0 : transfer(frame, Esr::rt::get(trap_.esr));
    }

    /// Transfer register 31 is XZR.
    static u64 transfer(const aarch64::ContextFrame& frame, unsigned index) { return index == 31 ? 0 : frame.x[index]; }

    void frame_result(u64 value, aarch64::ContextFrame& frame) const
    {
        using aarch64::Esr;
        unsigned index = Esr::rt::get(trap_.esr);
        if (awaiting_ == Awaiting::access) {
            const unsigned unused = 64 - (8U << Esr::sas::get(trap_.esr));
            index = Esr::srt::get(trap_.esr);
            value <<= unused;
            value = Esr::sse::get(trap_.esr) ? static_cast<u64>(static_cast<i64>(value) >> unused) : value >> unused;
            if (!Esr::sf::get(trap_.esr)) value &= low_mask(32);
        }
        if (index != 31) frame.x[index] = value;
    }

    static void take_results(const Completion& answer, aarch64::ContextFrame& frame)
    {
        const unsigned count = answer.result_count <= 4 ? answer.result_count : 4;
        for (unsigned i = 0; i < count; ++i) frame.x[i] = answer.results[i];
    }

    bool decode_other(const Trap& trap, aarch64::ContextFrame& frame, GuestView& guest, Exit& exit);
    bool decode_data_abort(const Trap& trap, aarch64::ContextFrame& frame, GuestView& guest, Exit& exit);
    bool decode_instruction_abort(const Trap& trap, aarch64::ContextFrame& frame, GuestView& guest, Exit& exit);
    bool decode_stage2_fault(const Trap& trap, GuestAccess access, GuestView& guest, Exit& exit);
    bool decode_first_of_page(const Trap& trap, aarch64::ContextFrame& frame, GuestView& guest, Exit& exit);
    bool decode_device_access(const Trap& trap, aarch64::ContextFrame& frame, GuestView& guest, Exit& exit);
    bool begin_sequence(AccessSequence::Start start, aarch64::ContextFrame& frame, GuestView& guest, Exit& exit);
    bool go_on(aarch64::ContextFrame& frame, GuestView& guest, Exit& exit);
    void take_external_abort(Awaiting what, aarch64::ContextFrame& frame, GuestView& guest);
    bool decode_idle(aarch64::ContextFrame& frame, Exit& exit);
    bool decode_system_instruction(aarch64::ContextFrame& frame, GuestView& guest, Exit& exit);
    bool stop_for_debugger(DebugCause cause, u64 address, Exit& exit);
    bool stop_vm(FatalReason reason, Exit& exit);

    bool next_other(const Completion& answer, aarch64::ContextFrame& frame, GuestView& guest, Exit& exit);
    void inject(const Completion& answer, Awaiting what, aarch64::ContextFrame& frame, GuestView& guest);
    bool engine_answers(aarch64::ContextFrame& frame, GuestView& guest);
    bool is_allowed_now(Awaiting what, GuestView& guest) const;

    Awaiting awaiting_{Awaiting::nothing};
    bool is_load_{}; ///< access, system_register: the answer holds a value for a register.
    Trap trap_{};    ///< Of the exit that waits; `far` for those that have an address, the rest for aborts.
    AccessSequence sequence_{};
};

} // namespace gimbal::el2
