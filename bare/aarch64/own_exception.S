// SPDX-License-Identifier: Apache-2.0
// An exception of the hypervisor itself, as engine/el2/hardware/world_switch.hpp hands it over: stores what there is and
// reports. Then perhaps the CPU goes on, on an empty stack.
#include "generated/arch/aarch64/offsets.h"

    .text
    .globl  own_exception_taken
own_exception_taken:
    stp     x2, x3, [sp, #CONTEXT_FRAME_X + 16]
    stp     x4, x5, [sp, #CONTEXT_FRAME_X + 32]
    stp     x6, x7, [sp, #CONTEXT_FRAME_X + 48]
    stp     x8, x9, [sp, #CONTEXT_FRAME_X + 64]
    stp     x10, x11, [sp, #CONTEXT_FRAME_X + 80]
    stp     x12, x13, [sp, #CONTEXT_FRAME_X + 96]
    stp     x14, x15, [sp, #CONTEXT_FRAME_X + 112]
    stp     x16, x17, [sp, #CONTEXT_FRAME_X + 128]
    stp     x18, x19, [sp, #CONTEXT_FRAME_X + 144]
    stp     x20, x21, [sp, #CONTEXT_FRAME_X + 160]
    stp     x22, x23, [sp, #CONTEXT_FRAME_X + 176]
    stp     x24, x25, [sp, #CONTEXT_FRAME_X + 192]
    stp     x26, x27, [sp, #CONTEXT_FRAME_X + 208]
    stp     x28, x29, [sp, #CONTEXT_FRAME_X + 224]
    str     x30, [sp, #CONTEXT_FRAME_X + 240]
    mrs     x2, elr_el2
    mrs     x3, spsr_el2
    stp     x2, x3, [sp, #CONTEXT_FRAME_ELR]
    mov     x1, sp
    mov     x29, xzr                    // a backtrace of the report ends here
    mov     x30, xzr
    bl      bare_own_exception          // (number, frame)

    .globl  run_on_stack
// [[noreturn]] void run_on_stack(u64 end, void (*function)(void*), void* argument): leaves whatever is on the stack behind.
run_on_stack:
    mov     sp, x0
    mov     x0, x2
    mov     x29, xzr
    mov     x30, xzr
    br      x1
