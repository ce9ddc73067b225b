// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "base/assert.hpp"
#include "engine/translator/ir/type.hpp"

namespace gimbal::translator {
struct CpuState;
}

namespace gimbal::ir {

enum class Opcode : u8 {
#define GIMBAL_IR_OP(name, args, flags) name,
#include "engine/translator/ir/opcodes.inc"
#undef GIMBAL_IR_OP
};

/// One class of work on whole vectors, the same for each element size; see vec_ops.inc.
enum class VecOp : u16 {
#define GIMBAL_VEC_OP(name, args, flags) name,
#include "engine/translator/ir/vec_ops.inc"
#undef GIMBAL_VEC_OP
};

/// Scalar floating point; see fp_ops.inc.
enum class FpOp : u16 {
#define GIMBAL_FP_OP(name, args) name,
#include "engine/translator/ir/fp_ops.inc"
#undef GIMBAL_FP_OP
};

/// Index of the instruction that makes a value, inside its block.
struct Value {
    u16 index{0xFFFF};
    constexpr bool valid() const { return index != 0xFFFF; }
    friend constexpr bool operator==(Value, Value) = default;
};

/// What a C++ helper does beside returning a value.
struct HelperEffects {
    bool reads_state{};
    bool writes_state{};
    bool may_unwind{}; ///< May set CpuState::unwind; then it has had no effect, or the instruction is done with.
};

/// A C++ function that blocks call. Arguments beyond `arg_count` are zero.
struct Helper {
    const char* name;
    u64 (*function)(translator::CpuState& state, u64 a, u64 b, u64 c);
    Type result;
    u8 arg_count;
    HelperEffects effects;
};

struct Inst {
    Opcode op{};
    Type type{};
    u8 size{};         ///< Bits of an element or source, as the opcode says.
    u8 bytes{};        ///< Vector length.
    u16 sub{};         ///< VecOp, FpOp, Atomic, Event, JumpHint.
    u16 guest_index{}; ///< Which guest instruction of the block, from 0.
    Value args[3]{};
    u64 imm{};
    u32 offset{}; ///< event: resume offset from pc_page (0..4096).
};

/// A straight run of guest instructions inside one 4 KiB page, independent of the virtual address it is seen at.
struct Block {
    std::vector<Inst> insts;
    u16 guest_offset{};      ///< Of the first instruction in its page, in bytes.
    u16 guest_count{};       ///< Guest instructions translated.
    u8 instruction_bytes{4}; ///< Every guest instruction's length.

    const Inst& at(Value value) const { return insts[value.index]; }
};

} // namespace gimbal::ir
