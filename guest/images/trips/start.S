// SPDX-License-Identifier: Apache-2.0
// Where the CPU begins, and its one exception that is expected: an interrupt.
    .text
    .globl  boot
// EL1h, MMU off. x0: the device tree.
boot:
    adrp    x1, vectors
    add     x1, x1, :lo12:vectors
    msr     vbar_el1, x1
    movz    x1, #0xFF00             // attribute 0: Device-nGnRnE; 1: Normal, write-back
    msr     mair_el1, x1
    movz    x1, #0x3519             // T0SZ 25: 39 bits; walks through caches, inner shareable; 4 KiB
    movk    x1, #0x80, lsl #16      // EPD1
    movk    x1, #0x1, lsl #32       // 36 bits of physical address
    msr     tcr_el1, x1
    adrp    x1, table
    add     x1, x1, :lo12:table
    msr     ttbr0_el1, x1
    isb
    tlbi    vmalle1
    dsb     nsh
    isb
    mrs     x1, sctlr_el1
    mov     x2, #0x1005             // M, C, I
    orr     x1, x1, x2
    msr     sctlr_el1, x1
    isb
    bl      main
    b       .

    .balign 2048
vectors:
    .skip   0x200
    b       .                       // synchronous
    .balign 128
// Any interrupt: acknowledged, the virtual timer stopped, ended.
    stp     x0, x1, [sp, #-16]!
    mrs     x0, icc_iar1_el1
    msr     cntv_ctl_el0, xzr
    isb
    msr     icc_eoir1_el1, x0
    adrp    x0, interrupts
    add     x0, x0, :lo12:interrupts
    ldr     x1, [x0]
    add     x1, x1, #1
    str     x1, [x0]
    ldp     x0, x1, [sp], #16
    eret
    .balign 2048

    .section .rodata
    .balign 4096
// Level 1: the devices' gigabyte, and the memory's.
table:
    .quad   0x00000000 | (3 << 53) | (1 << 10) | 1              // XN, AF, attribute 0, block
    .quad   0x40000000 | (3 << 8) | (1 << 10) | (1 << 2) | 1    // inner shareable, AF, attribute 1, block
    .skip   4096 - 16

    .bss
    .balign 16
    .skip   4096
    .globl  first_stack_end
first_stack_end:
