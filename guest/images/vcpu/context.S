// SPDX-License-Identifier: Apache-2.0
// Functions void context_NAME(Context*): load x0 to x30, SP_EL0, NZCV and DAIF from the context, do one thing that leaves
// the guest, and store them back. struct Context: x[31], sp_el0, nzcv, daif, sp.

#define SP_EL0_OFFSET 248
#define NZCV_OFFSET 256
#define DAIF_OFFSET 264
#define SP_OFFSET 272

.macro enter_context
    stp     x19, x20, [sp, #-112]!
    stp     x21, x22, [sp, #16]
    stp     x23, x24, [sp, #32]
    stp     x25, x26, [sp, #48]
    stp     x27, x28, [sp, #64]
    stp     x29, x30, [sp, #80]
    mrs     x1, daif
    stp     x0, x1, [sp, #96]
    ldr     x1, [x0, #SP_EL0_OFFSET]
    msr     sp_el0, x1
    ldr     x1, [x0, #NZCV_OFFSET]
    msr     nzcv, x1
    mov     x1, sp
    str     x1, [x0, #SP_OFFSET]
    ldr     x1, [x0, #DAIF_OFFSET]
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
    msr     daif, x1
    ldp     x0, x1, [x0]
.endm

leave_context:
    ldr     x0, [sp, #16 + 96]
    stp     x2, x3, [x0, #16]
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
    mrs     x2, nzcv
    mrs     x3, daif
    stp     x2, x3, [x0, #NZCV_OFFSET]
    mrs     x2, sp_el0
    str     x2, [x0, #SP_EL0_OFFSET]
    ldp     x2, x3, [sp], #16
    stp     x2, x3, [x0]
    ldr     x2, [x0, #SP_OFFSET]
    mov     x3, sp
    sub     x2, x2, x3
    str     x2, [x0, #SP_OFFSET]        // the difference
    ldr     x2, [sp, #104]
    msr     daif, x2
    ldp     x21, x22, [sp, #16]
    ldp     x23, x24, [sp, #32]
    ldp     x25, x26, [sp, #48]
    ldp     x27, x28, [sp, #64]
    ldp     x29, x30, [sp, #80]
    ldp     x19, x20, [sp], #112
    ret

.macro context name, what:vararg
    .globl  context_\name
context_\name:
    enter_context
    \what
    stp     x0, x1, [sp, #-16]!
    b       leave_context
.endm

    .text
// x9 is data or a destination, x10 a device's address.
    context hypercall, hvc #0
    context secure_call, smc #0
    context wait, wfi
    context identification, mrs x9, id_aa64isar0_el1
    context timer_read, mrs x9, cntp_cval_el0
    context timer_write, msr cntp_cval_el0, x9
    context load, ldr w9, [x10]
    context store, str w9, [x10]
    context pair, ldp w9, w11, [x10]
    context pair_store, stp w9, w11, [x10]

    .globl  context_spin
context_spin:
    enter_context
1:  sub     x9, x9, #1
    cbnz    x9, 1b
    stp     x0, x1, [sp, #-16]!
    b       leave_context

// FP and SIMD: V0 to V31, FPCR, FPSR of struct FpImage.
    .arch_extension fp
    .arch_extension simd
    .globl  load_fp_image
load_fp_image:
    ldp     q0, q1, [x0, #0]
    ldp     q2, q3, [x0, #32]
    ldp     q4, q5, [x0, #64]
    ldp     q6, q7, [x0, #96]
    ldp     q8, q9, [x0, #128]
    ldp     q10, q11, [x0, #160]
    ldp     q12, q13, [x0, #192]
    ldp     q14, q15, [x0, #224]
    ldp     q16, q17, [x0, #256]
    ldp     q18, q19, [x0, #288]
    ldp     q20, q21, [x0, #320]
    ldp     q22, q23, [x0, #352]
    ldp     q24, q25, [x0, #384]
    ldp     q26, q27, [x0, #416]
    ldp     q28, q29, [x0, #448]
    ldp     q30, q31, [x0, #480]
    ldr     x1, [x0, #512]
    ldr     x2, [x0, #520]
    msr     fpcr, x1
    msr     fpsr, x2
    ret

    .globl  store_fp_image
store_fp_image:
    stp     q0, q1, [x0, #0]
    stp     q2, q3, [x0, #32]
    stp     q4, q5, [x0, #64]
    stp     q6, q7, [x0, #96]
    stp     q8, q9, [x0, #128]
    stp     q10, q11, [x0, #160]
    stp     q12, q13, [x0, #192]
    stp     q14, q15, [x0, #224]
    stp     q16, q17, [x0, #256]
    stp     q18, q19, [x0, #288]
    stp     q20, q21, [x0, #320]
    stp     q22, q23, [x0, #352]
    stp     q24, q25, [x0, #384]
    stp     q26, q27, [x0, #416]
    stp     q28, q29, [x0, #448]
    stp     q30, q31, [x0, #480]
    mrs     x1, fpcr
    mrs     x2, fpsr
    str     x1, [x0, #512]
    str     x2, [x0, #520]
    ret
