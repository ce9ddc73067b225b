// SPDX-License-Identifier: Apache-2.0
// Code whose registers and addresses are known to the instruction.

    .arch armv8.1-a
    .text

// void selftest_hold_registers(const VectorState* from [x0], VectorState* to [x1], u64 yields [x2])
// Loads V0 to V31, FPCR and FPSR, gives up the CPU `yields` times with a spin before each, stores them all. Keeps what
// AAPCS64 wants kept: D8 to D15 and FPCR.
    .global selftest_hold_registers
    .type selftest_hold_registers, %function
    .balign 16
selftest_hold_registers:
    stp d8, d9, [sp, #-64]!
    stp d10, d11, [sp, #16]
    stp d12, d13, [sp, #32]
    stp d14, d15, [sp, #48]
    mrs x9, fpcr
    mov x10, x1
    add x11, x0, #512
    ldp x11, x12, [x11]
    msr fpcr, x11
    msr fpsr, x12
    ldp q0, q1, [x0]
    ldp q2, q3, [x0, #32]
    ldp q4, q5, [x0, #64]
    ldp q6, q7, [x0, #96]
    ldp q8, q9, [x0, #128]
    ldp q10, q11, [x0, #160]
    ldp q12, q13, [x0, #192]
    ldp q14, q15, [x0, #224]
    ldp q16, q17, [x0, #256]
    ldp q18, q19, [x0, #288]
    ldp q20, q21, [x0, #320]
    ldp q22, q23, [x0, #352]
    ldp q24, q25, [x0, #384]
    ldp q26, q27, [x0, #416]
    ldp q28, q29, [x0, #448]
    ldp q30, q31, [x0, #480]
    mov x8, #124                // sched_yield; the kernel keeps all registers but x0
1:  cbz x2, 3f
    mov x13, #2000
2:  subs x13, x13, #1
    b.ne 2b
    svc #0
    sub x2, x2, #1
    b 1b
3:  stp q0, q1, [x10]
    stp q2, q3, [x10, #32]
    stp q4, q5, [x10, #64]
    stp q6, q7, [x10, #96]
    stp q8, q9, [x10, #128]
    stp q10, q11, [x10, #160]
    stp q12, q13, [x10, #192]
    stp q14, q15, [x10, #224]
    stp q16, q17, [x10, #256]
    stp q18, q19, [x10, #288]
    stp q20, q21, [x10, #320]
    stp q22, q23, [x10, #352]
    stp q24, q25, [x10, #384]
    stp q26, q27, [x10, #416]
    stp q28, q29, [x10, #448]
    stp q30, q31, [x10, #480]
    mrs x11, fpcr
    mrs x12, fpsr
    add x13, x10, #512
    stp x11, x12, [x13]
    msr fpcr, x9
    ldp d10, d11, [sp, #16]
    ldp d12, d13, [sp, #32]
    ldp d14, d15, [sp, #48]
    ldp d8, d9, [sp], #64
    ret
    .size selftest_hold_registers, . - selftest_hold_registers

// The code of architecture::stepped_code(): a loop of three rounds, a call, a conditional branch each way, a system call,
// an access, a load and a store. aarch64/trace.cpp has the order of execution. The access is an atomic one where there
// is LSE.
.macro stepped name, access:vararg
    .global \name
    .type \name, %function
    .balign 16
\name:
    mov x0, #0                  // 0
    mov x1, #3                  // 4
1:  add x0, x0, x1              // 8
    subs x1, x1, #1             // 12
    b.ne 1b                     // 16
    bl 2f                       // 20
    cmp x0, #6                  // 24
    b.ne 3f                     // 28, not taken
    mov x8, #172                // 32, getpid
    svc #0                      // 36
    adrp x2, selftest_stepped_data  // 40
    add x2, x2, :lo12:selftest_stepped_data // 44
    \access                     // 48
    str x0, [x2, #8]            // 52
3:  brk #0                      // 56
2:  nop                         // 60
    ret                         // 64
    .size \name, . - \name
.endm
    stepped selftest_stepped, ldadd x1, x3, [x2]
    stepped selftest_stepped_without_lse, ldr x3, [x2]

    .global selftest_undefined
    .type selftest_undefined, %function
selftest_undefined:
    udf #0
    ret

    .bss
    .balign 16
    .global selftest_stepped_data
selftest_stepped_data:
    .skip 16

    .section .note.GNU-stack, "", %progbits
