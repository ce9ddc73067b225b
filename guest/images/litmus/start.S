// SPDX-License-Identifier: Apache-2.0
// Where the first CPU begins and those that PSCI CPU_ON starts, and the exception vectors.

#define STACK_BYTES 16384

    .text
    .globl  boot
// The first CPU: EL1h, MMU off. x0: the device tree.
boot:
    mov     x19, x0
    bl      build_tables
    bl      enter_regime
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
    bl      enter_regime
    mov     x0, x19
    bl      secondary_main
    b       .

// Turns the MMU on, with the one regime that all CPUs share (struct Regime). Clobbers x1 to x3.
enter_regime:
    adrp    x1, vectors
    add     x1, x1, :lo12:vectors
    msr     vbar_el1, x1
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

// Saves what a C++ function may change, and calls exception(vector, frame): x0..x18, x30, ELR, SPSR.
.macro vector number
    .balign 128
    sub     sp, sp, #176
    stp     x0, x1, [sp]
    mov     x0, #\number
    b       common
.endm
    .balign 2048
vectors:
    .irp number, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    vector  \number
    .endr

common:
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
    bl      exception
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

// A function that is changed while other CPUs call it: u64 patched().
    .balign 64
    .globl  patched
patched:
    movz    x0, #0
    ret
    .balign 64

    .bss
    .balign 16
    .globl  stacks
stacks:
    .skip   STACK_BYTES
    .globl  first_stack_end
first_stack_end:
    .skip   7 * STACK_BYTES
