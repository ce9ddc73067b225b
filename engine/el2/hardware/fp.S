// SPDX-License-Identifier: Apache-2.0
// FP and SIMD state; world_switch.hpp has the contract.
#include "generated/engine/el2/hardware/offsets.h"

    .arch_extension fp
    .arch_extension simd
    .text
    .globl  save_fp
// void save_fp(FpState* state)
save_fp:
    stp     q0, q1, [x0, #FP_STATE_V + 0]
    stp     q2, q3, [x0, #FP_STATE_V + 32]
    stp     q4, q5, [x0, #FP_STATE_V + 64]
    stp     q6, q7, [x0, #FP_STATE_V + 96]
    stp     q8, q9, [x0, #FP_STATE_V + 128]
    stp     q10, q11, [x0, #FP_STATE_V + 160]
    stp     q12, q13, [x0, #FP_STATE_V + 192]
    stp     q14, q15, [x0, #FP_STATE_V + 224]
    stp     q16, q17, [x0, #FP_STATE_V + 256]
    stp     q18, q19, [x0, #FP_STATE_V + 288]
    stp     q20, q21, [x0, #FP_STATE_V + 320]
    stp     q22, q23, [x0, #FP_STATE_V + 352]
    stp     q24, q25, [x0, #FP_STATE_V + 384]
    stp     q26, q27, [x0, #FP_STATE_V + 416]
    stp     q28, q29, [x0, #FP_STATE_V + 448]
    stp     q30, q31, [x0, #FP_STATE_V + 480]
    mrs     x1, fpcr
    mrs     x2, fpsr
    str     x1, [x0, #FP_STATE_FPCR]
    str     x2, [x0, #FP_STATE_FPSR]
    ret

    .globl  load_fp
// void load_fp(const FpState* state)
load_fp:
    ldp     q0, q1, [x0, #FP_STATE_V + 0]
    ldp     q2, q3, [x0, #FP_STATE_V + 32]
    ldp     q4, q5, [x0, #FP_STATE_V + 64]
    ldp     q6, q7, [x0, #FP_STATE_V + 96]
    ldp     q8, q9, [x0, #FP_STATE_V + 128]
    ldp     q10, q11, [x0, #FP_STATE_V + 160]
    ldp     q12, q13, [x0, #FP_STATE_V + 192]
    ldp     q14, q15, [x0, #FP_STATE_V + 224]
    ldp     q16, q17, [x0, #FP_STATE_V + 256]
    ldp     q18, q19, [x0, #FP_STATE_V + 288]
    ldp     q20, q21, [x0, #FP_STATE_V + 320]
    ldp     q22, q23, [x0, #FP_STATE_V + 352]
    ldp     q24, q25, [x0, #FP_STATE_V + 384]
    ldp     q26, q27, [x0, #FP_STATE_V + 416]
    ldp     q28, q29, [x0, #FP_STATE_V + 448]
    ldp     q30, q31, [x0, #FP_STATE_V + 480]
    ldr     x1, [x0, #FP_STATE_FPCR]
    ldr     x2, [x0, #FP_STATE_FPSR]
    msr     fpcr, x1
    msr     fpsr, x2
    ret
