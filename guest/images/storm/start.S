// SPDX-License-Identifier: Apache-2.0
// Where CPUs begin, the run of wild words, and exceptions that are counted and skipped. Nothing here trusts SP, the byte
// order or PSTATE: TPIDRRO_EL0 holds SCTLR_EL1 as it must be, TPIDR_EL1 the CPU's struct PerCpu.

#define STACK_BYTES 16384
#define SAVED_SP 96
#define HANDLER 104
#define REGISTERS 144
#define FAULTS 400
#define INTERRUPTS 912
#define SERRORS 920
#define CODE 976
#define HANDLER_STATE 0x3C5     // EL1h, all masked

    .text
    .globl  boot
boot:
    mov     x19, x0
    bl      build_tables
    mov     x0, #0
    bl      set_up_cpu
    mov     x0, x19
    bl      main
    b       .

    .globl  secondary_entry
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

set_up_cpu:
    adrp    x1, vectors
    add     x1, x1, :lo12:vectors
    msr     vbar_el1, x1
    adrp    x1, per_cpu
    add     x1, x1, :lo12:per_cpu
    ldr     x2, =STORM_CPU_SIZE
    madd    x1, x0, x2, x1
    msr     tpidr_el1, x1
    adrp    x1, regime
    add     x1, x1, :lo12:regime
    ldp     x2, x3, [x1]
    msr     mair_el1, x2
    msr     tcr_el1, x3
    ldp     x2, x3, [x1, #16]
    msr     ttbr0_el1, x2
    msr     tpidrro_el0, x3
    isb
    tlbi    vmalle1
    dsb     nsh
    isb
    msr     sctlr_el1, x3
    isb
    ret
    .ltorg

// void run_words(PerCpu* self)
    .globl  run_words
run_words:
    stp     x19, x20, [x0]
    stp     x21, x22, [x0, #16]
    stp     x23, x24, [x0, #32]
    stp     x25, x26, [x0, #48]
    stp     x27, x28, [x0, #64]
    stp     x29, x30, [x0, #80]
    mov     x1, sp
    str     x1, [x0, #SAVED_SP]
    add     x30, x0, #CODE
    msr     elr_el1, x30
    mov     x1, #HANDLER_STATE
    msr     spsr_el1, x1
    add     x0, x0, #REGISTERS
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

    .globl  words_end
words_end:
    mrs     x0, tpidrro_el0
    msr     sctlr_el1, x0
    isb
    msr     daifset, #15
    msr     spsel, #1
    adrp    x1, regime
    add     x1, x1, :lo12:regime
    ldr     x2, [x1, #8]
    msr     tcr_el1, x2
    msr     mdscr_el1, xzr
    isb
    mrs     x0, tpidr_el1
    ldr     x1, [x0, #SAVED_SP]
    mov     sp, x1
    ldp     x19, x20, [x0]
    ldp     x21, x22, [x0, #16]
    ldp     x23, x24, [x0, #32]
    ldp     x25, x26, [x0, #48]
    ldp     x27, x28, [x0, #64]
    ldp     x29, x30, [x0, #80]
    ret

// A sane byte order, x0 the CPU's struct, x1 to x4 saved in it; x0 itself is in TPIDR_EL0.
.macro enter_handler
    msr     tpidr_el0, x0
    mrs     x0, tpidrro_el0
    msr     sctlr_el1, x0
    isb
    mrs     x0, tpidr_el1
    stp     x1, x2, [x0, #HANDLER]
    stp     x3, x4, [x0, #HANDLER + 16]
.endm
.macro leave_handler
    ldp     x1, x2, [x0, #HANDLER]
    ldp     x3, x4, [x0, #HANDLER + 16]
    mrs     x0, tpidr_el0
    eret
.endm

// Goes on behind the word, or if it is none of the words at their end.
synchronous:
    enter_handler
    mrs     x1, esr_el1
    lsr     x1, x1, #26
    add     x2, x0, #FAULTS
    ldr     x3, [x2, x1, lsl #3]
    add     x3, x3, #1
    str     x3, [x2, x1, lsl #3]
    mrs     x3, elr_el1
    add     x3, x3, #4
    add     x2, x0, #CODE
    sub     x2, x3, x2
    cmp     x2, #32
    b.ls    1f
    adrp    x3, words_end
    add     x3, x3, :lo12:words_end
1:  msr     elr_el1, x3
    mov     x2, #HANDLER_STATE
    msr     spsr_el1, x2
    leave_handler

// One, and then no more until the words are at their end: a level may stay for ever.
.macro interrupt acknowledge, end
    enter_handler
    mrs     x1, \acknowledge
    msr     \end, x1
    ldr     x1, [x0, #INTERRUPTS]
    add     x1, x1, #1
    str     x1, [x0, #INTERRUPTS]
    mrs     x1, spsr_el1
    orr     x1, x1, #0x3C0
    msr     spsr_el1, x1
    leave_handler
.endm
irq:
    interrupt icc_iar1_el1, icc_eoir1_el1
fiq:
    interrupt icc_iar0_el1, icc_eoir0_el1
serror:
    enter_handler
    ldr     x1, [x0, #SERRORS]
    add     x1, x1, #1
    str     x1, [x0, #SERRORS]
    mrs     x1, spsr_el1
    orr     x1, x1, #0x3C0
    msr     spsr_el1, x1
    leave_handler

.macro vector target
    .balign 128
    b       \target
.endm
    .balign 2048
vectors:
    .rept   4
    vector  synchronous
    vector  irq
    vector  fiq
    vector  serror
    .endr

    .bss
    .balign 16
stacks:
    .skip   STACK_BYTES
    .globl  first_stack_end
first_stack_end:
    .skip   3 * STACK_BYTES
