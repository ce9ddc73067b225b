// SPDX-License-Identifier: Apache-2.0
// Compiled to assembly only, never linked: cmake/offsets.cmake makes a header for .S files out of the strings.
#include <cstddef>

#include "engine/el2/fp_state.hpp"

namespace gimbal::el2 {

// %c prints the operand without the target's immediate prefix.
#define GIMBAL_OFFSET(name, value) asm volatile(".ascii \"->" #name " %c0\"" ::"i"(value))

void offsets()
{
    GIMBAL_OFFSET(FP_STATE_V, offsetof(FpState, v));
    GIMBAL_OFFSET(FP_STATE_FPCR, offsetof(FpState, fpcr));
    GIMBAL_OFFSET(FP_STATE_FPSR, offsetof(FpState, fpsr));
}

} // namespace gimbal::el2
