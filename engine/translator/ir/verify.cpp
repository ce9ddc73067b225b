// SPDX-License-Identifier: Apache-2.0
#include "engine/translator/ir/verify.hpp"

#include <initializer_list>

#include "engine/translator/ir/verify_types.hpp"

namespace gimbal::ir {

namespace {

constexpr u64 page_size = 4096;

struct OpDescription {
    u8 arguments;
    OpClass op_class;
};

constexpr OpClass P = OpClass::pure, R = OpClass::reads, W = OpClass::writes, F = OpClass::may_fault,
                  X = OpClass::side_exit, T = OpClass::terminal;
constexpr OpDescription descriptions[] = {
#define GIMBAL_IR_OP(name, args, flags) {args, flags},
#include "engine/translator/ir/opcodes.inc"
#undef GIMBAL_IR_OP
};

const Helper& helper_of(const Inst& inst) { return *reinterpret_cast<const Helper*>(inst.imm); }

/// Arguments are there, up to the count and no further, and were defined before.
const char* check_arguments(const Block& block, u16 index)
{
    const Inst& inst = block.insts[index];
    unsigned expected = argument_count(inst.op);
    const bool optional = inst.op == Opcode::vec || inst.op == Opcode::fp;
    if (inst.op == Opcode::call) expected = helper_of(inst).arg_count;
    for (unsigned n = 0; n < 3; ++n) {
        const Value arg = inst.args[n];
        if (!arg.valid()) {
            if (n < expected && !optional) return "an argument is missing";
            continue;
        }
        if (n >= expected) return "too many arguments";
        if (n != 0 && !inst.args[n - 1].valid()) return "an argument is missing";
        if (arg.index >= index) return "an argument is used before its definition";
        if (block.insts[arg.index].type == Type::none) return "an argument has no value";
    }
    return nullptr;
}

const char* check_offsets(const Block& block, const Inst& inst)
{
    const u64 at = block.guest_offset + u64{inst.guest_index} * block.instruction_bytes;
    if (at + block.instruction_bytes > page_size) return "the guest instruction is not in the block's page";
    if (inst.guest_index >= block.guest_count && block.guest_count != 0) return "no such guest instruction";
    if (inst.op == Opcode::event && inst.offset > page_size) return "an event resumes outside the page";
    const bool jumps = inst.op == Opcode::jump || inst.op == Opcode::exit_if || inst.op == Opcode::synchronize;
    const i64 offset = static_cast<i64>(inst.imm);
    if (jumps && offset != static_cast<i32>(offset)) return "a target is out of range";
    if (jumps && offset % block.instruction_bytes != 0) return "a target is not aligned";
    return nullptr;
}

/// The order of things in the block.
class OrderCheck {
public:
    const char* next(const Inst& inst, bool last)
    {
        if (inst.guest_index < guest_index_) return "guest instructions are out of order";
        if (inst.guest_index != guest_index_) {
            guest_index_ = inst.guest_index;
            changed_ = false;
        }
        if ((op_class(inst.op) == OpClass::terminal) != last)
            return last ? "the block does not end with a terminal" : "a terminal is not at the end";
        if (inst.op == Opcode::loop_header) {
            if (has_loop_) return "a second loop header";
            if (wrote_) return "a loop header after a write";
            has_loop_ = true;
        }
        if (inst.op == Opcode::loop_back_if && !has_loop_) return "a way back without a loop header";
        if (may_unwind(inst) && changed_) return "a faulting operation after a change of guest state";
        if (changes_guest_state(inst)) changed_ = wrote_ = true;
        return nullptr;
    }

private:
    u16 guest_index_{};
    bool changed_{}; // by the guest instruction
    bool wrote_{};   // by the block
    bool has_loop_{};
};

} // namespace

OpClass op_class(Opcode op) { return descriptions[static_cast<usize>(op)].op_class; }
unsigned argument_count(Opcode op) { return descriptions[static_cast<usize>(op)].arguments; }

bool changes_guest_state(const Inst& inst)
{
    if (inst.op == Opcode::call) return helper_of(inst).effects.writes_state;
    return inst.op == Opcode::write || inst.op == Opcode::clear_exclusive;
}

bool may_unwind(const Inst& inst)
{
    if (inst.op == Opcode::call) return helper_of(inst).effects.may_unwind;
    return op_class(inst.op) == OpClass::may_fault;
}

std::expected<void, VerifyError> verify(const Block& block)
{
    if (block.insts.empty()) return std::unexpected(VerifyError{0, "the block is empty"});
    OrderCheck order;
    for (u16 i = 0; i < block.insts.size(); ++i) {
        const Inst& inst = block.insts[i];
        if (static_cast<usize>(inst.op) >= std::size(descriptions))
            return std::unexpected(VerifyError{i, "no such opcode"});
        const char* broken = check_arguments(block, i);
        if (broken == nullptr) broken = check_types(block, inst);
        if (broken == nullptr) broken = check_offsets(block, inst);
        if (broken == nullptr) broken = order.next(inst, i + 1U == block.insts.size());
        if (broken != nullptr) return std::unexpected(VerifyError{i, broken});
    }
    return {};
}

} // namespace gimbal::ir
