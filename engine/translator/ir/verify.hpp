// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>

#include "engine/translator/ir/ir.hpp"

namespace gimbal::ir {

struct VerifyError {
    u16 index{};        ///< Of the instruction in the block.
    const char* rule{}; ///< The rule that it breaks.
};

/// Whether a block keeps the rules that backends rely on: types, argument counts, definitions before uses, one
/// terminal, at the end; at most one loop header, before any write, and a way back only behind it; offsets in the
/// page; and that no guest instruction changes guest state before the last of its operations that may fault.
std::expected<void, VerifyError> verify(const Block& block);

/// What opcodes.inc says of an opcode.
enum class OpClass : u8 { pure, reads, writes, may_fault, side_exit, terminal };
OpClass op_class(Opcode op);
unsigned argument_count(Opcode op);
/// Has effects beyond its value that no fault may follow within the guest instruction.
bool changes_guest_state(const Inst& inst);
/// May unwind, having had no effect of its own.
bool may_unwind(const Inst& inst);

} // namespace gimbal::ir
