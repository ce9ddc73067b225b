// SPDX-License-Identifier: Apache-2.0
// Where both CPUs begin, at EL1h with the MMU off, and a data abort that is counted and skipped.

.macro take_vectors
    adrp    x1, vectors
    add     x1, x1, :lo12:vectors
    msr     vbar_el1, x1
    isb
.endm

    .text
    .globl  boot
boot:
    take_vectors
    bl      main

// Entry of the second CPU, by CPU_ON.
    .globl  second_start
second_start:
    adrp    x1, second_stack_end
    add     x1, x1, :lo12:second_stack_end
    mov     sp, x1
    take_vectors
    bl      second_main

// Synchronous, current level with SP_ELx: a data abort is counted in `aborts` and its instruction skipped, its registers
// as they were. Anything else ends the run. Uses 32 bytes of the stack.
skip_abort:
    stp     x0, x1, [sp, #-32]!
    mrs     x0, esr_el1
    lsr     x1, x0, #26
    cmp     x1, #0x25
    b.ne    2f
    adrp    x0, aborts
    ldr     x1, [x0, :lo12:aborts]
    add     x1, x1, #1
    str     x1, [x0, :lo12:aborts]
    mrs     x0, elr_el1
    add     x0, x0, #4
    msr     elr_el1, x0
    ldp     x0, x1, [sp], #32
    eret
2:  mrs     x1, elr_el1
    bl      unexpected

.macro stray
    .balign 128
    mrs     x0, esr_el1
    mrs     x1, elr_el1
    bl      unexpected
.endm
    .balign 2048
vectors:
    .rept 4
    stray
    .endr
    .balign 128
    b       skip_abort
    .rept 11
    stray
    .endr

    .bss
    .balign 16
    .skip   16384
    .globl  first_stack_end
first_stack_end:
    .skip   16384
second_stack_end:
    .balign 8
    .globl  aborts
aborts:
    .skip   8
