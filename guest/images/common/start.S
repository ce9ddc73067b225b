// SPDX-License-Identifier: Apache-2.0
// Entry of the first CPU: EL1h, MMU off, at the link address. Clears .bss and goes to the image's boot() with the x0 of
// the loader, on the stack that ends at the image's first_stack_end.
    .section .text.start, "ax"
    .globl  _start
_start:
    adrp    x1, bss_first
    adrp    x2, bss_last
1:  stp     xzr, xzr, [x1], #16
    cmp     x1, x2
    b.lo    1b
    adrp    x1, first_stack_end
    add     x1, x1, :lo12:first_stack_end
    mov     sp, x1
    b       boot

// The compiler calls these for arrays. Byte by byte: Device memory takes no unaligned access.
    .text
    .globl  memcpy
memcpy:
    mov     x3, x0
2:  cbz     x2, 3f
    ldrb    w4, [x1], #1
    strb    w4, [x3], #1
    sub     x2, x2, #1
    b       2b
3:  ret

    .globl  memset
memset:
    mov     x3, x0
4:  cbz     x2, 5f
    strb    w1, [x3], #1
    sub     x2, x2, #1
    b       4b
5:  ret
