// SPDX-License-Identifier: Apache-2.0
#include "engine/translator/ir/print.hpp"

#include <array>

namespace gimbal::ir {

namespace {

constexpr const char* opcode_names[] = {
#define GIMBAL_IR_OP(name, args, flags) #name,
#include "engine/translator/ir/opcodes.inc"
#undef GIMBAL_IR_OP
};
constexpr const char* vec_names[] = {
#define GIMBAL_VEC_OP(name, args, flags) #name,
#include "engine/translator/ir/vec_ops.inc"
#undef GIMBAL_VEC_OP
};
constexpr const char* fp_names[] = {
#define GIMBAL_FP_OP(name, args) #name,
#include "engine/translator/ir/fp_ops.inc"
#undef GIMBAL_FP_OP
};
constexpr const char* type_names[] = {"none", "i1",  "i8",  "i16",  "i32",  "i64", "i128",
                                      "f16",  "f32", "f64", "v128", "v256", "nzcv"};
constexpr const char* cond_names[] = {"eq", "ne", "cs", "cc", "mi", "pl", "vs", "vc",
                                      "hi", "ls", "ge", "lt", "gt", "le", "al", "nv"};
constexpr const char* fence_names[] = {"load_load", "store_store", "load_any", "full"};
constexpr const char* order_names[] = {"", " acquire", " acquire_pc", " release", " acquire_release"};
constexpr const char* align_names[] = {"", " natural", " check_16"};
constexpr const char* atomic_names[] = {"swap",       "add",        "clear",        "exclusive_or", "set",
                                        "max_signed", "min_signed", "max_unsigned", "min_unsigned"};
constexpr const char* event_names[] = {"exception",          "system_register", "hypercall", "secure_call",
                                       "wait_for_interrupt", "wait_for_event",  "breakpoint"};
constexpr const char* hint_names[] = {"branch", "call", "ret"};

// Broken IR is printed too, so every index is checked.
template <usize n> const char* pick(const char* const (&names)[n], u64 index) { return index < n ? names[index] : "?"; }

std::string hex(u64 value)
{
    constexpr char digits[] = "0123456789abcdef";
    std::string text;
    do text.insert(text.begin(), digits[value & 15]);
    while ((value >>= 4) != 0);
    return "0x" + text;
}

std::string offset_text(u64 raw)
{
    const i64 offset = static_cast<i64>(raw);
    return offset < 0 ? "page-" + hex(0 - raw) : "page+" + hex(raw);
}

std::string memory_text(const Inst& inst)
{
    const MemOp op = MemOp::unpack(inst.imm);
    std::string text = " size " + std::to_string(op.size());
    text += pick(align_names, static_cast<u64>(op.align));
    text += pick(order_names, static_cast<u64>(op.order));
    if (op.privilege == Privilege::unprivileged) text += " unprivileged";
    if (op.big_endian) text += " big_endian";
    if (op.is_write && inst.op == Opcode::probe) text += " write";
    return text;
}

/// What stands behind the arguments.
std::string detail(const Inst& inst)
{
    switch (op_class(inst.op)) {
    case OpClass::may_fault:
        if (inst.op == Opcode::probe) return memory_text(inst) + " bytes " + std::to_string(inst.offset);
        return memory_text(inst);
    case OpClass::side_exit: return inst.op == Opcode::exit_if ? " -> " + offset_text(inst.imm) : "";
    case OpClass::terminal:
        if (inst.op == Opcode::jump || inst.op == Opcode::synchronize) return " -> " + offset_text(inst.imm);
        if (inst.op == Opcode::event) return " " + hex(inst.imm) + " resume " + offset_text(inst.offset);
        return "";
    case OpClass::reads:
        if (inst.op == Opcode::read) return " [" + std::to_string(inst.imm) + "]";
        return inst.imm != 0 ? " imm " + hex(inst.imm) : "";
    case OpClass::writes:
        if (inst.op == Opcode::write) return " -> [" + std::to_string(inst.imm) + "]";
        if (inst.op == Opcode::fence) return std::string(" ") + pick(fence_names, inst.imm);
        return "";
    case OpClass::pure: break;
    }
    if (inst.op == Opcode::constant) return " " + hex(inst.imm);
    if (inst.op == Opcode::nzcv_test) return std::string(" ") + pick(cond_names, inst.imm);
    if (inst.op == Opcode::extract_u || inst.op == Opcode::extract_s || inst.op == Opcode::deposit)
        return " lsb " + std::to_string(inst.imm & 0xFF) + " width " + std::to_string(inst.imm >> 8 & 0xFF);
    return inst.imm != 0 ? " imm " + hex(inst.imm) : "";
}

std::string operation(const Inst& inst)
{
    std::string text = name(inst.op);
    if (inst.op == Opcode::vec)
        text = std::string("vec.") + pick(vec_names, inst.sub);
    else if (inst.op == Opcode::fp)
        text = std::string("fp.") + pick(fp_names, inst.sub);
    else if (inst.op == Opcode::atomic_rmw)
        text += std::string(".") + pick(atomic_names, inst.sub);
    else if (inst.op == Opcode::event)
        text += std::string(".") + pick(event_names, inst.sub);
    else if (inst.op == Opcode::jump_register)
        text += std::string(".") + pick(hint_names, inst.sub);
    else if (inst.op == Opcode::call)
        text += std::string(".") + reinterpret_cast<const Helper*>(inst.imm)->name;
    if (inst.type != Type::none) text += std::string(".") + name(inst.type);
    if (inst.size != 0) text += "/" + std::to_string(inst.size);
    if (inst.bytes != 0) text += "x" + std::to_string(inst.bytes);
    return text;
}

bool has_value(const Inst& inst)
{
    return inst.type != Type::none && inst.op != Opcode::write && inst.op != Opcode::store;
}

} // namespace

const char* name(Opcode op) { return pick(opcode_names, static_cast<u64>(op)); }
const char* name(Type type) { return pick(type_names, static_cast<u64>(type)); }

std::string print(const Block& block, u16 index)
{
    const Inst& inst = block.insts[index];
    std::string text = has_value(inst) ? "%" + std::to_string(index) + " = " : "";
    text += operation(inst);
    const char* separator = " ";
    for (const Value arg : inst.args) {
        if (!arg.valid()) continue;
        text += separator + ("%" + std::to_string(arg.index));
        separator = ", ";
    }
    return text + (inst.op == Opcode::call ? "" : detail(inst));
}

std::string print(const Block& block)
{
    std::string text =
        "block at " + offset_text(block.guest_offset) + ", " + std::to_string(block.guest_count) + " instructions\n";
    u32 guest = 0xFFFF'FFFF;
    for (u16 i = 0; i < block.insts.size(); ++i) {
        if (block.insts[i].guest_index != guest) {
            guest = block.insts[i].guest_index;
            text += " " + offset_text(block.guest_offset + u64{guest} * block.instruction_bytes) + ":\n";
        }
        text += "    " + print(block, i) + "\n";
    }
    return text;
}

std::string print(const VerifyError& error, const Block& block)
{
    std::string text = std::string(error.rule) + ", at instruction " + std::to_string(error.index);
    if (error.index < block.insts.size()) text += ": " + print(block, error.index);
    return text + "\n" + print(block);
}

} // namespace gimbal::ir
