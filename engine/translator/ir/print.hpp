// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "engine/translator/ir/ir.hpp"
#include "engine/translator/ir/verify.hpp"

namespace gimbal::ir {

/// One line for each instruction, `%3 = add.i64 %1, %2`, under a line for each guest instruction. Contains no host
/// addresses, so that the text of a block is always the same.
std::string print(const Block& block);
std::string print(const Block& block, u16 index);

/// What is wrong and where, with the instruction.
std::string print(const VerifyError& error, const Block& block);

const char* name(Opcode op);
const char* name(Type type);

} // namespace gimbal::ir
