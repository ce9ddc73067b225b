// SPDX-License-Identifier: Apache-2.0
// The beginning, the way between two translation regimes, and the way into and out of a guest context.

#define UPPER_HALF 0xFFFFFFFF80000000

    .section .text.start, "ax"
    .globl  boot
// EL1h, MMU off, at the link address. No arguments: they are in `parameters`.
boot:
    bl      prepare_home
    ldr     x2, =UPPER_HALF
    adrp    x1, main
    add     x1, x1, :lo12:main
    add     x30, x1, x2
    mov     x1, sp
    add     x1, x1, x2
    mov     sp, x1
    b       load_regime
    .balign 64
// A loader of seeds finds the magic in the file and writes the four words behind it (Parameters).
    .globl  parameters
parameters:
    .ascii  "GIMBALPRIVILEGED"
    .quad   1, 1, 1, 0

    .text
// void switch_regime(u64 physical_regime): loads MAIR, TCR, TTBR0, TTBR1, SCTLR while the MMU is off. With the MMU off an
// address of the upper half is none: the fetch after the change faults to VBAR_EL1, which is physical by then.
// Clobbers x1, x2 and the exception registers.
    .globl  switch_regime
switch_regime:
    adrp    x1, leaving_vectors
    add     x1, x1, :lo12:leaving_vectors
    ldr     x2, =UPPER_HALF
    sub     x1, x1, x2
    msr     vbar_el1, x1
    isb
    mrs     x1, sctlr_el1
    bic     x1, x1, #1
    msr     sctlr_el1, x1
    isb
    b       .

    .balign 2048
leaving_vectors:
    .fill   0x80, 4, 0xD4200000
// +0x200: synchronous, current level with SP_ELx
load_regime:
    ldp     x1, x2, [x0]
    msr     mair_el1, x1
    msr     tcr_el1, x2
    ldp     x1, x2, [x0, #16]
    msr     ttbr0_el1, x1
    msr     ttbr1_el1, x2
    adrp    x1, arriving_vectors
    ldr     x2, =UPPER_HALF
    add     x1, x1, :lo12:arriving_vectors
    add     x1, x1, x2
    msr     vbar_el1, x1
    ldr     x2, [x0, #32]
    tlbi    vmalle1
    dsb     ish
    ic      iallu
    dsb     ish
    isb
    msr     sctlr_el1, x2
    isb
// What the lower half maps here now is random; it holds nothing but exceptions.
    brk     #0
    .ltorg

    .balign 2048
arriving_vectors:
    .fill   0x80, 4, 0xD4200000
    adrp    x1, vectors
    add     x1, x1, :lo12:vectors
    msr     vbar_el1, x1
    isb
    ret

// void enter(Context*): runs a context until its next exception, wherever it comes from.
    .globl  enter
enter:
    stp     x19, x20, [sp, #-96]!
    stp     x21, x22, [sp, #16]
    stp     x23, x24, [sp, #32]
    stp     x25, x26, [sp, #48]
    stp     x27, x28, [sp, #64]
    stp     x29, x30, [sp, #80]
    mov     x1, sp
    str     x1, [x0, #CONTEXT_MONITOR_SP]
    msr     tpidr_el1, x0
    ldp     x1, x2, [x0, #CONTEXT_PC]
    msr     elr_el1, x1
    msr     spsr_el1, x2
    ldp     x1, x2, [x0, #CONTEXT_SP]
    msr     sp_el0, x1
    mov     sp, x2
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

leave:
    str     x2, [x0, #16]
    str     x3, [x0, #24]
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
    str     x30, [x0, #240]
    str     x1, [x0, #CONTEXT_VECTOR]
    mrs     x1, daif
    mrs     x2, pan
    orr     x1, x1, x2
    mrs     x2, uao
    orr     x1, x1, x2
    mrs     x2, dit
    orr     x1, x1, x2
    mrs     x2, ssbs
    orr     x1, x1, x2
    mrs     x2, spsel
    orr     x1, x1, x2
    mrs     x2, currentel
    orr     x1, x1, x2
    str     x1, [x0, #CONTEXT_TARGET]
    mrs     x1, esr_el1
    mrs     x2, far_el1
    stp     x1, x2, [x0, #CONTEXT_ESR]
    mrs     x1, elr_el1
    mrs     x2, spsr_el1
    stp     x1, x2, [x0, #CONTEXT_ELR]
    mrs     x1, sp_el0
    mov     x2, sp
    stp     x1, x2, [x0, #CONTEXT_SP]
    ldr     x1, [x0, #CONTEXT_MONITOR_SP]
    mov     sp, x1
    ldp     x21, x22, [sp, #16]
    ldp     x23, x24, [sp, #32]
    ldp     x25, x26, [sp, #48]
    ldp     x27, x28, [sp, #64]
    ldp     x29, x30, [sp, #80]
    ldp     x19, x20, [sp], #96
    ret

.macro vector number
    .balign 128
    msr     tpidrro_el0, x0
    mrs     x0, tpidr_el1
    str     x1, [x0, #8]
    mrs     x1, tpidrro_el0
    str     x1, [x0]
    mov     x1, #\number
    b       leave
.endm
    .balign 2048
vectors:
    .irp number, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    vector  \number
    .endr

// One access by x1 each, of x2 or to x0; 16 bytes apart (enum Access). They run here at EL1 and from a copy at EL0.
.macro snippet first:vararg
    .balign 16
    \first
    svc     #0xF00
.endm
    .balign 4096
    .globl  snippets
snippets:
    snippet ldrb w0, [x1]
    snippet ldrh w0, [x1]
    snippet ldr w0, [x1]
    snippet ldr x0, [x1]
    snippet ldtr x0, [x1]
    snippet ldtrb w0, [x1]
    snippet ldp x0, x3, [x1]
    snippet ldr x0, [x1], #8
    snippet strb w2, [x1]
    snippet strh w2, [x1]
    snippet str w2, [x1]
    snippet str x2, [x1]
    snippet sttr x2, [x1]
    snippet sttrb w2, [x1]
    snippet stp x2, x2, [x1]
    snippet str x2, [x1, #8]!
    snippet ldar x0, [x1]
    snippet stlr x2, [x1]
    snippet ldadd x2, x0, [x1]
    snippet cas x0, x2, [x1]
    snippet casp x4, x5, x6, x7, [x1]
    .balign 16
    ldxr    x0, [x1]
    stxr    w3, x2, [x1]
    svc     #0xF00
    .balign 16
    ldaxp   x0, x4, [x1]
    stlxp   w3, x2, x2, [x1]
    svc     #0xF00
    snippet dc zva, x1
    .globl  snippets_end
snippets_end:

    .bss
    .balign 16
    .skip   16384
    .globl  first_stack_end
first_stack_end:
