// SPDX-License-Identifier: Apache-2.0
// Where CPUs begin, the vectors, and the way out of an attempt.

#define STACK_BYTES 16384

    .text
    .globl  boot
// The first CPU: EL1h, MMU off. x0: the device tree, or 0.
boot:
    mov     x19, x0
    bl      build_tables
    mov     x0, #0
    bl      set_up_cpu
    mov     x0, x19
    bl      main
    b       .

    .globl  secondary_entry
// void secondary_entry(u64 cpu): where CPU_ON starts a CPU. EL1h, MMU off; x0 is what CPU_ON was given.
secondary_entry:
    adrp    x1, stacks
    add     x1, x1, :lo12:stacks
    add     x2, x0, #1
    mov     x3, #STACK_BYTES
    madd    x1, x2, x3, x1
    mov     sp, x1
    mov     x19, x0
    bl      set_up_cpu
    mov     x0, x19
    bl      secondary_main
    b       .

// Vectors, per-CPU pointer, MMU. x0: the CPU. Clobbers x1 to x3.
set_up_cpu:
    adrp    x1, vectors
    add     x1, x1, :lo12:vectors
    msr     vbar_el1, x1
    adrp    x1, per_cpu
    add     x1, x1, :lo12:per_cpu
    ldr     x2, =PER_CPU_SIZE
    madd    x1, x0, x2, x1
    msr     tpidr_el1, x1
    .globl  enter_regime
// void enter_regime(): MMU on, with the regime that all CPUs share. Clobbers x1 to x3.
enter_regime:
    adrp    x1, regime
    add     x1, x1, :lo12:regime
    ldp     x2, x3, [x1]
    msr     mair_el1, x2
    msr     tcr_el1, x3
    ldp     x2, x3, [x1, #16]
    msr     ttbr0_el1, x2
    isb
    tlbi    vmalle1
    dsb     nsh
    isb
    msr     sctlr_el1, x3
    isb
    ret
    .ltorg

// Fault* attempt_call(void (*code)(void*), void* argument, Fault* fault)
    .globl  attempt_call
attempt_call:
    stp     x19, x20, [sp, #-112]!
    stp     x21, x22, [sp, #16]
    stp     x23, x24, [sp, #32]
    stp     x25, x26, [sp, #48]
    stp     x27, x28, [sp, #64]
    stp     x29, x30, [sp, #80]
    mrs     x3, tpidr_el1
    str     x3, [sp, #96]
    mov     x4, sp
    stp     x2, x4, [x3]
    mov     x4, x0
    mov     x0, x1
    blr     x4
leave_attempt:              // SP as it was at the call
    ldr     x3, [sp, #96]
    msr     tpidr_el1, x3
    ldr     x0, [x3]
    stp     xzr, xzr, [x3]
    ldp     x21, x22, [sp, #16]
    ldp     x23, x24, [sp, #32]
    ldp     x25, x26, [sp, #48]
    ldp     x27, x28, [sp, #64]
    ldp     x29, x30, [sp, #80]
    ldp     x19, x20, [sp], #112
    ret

// A synchronous exception: out of the attempt that runs, or the end.
synchronous:
    mrs     x0, tpidr_el1
    ldr     x1, [x0]
    cbz     x1, unexpected_exception
    mov     x2, #1
    mrs     x3, esr_el1
    stp     x2, x3, [x1]
    mrs     x2, far_el1
    mrs     x3, elr_el1
    stp     x2, x3, [x1, #16]
    mrs     x2, spsr_el1
    str     x2, [x1, #32]
    ldr     x1, [x0, #8]
    msr     spsel, #1
    mov     sp, x1
    msr     daifset, #15
    and     x2, x2, #0x3C0      // DAIF of before
    mrs     x3, daif
    bic     x3, x3, #0x3C0
    orr     x3, x3, x2
    msr     daif, x3
    b       leave_attempt

// Saves what a C++ function may change: x0..x18, x30, ELR, SPSR.
interrupt:
    sub     sp, sp, #176
    stp     x0, x1, [sp]
    stp     x2, x3, [sp, #16]
    stp     x4, x5, [sp, #32]
    stp     x6, x7, [sp, #48]
    stp     x8, x9, [sp, #64]
    stp     x10, x11, [sp, #80]
    stp     x12, x13, [sp, #96]
    stp     x14, x15, [sp, #112]
    stp     x16, x17, [sp, #128]
    stp     x18, x30, [sp, #144]
    mrs     x2, elr_el1
    mrs     x3, spsr_el1
    stp     x2, x3, [sp, #160]
    bl      take_interrupt
    ldp     x2, x3, [sp, #160]
    msr     elr_el1, x2
    msr     spsr_el1, x3
    ldp     x18, x30, [sp, #144]
    ldp     x16, x17, [sp, #128]
    ldp     x14, x15, [sp, #112]
    ldp     x12, x13, [sp, #96]
    ldp     x10, x11, [sp, #80]
    ldp     x8, x9, [sp, #64]
    ldp     x6, x7, [sp, #48]
    ldp     x4, x5, [sp, #32]
    ldp     x2, x3, [sp, #16]
    ldp     x0, x1, [sp]
    add     sp, sp, #176
    eret

.macro vector target
    .balign 128
    b       \target
.endm
    .balign 2048
vectors:
    .rept   4
    vector  synchronous
    .endr
    vector  synchronous
    vector  interrupt
    vector  interrupt           // FIQ: the same controller's other group
    vector  unexpected_exception
    vector  synchronous
    .rept   7
    vector  unexpected_exception
    .endr

    .bss
    .balign 16
stacks:
    .skip   STACK_BYTES
    .globl  first_stack_end
first_stack_end:
    .skip   7 * STACK_BYTES
