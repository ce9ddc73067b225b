// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>

#include "vm/types.hpp"

namespace gimbal {

/// Everything an engine may tell the VM. Closed: a switch over it has no `default`.
enum class ExitKind : u8 {
    mmio,            ///< An access to a guest physical address that is not RAM.
    hypercall,       ///< HVC, `hvcl`.
    secure_call,     ///< SMC.
    system_register, ///< MSR/MRS (or a LoongArch CSR) that the engine does not hold itself.
    iocsr,           ///< LoongArch IOCSR access.
    idle,            ///< WFI, WFE, IDLE.
    timer_fired,     ///< The hardware virtual timer expired and is masked until it is handled.
    stage2_fault,    ///< A stage-2 fault that is no MMIO: a fetch from a hole, a write to read-only memory.
    host_interrupt,  ///< The host took an interrupt; nothing to do for the guest.
    system_event,    ///< Power-off, reset, crash, suspend, decided by the engine or the kernel under it.
    debug,           ///< A breakpoint, watchpoint or step that belongs to a debugger of ours.
    kicked,          ///< kick() was called, or a request is posted.
    fatal,           ///< The vCPU cannot go on; the VM stops with the reason.
};
inline constexpr unsigned exit_kind_count = 13;

/// The exit kinds that an engine can raise.
class ExitKinds {
public:
    constexpr ExitKinds() = default; ///< None.
    template <std::same_as<ExitKind>... Kinds>
    static constexpr ExitKinds of(Kinds... kinds)
    {
        return ExitKinds((0U | ... | (1U << static_cast<unsigned>(kinds))));
    }
    static constexpr ExitKinds all() { return ExitKinds((1U << exit_kind_count) - 1); }

    constexpr ExitKinds operator|(ExitKinds other) const { return ExitKinds(bits_ | other.bits_); }

    /// False for what is no kind at all.
    constexpr bool contains(ExitKind kind) const
    {
        const auto index = static_cast<unsigned>(kind);
        return index < exit_kind_count && (bits_ >> index & 1) != 0;
    }

private:
    constexpr explicit ExitKinds(u32 bits) : bits_(bits) {}
    u32 bits_{};
};

struct MmioExit {
    Gpa gpa;
    u64 data; ///< The value written, zero-extended; undefined for a read.
    AccessSize size;
    Direction direction;
};

/// Arguments as the calling convention has them: x0..x7, or a0..a7 (SMCCC, DEN0028; LoongArch KVM's hvcl convention).
struct CallExit {
    u64 arguments[8];
    u16 immediate;
};

/// AArch64: `encoding` is op0:op1:CRn:CRm:op2 (arch/aarch64/sysreg.hpp); LoongArch: the CSR number.
struct SystemRegisterExit {
    u32 encoding;
    Direction direction;
    u64 value;
};

struct IocsrExit {
    u32 address;
    AccessSize size;
    Direction direction;
    u64 value;
};

enum class IdleKind : u8 { wait_for_interrupt, wait_for_event };

/// `deadline` is the next moment at which something that the *engine* holds makes the vCPU runnable, a timer or the
/// event stream; none if !has_deadline. `monitor_armed`: the guest waits for a store to a location that it has loaded
/// exclusively, of which the engine sees nothing.
struct IdleExit {
    IdleKind kind;
    bool has_deadline;
    CounterTicks deadline;
    bool monitor_armed{};
};

enum class GuestAccess : u8 { read, write, execute };

struct Stage2FaultExit {
    Gpa gpa;
    GuestAccess access;
};

enum class SystemEvent : u8 { off, reset, crash, suspend };
struct SystemEventExit {
    SystemEvent event;
};

enum class DebugCause : u8 { breakpoint, watchpoint, step };
struct DebugExit {
    DebugCause cause;
    u64 address;
};

enum class FatalReason : u8 {
    entry_failed,       ///< The hardware refused the guest state.
    undecodable_access, ///< An MMIO access by an instruction that cannot be emulated.
    double_fault,       ///< An exception whose vector cannot be fetched, again and again.
    host_memory,        ///< Host memory for guest RAM or translated code ran out.
    host_error,         ///< The kernel or framework under the engine failed.
    unsupported_state,  ///< The guest entered an execution state that this engine does not run.
    contract_broken,    ///< The VM's own verdict: the engine left with a kind that it does not publish (the detail), or
                        ///< was called by a thread that does not own the vCPU.
};
struct FatalExit {
    FatalReason reason;
    u64 detail; ///< An address, errno or syndrome; for the log.
};

struct Exit {
    ExitKind kind{ExitKind::kicked};
    union {
        MmioExit mmio;
        CallExit call; ///< hypercall and secure_call
        SystemRegisterExit system_register;
        IocsrExit iocsr;
        IdleExit idle;
        Stage2FaultExit stage2_fault;
        SystemEventExit system_event;
        DebugExit debug;
        FatalExit fatal;
    };

    constexpr Exit() : call{} {}
    constexpr explicit Exit(ExitKind bare) : kind(bare), call{} {} ///< For kinds without a payload.
    constexpr explicit Exit(MmioExit payload) : kind(ExitKind::mmio), mmio(payload) {}
    constexpr Exit(ExitKind which, CallExit payload) : kind(which), call(payload) {}
    constexpr explicit Exit(SystemRegisterExit payload) : kind(ExitKind::system_register), system_register(payload) {}
    constexpr explicit Exit(IocsrExit payload) : kind(ExitKind::iocsr), iocsr(payload) {}
    constexpr explicit Exit(IdleExit payload) : kind(ExitKind::idle), idle(payload) {}
    constexpr explicit Exit(Stage2FaultExit payload) : kind(ExitKind::stage2_fault), stage2_fault(payload) {}
    constexpr explicit Exit(SystemEventExit payload) : kind(ExitKind::system_event), system_event(payload) {}
    constexpr explicit Exit(DebugExit payload) : kind(ExitKind::debug), debug(payload) {}
    constexpr explicit Exit(FatalExit payload) : kind(ExitKind::fatal), fatal(payload) {}
};

} // namespace gimbal
