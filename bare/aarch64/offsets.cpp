// SPDX-License-Identifier: Apache-2.0
// Compiled to assembly only, never linked: cmake/offsets.cmake makes a header for .S files out of the strings.
#include <cstddef>

#include "bare/aarch64/containment.hpp"
#include "bare/aarch64/start.hpp"

namespace gimbal::bare {

// %c prints the operand without the target's immediate prefix.
#define GIMBAL_OFFSET(name, value) asm volatile(".ascii \"->" #name " %c0\"" ::"i"(value))

void offsets()
{
    GIMBAL_OFFSET(CPU_START_STACK, offsetof(CpuStart, stack));
    GIMBAL_OFFSET(CPU_START_HCR, offsetof(CpuStart, hcr));
    GIMBAL_OFFSET(CPU_START_MAIR, offsetof(CpuStart, mair));
    GIMBAL_OFFSET(CPU_START_TTBR, offsetof(CpuStart, ttbr));
    GIMBAL_OFFSET(CPU_STACKS_REPORT, sizeof(CpuStacks) - offsetof(CpuStacks, report_guard));
    GIMBAL_OFFSET(CPU_START_CPU, offsetof(CpuStart, cpu));
}

} // namespace gimbal::bare
