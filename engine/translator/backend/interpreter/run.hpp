// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "engine/translator/core/cpu_state.hpp"

namespace gimbal::translator::interpreter {

/// Runs the guest from `state.pc` until `state.unwind` is other than none; then `pc` and `instructions` are exact.
/// Blocks come from Runtime::find_block, made by lower(). To be called on the vCPU's own thread.
void run_blocks(CpuState& state);

} // namespace gimbal::translator::interpreter
