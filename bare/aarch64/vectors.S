// SPDX-License-Identifier: Apache-2.0
// The EL2 vectors and the world switch. Contract: EL2 runs with all of DAIF masked, so that interrupts are taken from
// guests only; a wait for one is a WFI with the mask on. SP_EL2 holds still while a guest runs, and [SP, SAVED_FRAME] is
// the address of its ContextFrame.
#include "generated/arch/aarch64/offsets.h"

// x19..x30 of the caller of enter_guest, then the frame's address; a multiple of 16.
#define SAVED_FRAME 96
#define SAVED_SIZE 112

    .text
    .globl  enter_guest
// u64 enter_guest(ContextFrame* frame): loads the frame, runs the guest until it leaves, stores the frame; why it left
// (enum class ExitCode). System registers, FP and SIMD are the caller's business.
enter_guest:
    stp     x19, x20, [sp, #-SAVED_SIZE]!
    stp     x21, x22, [sp, #16]
    stp     x23, x24, [sp, #32]
    stp     x25, x26, [sp, #48]
    stp     x27, x28, [sp, #64]
    stp     x29, x30, [sp, #80]
    str     x0, [sp, #SAVED_FRAME]
    ldp     x2, x3, [x0, #CONTEXT_FRAME_SP_EL0]
    ldr     x4, [x0, #CONTEXT_FRAME_SPSR]
    msr     sp_el0, x2
    msr     elr_el2, x3
    msr     spsr_el2, x4
    ldp     x2, x3, [x0, #16]
    ldp     x4, x5, [x0, #32]
    ldp     x6, x7, [x0, #48]
    ldp     x8, x9, [x0, #64]
    ldp     x10, x11, [x0, #80]
    ldp     x12, x13, [x0, #96]
    ldp     x14, x15, [x0, #112]
    ldp     x16, x17, [x0, #128]
    ldp     x18, x19, [x0, #144]
    ldp     x20, x21, [x0, #160]
    ldp     x22, x23, [x0, #176]
    ldp     x24, x25, [x0, #192]
    ldp     x26, x27, [x0, #208]
    ldp     x28, x29, [x0, #224]
    ldr     x30, [x0, #240]
    ldp     x0, x1, [x0]
    eret
    dsb     nsh     // nothing is speculated past the eret
    isb

// From every vector of a guest, with its x0 and x1 pushed; x1: the code.
guest_left:
    ldr     x0, [sp, #16 + SAVED_FRAME]
    stp     x2, x3, [x0, #16]
    stp     x4, x5, [x0, #32]
    stp     x6, x7, [x0, #48]
    stp     x8, x9, [x0, #64]
    stp     x10, x11, [x0, #80]
    stp     x12, x13, [x0, #96]
    stp     x14, x15, [x0, #112]
    stp     x16, x17, [x0, #128]
    stp     x18, x19, [x0, #144]
    stp     x20, x21, [x0, #160]
    stp     x22, x23, [x0, #176]
    stp     x24, x25, [x0, #192]
    stp     x26, x27, [x0, #208]
    stp     x28, x29, [x0, #224]
    ldp     x2, x3, [sp], #16
    stp     x2, x3, [x0]
    mrs     x4, sp_el0
    mrs     x5, elr_el2
    mrs     x6, spsr_el2
    stp     x30, x4, [x0, #240]
    stp     x5, x6, [x0, #CONTEXT_FRAME_ELR]
    mov     x0, x1
    ldp     x29, x30, [sp, #80]
    ldp     x27, x28, [sp, #64]
    ldp     x25, x26, [sp, #48]
    ldp     x23, x24, [sp, #32]
    ldp     x21, x22, [sp, #16]
    ldp     x19, x20, [sp], #SAVED_SIZE
    ret

// An exception of the hypervisor itself: stores what there is and reports. Never returns.
.macro own_exception number
    .balign 128
    sub     sp, sp, #CONTEXT_FRAME_SIZE
    stp     x0, x1, [sp]
    mov     x0, #\number
    b       own_exception_taken
.endm

.macro guest_exception code
    .balign 128
    stp     x0, x1, [sp, #-16]!
    mov     x1, #\code
    b       guest_left
.endm

    .balign 2048
    .globl  el2_vectors
el2_vectors:
    .irp number, 0, 1, 2, 3, 4, 5, 6, 7
    own_exception \number
    .endr
    .irp code, 0, 1, 2, 3, 0, 1, 2, 3   // AArch64, then AArch32 at EL0
    guest_exception \code
    .endr

own_exception_taken:
    stp     x2, x3, [sp, #16]
    stp     x4, x5, [sp, #32]
    stp     x6, x7, [sp, #48]
    stp     x8, x9, [sp, #64]
    stp     x10, x11, [sp, #80]
    stp     x12, x13, [sp, #96]
    stp     x14, x15, [sp, #112]
    stp     x16, x17, [sp, #128]
    stp     x18, x19, [sp, #144]
    stp     x20, x21, [sp, #160]
    stp     x22, x23, [sp, #176]
    stp     x24, x25, [sp, #192]
    stp     x26, x27, [sp, #208]
    stp     x28, x29, [sp, #224]
    add     x1, sp, #CONTEXT_FRAME_SIZE
    mrs     x2, elr_el2
    mrs     x3, spsr_el2
    stp     x30, x1, [sp, #240]         // sp_el0 of the frame holds SP
    stp     x2, x3, [sp, #CONTEXT_FRAME_ELR]
    mov     x1, sp
    bl      bare_own_exception          // (number, frame)

    .balign 16
    .globl  save_fp
// void save_fp(FpState* state): V0..V31, FPCR, FPSR. The only code that touches them, with load_fp.
save_fp:
    .arch_extension fp
    .arch_extension simd
    stp     q0, q1, [x0, #0]
    stp     q2, q3, [x0, #32]
    stp     q4, q5, [x0, #64]
    stp     q6, q7, [x0, #96]
    stp     q8, q9, [x0, #128]
    stp     q10, q11, [x0, #160]
    stp     q12, q13, [x0, #192]
    stp     q14, q15, [x0, #224]
    stp     q16, q17, [x0, #256]
    stp     q18, q19, [x0, #288]
    stp     q20, q21, [x0, #320]
    stp     q22, q23, [x0, #352]
    stp     q24, q25, [x0, #384]
    stp     q26, q27, [x0, #416]
    stp     q28, q29, [x0, #448]
    stp     q30, q31, [x0, #480]
    mrs     x1, fpcr
    mrs     x2, fpsr
    str     x1, [x0, #512]
    str     x2, [x0, #520]
    ret

    .globl  load_fp
// void load_fp(const FpState* state)
load_fp:
    ldp     q0, q1, [x0, #0]
    ldp     q2, q3, [x0, #32]
    ldp     q4, q5, [x0, #64]
    ldp     q6, q7, [x0, #96]
    ldp     q8, q9, [x0, #128]
    ldp     q10, q11, [x0, #160]
    ldp     q12, q13, [x0, #192]
    ldp     q14, q15, [x0, #224]
    ldp     q16, q17, [x0, #256]
    ldp     q18, q19, [x0, #288]
    ldp     q20, q21, [x0, #320]
    ldp     q22, q23, [x0, #352]
    ldp     q24, q25, [x0, #384]
    ldp     q26, q27, [x0, #416]
    ldp     q28, q29, [x0, #448]
    ldp     q30, q31, [x0, #480]
    ldr     x1, [x0, #512]
    ldr     x2, [x0, #520]
    msr     fpcr, x1
    msr     fpsr, x2
    ret
