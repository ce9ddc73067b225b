// SPDX-License-Identifier: Apache-2.0
// Entry: EL1h, MMU off, at the link address.
    .section .text.start, "ax"
    .globl _start
_start:
    adrp    x0, stack_end
    add     x0, x0, :lo12:stack_end
    mov     sp, x0
    adrp    x0, bss_first
    adrp    x1, bss_last
1:  stp     xzr, xzr, [x0], #16
    cmp     x0, x1
    b.lo    1b
    bl      main
    b       power_off

    .text
// void power_off(): PSCI SYSTEM_OFF.
    .globl  power_off
power_off:
    mov     x0, #0x0008
    movk    x0, #0x8400, lsl #16
    hvc     #0
2:  wfi
    b       2b

// void call(u64 registers[8], bool secure): HVC or SMC with x0 to x7 from there, and what they hold afterwards back.
    .globl  call
call:
    stp     x29, x30, [sp, #-32]!
    str     x0, [sp, #16]
    mov     x9, x0
    cbnz    x1, 3f
    ldp     x0, x1, [x9]
    ldp     x2, x3, [x9, #16]
    ldp     x4, x5, [x9, #32]
    ldp     x6, x7, [x9, #48]
    hvc     #0
    b       4f
3:  ldp     x0, x1, [x9]
    ldp     x2, x3, [x9, #16]
    ldp     x4, x5, [x9, #32]
    ldp     x6, x7, [x9, #48]
    smc     #0
4:  ldr     x9, [sp, #16]
    stp     x0, x1, [x9]
    stp     x2, x3, [x9, #16]
    stp     x4, x5, [x9, #32]
    stp     x6, x7, [x9, #48]
    ldp     x29, x30, [sp], #32
    ret

// The compiler calls these for arrays. Byte by byte: Device memory takes no unaligned access.
    .globl  memcpy
memcpy:
    mov     x3, x0
5:  cbz     x2, 6f
    ldrb    w4, [x1], #1
    strb    w4, [x3], #1
    sub     x2, x2, #1
    b       5b
6:  ret

    .globl  memset
memset:
    mov     x3, x0
7:  cbz     x2, 8f
    strb    w1, [x3], #1
    sub     x2, x2, #1
    b       7b
8:  ret

    .bss
    .balign 16
    .skip   65536
stack_end:
