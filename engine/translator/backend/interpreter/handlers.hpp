// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "engine/translator/backend/interpreter/op.hpp"
#include "engine/translator/ir/ir.hpp"

/// The handlers that lowering chooses from. Each says which fields of Op it uses beside the operands d, a, b, c.
/// A null handler from one of the lookup functions means that the IR has no such operation (the verifier refuses it).
namespace gimbal::translator::interpreter {

namespace ops {

// Control (control.cpp); exits refer to a Link by `extra`
const Op* jump(const Op* op, CpuState* state);
const Op* exit_if(const Op* op, CpuState* state); ///< a: i1
const Op* exit_if_not(const Op* op, CpuState* state);
const Op* exit_if_nzcv(const Op* op, CpuState* state); ///< a: flags; sub: condition_mask()
const Op* jump_register(const Op* op, CpuState* state);
const Op* loop_back_if(const Op* op, CpuState* state);
const Op* synchronize(const Op* op, CpuState* state);
const Op* synchronize_register(const Op* op, CpuState* state);
const Op* event(const Op* op, CpuState* state);

// Moves (moves.cpp)
const Op* nothing(const Op* op, CpuState* state);
const Op* set(const Op* op, CpuState* state);        ///< d = imm
const Op* set_narrow(const Op* op, CpuState* state); ///< the low `sub` bytes of d = imm
const Op* set_vector(const Op* op, CpuState* state); ///< d = {imm, 0}
const Op* get8(const Op* op, CpuState* state);       ///< d = zero-extended byte at a
const Op* get16(const Op* op, CpuState* state);
const Op* get32(const Op* op, CpuState* state);
const Op* move8(const Op* op, CpuState* state); ///< one byte, the rest of d untouched
const Op* move16(const Op* op, CpuState* state);
const Op* move32(const Op* op, CpuState* state);
const Op* move64(const Op* op, CpuState* state);
const Op* move128(const Op* op, CpuState* state);
const Op* pair(const Op* op, CpuState* state); ///< d = {a, b}

// Calls (calls.cpp). imm: the function; its immediate is sub | extra << 16, or in the wide forms in the cell behind
const Op* call(const Op* op, CpuState* state);
const Op* call_unwinding(const Op* op, CpuState* state);
const Op* vec(const Op* op, CpuState* state);
const Op* vec_wide(const Op* op, CpuState* state);

// Ordering
const Op* fence(const Op* op, CpuState* state); ///< sub: ir::Fence
const Op* clear_exclusive(const Op* op, CpuState* state);

} // namespace ops

/// Bit n is set if `cond` holds for NZCV = n.
u16 condition_mask(ir::Cond cond);

/// Integer operations on 32 or 64 bits. `immediate`: the last argument is imm.
Handler integer_handler(ir::Opcode op, unsigned bits, bool immediate);
/// The one-argument and field operations; see unary.cpp for the fields each uses.
Handler unary_handler(ir::Opcode op, unsigned bits, unsigned size);
Handler crc32_handler(unsigned data_bytes, bool castagnoli);
Handler compare_handler(ir::Opcode op, unsigned bits, bool immediate);
/// Leaves through the Link at `extra` if a `op` b.
Handler compare_exit_handler(ir::Opcode op, unsigned bits, bool immediate);
Handler flags_handler(ir::Opcode op, unsigned bits, bool immediate);
/// d = flags of a - b or a + b, then as exit_if_nzcv on them; sub: condition_mask().
Handler flags_exit_handler(ir::Opcode op, unsigned bits, bool immediate);
/// d = a ? b : c; a an i1, or with `by_flags` NZCV and condition_mask() in sub.
Handler select_handler(ir::Type type, bool by_flags);

/// Address a + imm, or with `indexed` a + (c << sub); extra: MemOp::pack().
Handler load_handler(ir::MemOp op, bool indexed);
/// As load_handler; the value is b.
Handler store_handler(ir::MemOp op, bool indexed);
Handler probe_handler();
Handler load_exclusive_handler(ir::MemOp op);
Handler store_exclusive_handler(ir::MemOp op);
Handler atomic_rmw_handler(ir::MemOp op);
Handler atomic_cas_handler(ir::MemOp op);

/// Element operations on vectors; `index` goes to imm, as bytes from the vector's start where it is a constant place.
Handler vector_handler(ir::Opcode op, unsigned element_bits);
Handler fp_handler(unsigned source_bits, bool wide);

} // namespace gimbal::translator::interpreter
