// SPDX-License-Identifier: Apache-2.0
// The EL2 vectors and the world switch; world_switch.hpp has the contract. SP_EL2 holds still while a guest runs, and
// [SP, SAVED_FRAME] is the address of its ContextFrame.
#include "generated/arch/aarch64/offsets.h"

// x19..x30 of the caller of enter_guest, then the frame's address; a multiple of 16.
#define SAVED_FRAME 96
#define SAVED_SIZE 112

    .text
    .globl  enter_guest
// u64 enter_guest(ContextFrame* frame)
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
    ldp     x2, x3, [x0, #CONTEXT_FRAME_X + 16]
    ldp     x4, x5, [x0, #CONTEXT_FRAME_X + 32]
    ldp     x6, x7, [x0, #CONTEXT_FRAME_X + 48]
    ldp     x8, x9, [x0, #CONTEXT_FRAME_X + 64]
    ldp     x10, x11, [x0, #CONTEXT_FRAME_X + 80]
    ldp     x12, x13, [x0, #CONTEXT_FRAME_X + 96]
    ldp     x14, x15, [x0, #CONTEXT_FRAME_X + 112]
    ldp     x16, x17, [x0, #CONTEXT_FRAME_X + 128]
    ldp     x18, x19, [x0, #CONTEXT_FRAME_X + 144]
    ldp     x20, x21, [x0, #CONTEXT_FRAME_X + 160]
    ldp     x22, x23, [x0, #CONTEXT_FRAME_X + 176]
    ldp     x24, x25, [x0, #CONTEXT_FRAME_X + 192]
    ldp     x26, x27, [x0, #CONTEXT_FRAME_X + 208]
    ldp     x28, x29, [x0, #CONTEXT_FRAME_X + 224]
    ldr     x30, [x0, #CONTEXT_FRAME_X + 240]
    ldp     x0, x1, [x0, #CONTEXT_FRAME_X]
    eret
    dsb     nsh     // nothing is speculated past the eret
    isb

// From every vector of a guest, with its x0 and x1 pushed; x1: the code.
guest_left:
    ldr     x0, [sp, #16 + SAVED_FRAME]
    stp     x2, x3, [x0, #CONTEXT_FRAME_X + 16]
    stp     x4, x5, [x0, #CONTEXT_FRAME_X + 32]
    stp     x6, x7, [x0, #CONTEXT_FRAME_X + 48]
    stp     x8, x9, [x0, #CONTEXT_FRAME_X + 64]
    stp     x10, x11, [x0, #CONTEXT_FRAME_X + 80]
    stp     x12, x13, [x0, #CONTEXT_FRAME_X + 96]
    stp     x14, x15, [x0, #CONTEXT_FRAME_X + 112]
    stp     x16, x17, [x0, #CONTEXT_FRAME_X + 128]
    stp     x18, x19, [x0, #CONTEXT_FRAME_X + 144]
    stp     x20, x21, [x0, #CONTEXT_FRAME_X + 160]
    stp     x22, x23, [x0, #CONTEXT_FRAME_X + 176]
    stp     x24, x25, [x0, #CONTEXT_FRAME_X + 192]
    stp     x26, x27, [x0, #CONTEXT_FRAME_X + 208]
    stp     x28, x29, [x0, #CONTEXT_FRAME_X + 224]
    ldp     x2, x3, [sp], #16
    stp     x2, x3, [x0, #CONTEXT_FRAME_X]
    mrs     x4, sp_el0
    mrs     x5, elr_el2
    mrs     x6, spsr_el2
    stp     x30, x4, [x0, #CONTEXT_FRAME_X + 240]
    stp     x5, x6, [x0, #CONTEXT_FRAME_ELR]
    mov     x0, x1
    ldp     x29, x30, [sp, #80]
    ldp     x27, x28, [sp, #64]
    ldp     x25, x26, [sp, #48]
    ldp     x23, x24, [sp, #32]
    ldp     x21, x22, [sp, #16]
    ldp     x19, x20, [sp], #SAVED_SIZE
    ret

.macro own_exception number
    .balign 128
    msr     sp_el0, x0                  // of a guest that is lost, or nobody's
    mrs     x0, tpidr_el2
    cbz     x0, .                       // while one is reported: there is nobody left to tell
    msr     tpidr_el2, xzr
    sub     x0, x0, #CONTEXT_FRAME_SIZE
    str     x1, [x0, #CONTEXT_FRAME_X + 8]
    mov     x1, sp
    str     x1, [x0, #CONTEXT_FRAME_SP_EL0]
    mov     sp, x0
    mrs     x1, sp_el0
    str     x1, [x0, #CONTEXT_FRAME_X]
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
