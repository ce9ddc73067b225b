// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "arch/aarch64/esr.hpp"

namespace gimbal::el2 {

inline constexpr u64 aarch64_instruction_bytes = 4;

/// What is done about an exception class that a guest's exception to EL2 may have.
enum class Treatment : u8 {
    data_abort,
    instruction_abort,
    hypercall,
    secure_call,
    system_instruction,
    wait,
    load_fp,
    undefined, ///< An instruction that the guest's CPU does not have.
    aarch32,   ///< The same, in a program at EL0 whose condition may fail.
    reflect,   ///< EL1's own exception; it comes here only where HCR_EL2 or MDCR_EL2 says so.
    breakpoint,
    watchpoint,
    step,
    impossible, ///< Not from a guest.
};

/// Also for the values that have no enumerator.
Treatment treatment_of(aarch64::Ec ec);

/// Whether the exception writes FAR_EL1.
bool has_fault_address(aarch64::Ec ec);

} // namespace gimbal::el2
