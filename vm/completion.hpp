// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/types.hpp"

namespace gimbal {

enum class CompletionKind : u8 {
    none,    ///< The last exit needs no answer (kicked, host_interrupt, timer_fired ...).
    done,    ///< The access or call is answered; the engine writes results back and moves past the instruction.
    retry,   ///< Run the same instruction again.
    inject,  ///< The guest takes an exception at the instruction instead.
    discard, ///< Forget the access: reset, CPU_OFF, restore.
};

enum class InjectKind : u8 {
    undefined,      ///< AArch64: EC 0. LoongArch: INE.
    external_abort, ///< AArch64: synchronous external abort on the access. LoongArch: ADE.
    architectural,  ///< `syndrome` holds the ESR_ELx (EC, IL, ISS) or the Ecode/EsubCode to take.
};

/// Answers an exit; applied by the engine at the next run() or at commit(), whichever comes first.
struct Completion {
    CompletionKind kind{CompletionKind::none};
    InjectKind inject{InjectKind::undefined};
    u8 result_count{}; ///< How many of `results` a call returns: SMCCC returns x0..x3, PSCI x0 alone.
    u64 results[4]{};  ///< done: the value read, or the call's results. inject architectural: results[0] is the
                       ///< syndrome.

    static constexpr Completion make_done() { return {CompletionKind::done, {}, 0, {}}; }
    static constexpr Completion make_done(u64 value) { return {CompletionKind::done, {}, 1, {value}}; }
    static constexpr Completion make_retry() { return {CompletionKind::retry, {}, 0, {}}; }
    static constexpr Completion make_discard() { return {CompletionKind::discard, {}, 0, {}}; }
    static constexpr Completion make_inject(InjectKind what, u64 syndrome = 0)
    {
        return {CompletionKind::inject, what, 0, {syndrome}};
    }
};

} // namespace gimbal
