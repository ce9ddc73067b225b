// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "engine/translator/ir/ir.hpp"

namespace gimbal::ir {

/// The type rules of verify(): null, or the rule that `inst` breaks. Its arguments exist and are defined.
const char* check_types(const Block& block, const Inst& inst);

} // namespace gimbal::ir
