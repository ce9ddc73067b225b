// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "engine/translator/core/cpu_state.hpp"
#include "engine/translator/ir/ir.hpp"

namespace gimbal::translator::vector {

/// One scalar floating-point operation. Arguments and result are raw bits; bits of an argument above its width are not
/// looked at, and the result's are zero. Beyond the result it changes at most CpuState::fp.flags.
using FpFn = u64 (*)(CpuState& state, u64 a, u64 b, u64 c, u64 imm);

/// The implementation of `op` on arguments of `source_bits` (16, 32, 64), or null where it is not defined (see
/// ir/fp_ops.inc).
FpFn fp_function(ir::FpOp op, unsigned source_bits, ir::Type result);

/// How many arguments `op` takes: 1 to 3.
unsigned argument_count(ir::FpOp op);
const char* name(ir::FpOp op);

} // namespace gimbal::translator::vector
