// SPDX-License-Identifier: Apache-2.0
    .text
// void call(u64 registers[8], bool secure): HVC or SMC with x0 to x7 from there, and what they hold afterwards back.
    .globl  call
call:
    stp     x29, x30, [sp, #-32]!
    str     x0, [sp, #16]
    mov     x9, x0
    cbnz    x1, 1f
    ldp     x0, x1, [x9]
    ldp     x2, x3, [x9, #16]
    ldp     x4, x5, [x9, #32]
    ldp     x6, x7, [x9, #48]
    hvc     #0
    b       2f
1:  ldp     x0, x1, [x9]
    ldp     x2, x3, [x9, #16]
    ldp     x4, x5, [x9, #32]
    ldp     x6, x7, [x9, #48]
    smc     #0
2:  ldr     x9, [sp, #16]
    stp     x0, x1, [x9]
    stp     x2, x3, [x9, #16]
    stp     x4, x5, [x9, #32]
    stp     x6, x7, [x9, #48]
    ldp     x29, x30, [sp], #32
    ret

    .bss
    .balign 16
    .skip   65536
    .globl  first_stack_end
first_stack_end:
