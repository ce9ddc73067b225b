// SPDX-License-Identifier: Apache-2.0
// Entry of the hypervisor on its first CPU and on those that PSCI CPU_ON starts.
// The image is entered as Linux is (Documentation/arch/arm64/booting.rst of the kernel): MMU off, x0 the physical
// address of the device tree, anywhere on a 4 KiB boundary. It is linked at zero and relocates itself.
#include "generated/bare/aarch64/offsets.h"

    .section .text.head, "ax"
    .globl  image_head
image_head:
    b       first_cpu
    .long   0
    .quad   0                       // text_offset
    .quad   image_size              // `gimbal pack` adds the guests to it
    .quad   0xA                     // little-endian, 4 KiB pages, anywhere in memory
    .quad   0
    .quad   0
    .quad   0
    .ascii  "ARM\x64"
    .long   0
    .ascii  "GIMBALHV"              // payload::Identity: a hypervisor, and which payloads it takes
    .long   2                       // payload::version
    .long   3                       // parts: part_clock, part_power_key

// Leaves nothing of what the loader set. Clobbers x1, x2.
.macro take_el2
    msr     daifset, #15
    mrs     x1, CurrentEL
    cmp     x1, #(2 << 2)
    b.ne    park
    msr     spsel, #1
    mov     x1, #(1 << 31)          // RW: EL1 is AArch64; E2H, if it can be, and TGE are off
    msr     hcr_el2, x1
    movz    x1, #0x0830             // the RES1 bits: everything off
    movk    x1, #0x30C5, lsl #16
    msr     sctlr_el2, x1
    isb
.endm

first_cpu:
    take_el2
    mov     x19, x0
    adrp    x1, image_head
    adrp    x2, relocations_first
    add     x2, x2, :lo12:relocations_first
    adrp    x3, relocations_last
    add     x3, x3, :lo12:relocations_last
// Elf64_Rela {r_offset, r_info, r_addend}; the linker makes R_AARCH64_RELATIVE only (see image.ld).
1:  cmp     x2, x3
    b.hs    2f
    ldp     x4, x5, [x2], #16
    ldr     x6, [x2], #8
    add     x6, x6, x1
    str     x6, [x1, x4]
    b       1b
2:  adrp    x1, boot_stack_end
    mov     sp, x1
    adrp    x1, boot_report_end
    msr     tpidr_el2, x1           // the vectors' stack
    mov     x0, x19
    bl      bare_main
    b       park

    .globl  secondary_cpu
// Where CPU_ON starts a CPU; x0 is the address of its struct CpuStart.
secondary_cpu:
    take_el2
    ldr     x1, [x0, #CPU_START_HCR]    // with E2H where the first CPU has chosen it
    msr     hcr_el2, x1
    isb
    mrs     x2, hcr_el2
    cmp     x1, x2
    b.ne    park                    // a CPU of another kind: what the first one has renamed is wrong here
    ldr     x1, [x0, #CPU_START_STACK]
    mov     sp, x1
    add     x1, x1, #CPU_STACKS_REPORT
    msr     tpidr_el2, x1           // the vectors' stack
    ldp     x2, x3, [x0, #CPU_START_MAIR]
    msr     mair_el2, x2
    msr     tcr_el2, x3
    ldp     x2, x3, [x0, #CPU_START_TTBR]
    msr     ttbr0_el2, x2
    tlbi    alle2
    ic      iallu
    dsb     nsh
    isb
    msr     sctlr_el2, x3
    isb
    ldr     x0, [x0, #CPU_START_CPU]
    bl      bare_secondary_main
park:
    wfe
    b       park

    .globl  enable_mmu
// void enable_mmu(u64 mair, u64 tcr, u64 ttbr, u64 sctlr): the tables map this code where it runs.
enable_mmu:
    msr     mair_el2, x0
    msr     tcr_el2, x1
    msr     ttbr0_el2, x2
    dsb     sy
    tlbi    alle2
    ic      iallu
    dsb     nsh
    isb
    msr     sctlr_el2, x3
    isb
    ret

    .section .bss.boot_stack, "aw", %nobits
    .balign 4096
    .skip   4096
boot_report_end:
    .skip   8192
boot_stack_end:
