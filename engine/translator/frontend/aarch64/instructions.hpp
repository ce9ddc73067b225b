// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "engine/translator/frontend/aarch64/insn.hpp"

namespace gimbal::translator::aarch64 {
class Translator;
}

/// One function for each row of the decode table; it emits the IR of one instruction.
namespace gimbal::translator::aarch64::insn {

#define A64(name, pattern) void name(Translator& t, Insn i);
#include "engine/translator/frontend/aarch64/tables/all.inc"
#undef A64

} // namespace gimbal::translator::aarch64::insn
