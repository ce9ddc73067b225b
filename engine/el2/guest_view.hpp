// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>

#include "arch/aarch64/context_frame.hpp"
#include "arch/aarch64/esr.hpp"
#include "base/result.hpp"
#include "engine/el2/el1_exceptions.hpp"
#include "vm/types.hpp"

namespace gimbal::el2 {

/// What the hardware says about a synchronous exception from a lower Exception level. `far`, `hpfar` and `sctlr` are
/// needed for aborts alone; the caller need not read them for another class.
struct Trap {
    aarch64::Esr esr;
    u64 far{};   ///< FAR_EL2
    u64 hpfar{}; ///< HPFAR_EL2
    u64 sctlr{}; ///< The guest's SCTLR_EL1: the byte order of its data.
};

/// Bits [63:0] and [127:64] of a V register.
struct VectorRegister {
    u64 lo{};
    u64 hi{};
    friend bool operator==(const VectorRegister&, const VectorRegister&) = default;
};

struct StageOneResult {
    Gpa gpa;       ///< Of the byte that was asked for.
    bool device{}; ///< Device memory by stage 1, so an unaligned access never gets as far as stage 2.
};

/// What a stage 1 walk of the guest starts from.
struct StageOneRegisters {
    u64 tcr{};
    u64 ttbr0{};
    u64 ttbr1{};
};

/// What decoding needs of the guest beyond its frame. The guest is not running, its registers may be live in the
/// hardware. Everything here is off the fast path. Called by the vCPU's owner only.
class GuestView {
public:
    /// Stage 1 alone (AT S1E1R and kin): the guest physical address of `va` for an access of the guest in its present
    /// state, as EL0 if `unprivileged`. PAR_EL1 is the guest's and is left as it was. The error is PAR_EL1.FST; for a
    /// stage 2 fault of the walk, FaultStatus::external_abort_on_walk with the level.
    virtual Result<StageOneResult, aarch64::FaultStatus> translate(u64 va, Direction direction, bool unprivileged) = 0;
    /// Whether stage 1 maps `va`, for reads by EL1, to Normal memory. Asked at each access to the first bytes of a
    /// device's page, so an implementation on hardware overrides it with its shortest sequence.
    virtual bool normal_memory_at(u64 va)
    {
        const auto found = translate(va, Direction::read, false);
        return found && !found->device;
    }
    /// The A64 instruction at `va`, as a number. Nothing if the guest's mapping of it has gone meanwhile.
    virtual std::optional<u32> fetch(u64 va) = 0;

    /// Guest RAM that the guest itself may access so; false if not all of it is, and nothing was read or written.
    virtual bool read_memory(Gpa gpa, std::span<u8> to) = 0;
    virtual bool write_memory(Gpa gpa, std::span<const u8> from) = 0;

    /// `n` is 0..31. Makes the guest's FP state resident, or reaches into where it is kept.
    virtual VectorRegister read_vector(unsigned n) = 0;
    virtual void write_vector(unsigned n, VectorRegister value) = 0;
    /// The guest touched FP or SIMD and EL2 has the trap on: gives it its registers.
    virtual void load_fp_state() = 0;

    enum class RegisterOutcome : u8 {
        unknown, ///< Undefined to the guest.
        done,
        again, ///< The guest has it now: the instruction runs once more.
    };
    /// A trapped register that the VM's table does not have: one of the engine's? `value` is written, or read into.
    virtual RegisterOutcome access_register(aarch64::SysReg, Direction, u64&) { return RegisterOutcome::unknown; }
    /// The guest executed a pointer-authentication instruction and EL2 has the trap on: gives it its keys. False: it
    /// has none.
    virtual bool enable_pointer_auth() { return false; }
    /// Nobody has claimed an access of the guest at `va`. Whether stage 2 allows it by now: it may have been changing.
    /// `execute`: a fetch, and `direction` is read.
    virtual bool is_allowed_now(u64 va, Direction, bool execute)
    {
        static_cast<void>(va);
        static_cast<void>(execute);
        return false;
    }

    virtual u64 read_sp_el1() = 0;
    virtual void write_sp_el1(u64 value) = 0;
    virtual StageOneRegisters stage_one_registers() = 0;
    /// take_el1_exception() on the guest's registers.
    virtual void take_exception(aarch64::ContextFrame& frame, const El1Exception& exception) = 0;

    /// Bytes that DC ZVA clears, 4..2048 (DCZID_EL0.BS).
    virtual unsigned zero_block_bytes() = 0;
    /// After a TLB conflict: drops the VMID's translations, both stages, on every CPU.
    virtual void flush_tlb() = 0;
    /// The guest cleans by set and way. Cleans and invalidates all of its memory to the point of coherency.
    virtual void clean_caches() = 0;

protected:
    ~GuestView() = default;
};

} // namespace gimbal::el2
