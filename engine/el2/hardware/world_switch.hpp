// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "arch/aarch64/context_frame.hpp"
#include "engine/el2/fp_state.hpp"

// The assembly beside this header. Its contract:
// - It runs at EL2 with SPSel = 1 and all of DAIF masked, so that interrupts are taken from guests only.
// - VBAR_EL2 is el2_vectors while a guest runs.
// - All addresses are virtual addresses of EL2; the frame and the stack stay mapped while the guest runs.
extern "C" {

/// 2 KiB aligned. An exception of a guest ends enter_guest(); one of EL2 itself goes to own_exception_taken.
extern const char el2_vectors[];

/// Loads the frame, runs the guest until an exception is taken to EL2, stores the frame; which vector it was (enum
/// class ExitCode). Moves x0..x30, SP_EL0, ELR_EL2 and SPSR_EL2 and nothing else: the guest's system registers and its
/// FP and SIMD are in the hardware already. ESR_EL2, FAR_EL2 and HPFAR_EL2 are as the exception left them.
gimbal::u64 enter_guest(gimbal::aarch64::ContextFrame* frame);

/// V0..V31, FPCR and FPSR, with CPTR_EL2 open: the only code that touches them.
void save_fp(gimbal::el2::FpState* state);
void load_fp(const gimbal::el2::FpState* state);

/// Supplied by the image; entered by a branch, not a call. x0 is the number of the vector, 0 to 7. TPIDR_EL2 was the
/// end of a stack for this alone, because the CPU's own may be what is wrong, and is 0 now; SP is a ContextFrame below
/// it, which holds x0, x1 and in the place of SP_EL0 the SP of the exception. SP_EL0 is lost. Never returns.
void own_exception_taken();
}
