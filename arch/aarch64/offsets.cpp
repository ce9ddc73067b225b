// SPDX-License-Identifier: Apache-2.0
// Compiled to assembly only, never linked: cmake/offsets.cmake makes a header for .S files out of the strings.
#include <cstddef>

#include "arch/aarch64/context_frame.hpp"

namespace gimbal::aarch64 {

// %c prints the operand without the target's immediate prefix.
#define GIMBAL_OFFSET(name, value) asm volatile(".ascii \"->" #name " %c0\"" ::"i"(value))

void offsets()
{
    GIMBAL_OFFSET(CONTEXT_FRAME_X, offsetof(ContextFrame, x));
    GIMBAL_OFFSET(CONTEXT_FRAME_SP_EL0, offsetof(ContextFrame, sp_el0));
    GIMBAL_OFFSET(CONTEXT_FRAME_ELR, offsetof(ContextFrame, elr));
    GIMBAL_OFFSET(CONTEXT_FRAME_SPSR, offsetof(ContextFrame, spsr));
    GIMBAL_OFFSET(CONTEXT_FRAME_SIZE, sizeof(ContextFrame));
}

} // namespace gimbal::aarch64
