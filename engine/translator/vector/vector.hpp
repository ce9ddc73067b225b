// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "engine/translator/core/cpu_state.hpp"
#include "engine/translator/ir/ir.hpp"

namespace gimbal::translator::vector {

/// One vector operation. `d` may alias `a`, `b` or `c`; arguments that the operation does not have are not looked at.
/// Beyond `d` it changes at most CpuState::fp and CpuState::fp_saturated.
using VecFn = void (*)(CpuState& state, V128* d, const V128* a, const V128* b, const V128* c, u64 imm);

/// The implementation of `op` for elements of `element_bits` (8, 16, 32, 64) and a result of `bytes` (1, 2, 4, 8, 16;
/// see ir/vec_ops.inc), or null where it is not defined. Thread-safe.
VecFn function(ir::VecOp op, unsigned element_bits, unsigned bytes);

/// How many arguments `op` takes: 1 to 3.
unsigned argument_count(ir::VecOp op);
const char* name(ir::VecOp op);

} // namespace gimbal::translator::vector
