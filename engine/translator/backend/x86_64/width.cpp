// SPDX-License-Identifier: Apache-2.0
#include "base/bits.hpp"
#include "engine/translator/backend/x86_64/compiler.hpp"

/// Changes of width, fields, and the choice between two values.
namespace gimbal::translator::x86_64 {

using ir::Inst;
using ir::Opcode;

namespace {

unsigned operation_bits(ir::Type type) { return ir::byte_size(type) >= 8 ? 64 : 32; }

} // namespace

bool Compiler::emit_width(u16 index)
{
    const Inst& inst = a_.at(index);
    switch (inst.op) {
    case Opcode::zext:
    case Opcode::sext:
    case Opcode::trunc:
    case Opcode::extract_u:
    case Opcode::extract_s: extract(index); return true;
    case Opcode::deposit: deposit(index); return true;
    case Opcode::low_half:
    case Opcode::high_half: {
        const Reg d = take();
        load(d, memory_of(inst.args[0]) + (inst.op == Opcode::high_half ? 8 : 0), 8);
        define(index, d);
        return true;
    }
    case Opcode::pair:
    case Opcode::vec_from_halves: {
        const Reg low = use(inst.args[0]);
        const Reg high = use(inst.args[1]);
        const u16 temp = take_temp();
        x_.mov(x_.qword[in_state(temp)], low);
        x_.mov(x_.qword[in_state(temp + 8)], high);
        define_in_memory(index, temp);
        return true;
    }
    default: return false;
    }
}

/// A field of the argument, zero- or sign-extended to the result's type.
void Compiler::extract(u16 index)
{
    const Inst& inst = a_.at(index);
    const bool is_field = inst.op == Opcode::extract_u || inst.op == Opcode::extract_s;
    const bool is_signed = inst.op == Opcode::extract_s || inst.op == Opcode::sext;
    const unsigned lsb = is_field ? inst.imm & 0xFF : 0;
    unsigned taken = is_field ? inst.imm >> 8 & 0xFF : inst.size;
    if (inst.op == Opcode::trunc) taken = inst.type == ir::Type::i1 ? 1 : ir::byte_size(inst.type) * 8;
    const unsigned width = operation_bits(inst.type);
    const Reg a = use(inst.args[0]);
    const Reg d = dies_here(inst, inst.args[0], a) ? a : take();
    if (lsb == 0 && (taken == 8 || taken == 16 || taken == 32)) {
        const auto from = taken == 8 ? Xbyak::Reg(a.cvt8()) : Xbyak::Reg(a.cvt16());
        if (taken == 32)
            is_signed&& width == 64 ? x_.movsxd(d, a.cvt32()) : x_.mov(d.cvt32(), a.cvt32());
        else if (!is_signed)
            x_.movzx(d.cvt32(), from);
        else if (width == 64)
            x_.movsx(d, from);
        else
            x_.movsx(d.cvt32(), from);
        return define(index, d);
    }
    const unsigned source = is_signed ? width : operation_bits(a_.at(inst.args[0].index).type);
    if (d.getIdx() != a.getIdx()) x_.mov(d, a);
    if (is_signed) {
        const auto to = width == 64 ? Xbyak::Reg(d) : Xbyak::Reg(d.cvt32());
        x_.shl(to, static_cast<int>(width - lsb - taken));
        x_.sar(to, static_cast<int>(width - taken));
        if (width - taken == 0 && width == 32) x_.mov(d.cvt32(), d.cvt32());
        return define(index, d);
    }
    const auto to = source == 64 ? Xbyak::Reg(d) : Xbyak::Reg(d.cvt32());
    if (lsb != 0)
        x_.shr(to, static_cast<int>(lsb));
    else if (source == 32)
        x_.mov(d.cvt32(), d.cvt32());
    if (taken + lsb < source) {
        if (taken <= 31) {
            x_.and_(d.cvt32(), static_cast<u32>(low_mask(taken)));
        } else {
            set(x_.rax, low_mask(taken));
            x_.and_(d, x_.rax);
        }
    }
    define(index, d);
}

/// The low bits of b in place of a field of a.
void Compiler::deposit(u16 index)
{
    const Inst& inst = a_.at(index);
    const unsigned lsb = inst.imm & 0xFF;
    const unsigned taken = inst.imm >> 8 & 0xFF;
    const bool wide = operation_bits(inst.type) == 64;
    const u64 mask = low_mask(taken) << lsb;
    const Reg a = use_as(inst, inst.args[0]);
    const Reg b = use_as(inst, inst.args[1]);
    x_.mov(x_.rax, b);
    if (lsb != 0) x_.shl(x_.rax, static_cast<int>(lsb));
    set(x_.rcx, wide ? mask : static_cast<u32>(mask));
    x_.and_(x_.rax, x_.rcx);
    x_.not_(x_.rcx);
    const Reg d = copy_or_reuse(inst, inst.args[0], a, wide);
    if (wide) {
        x_.and_(d, x_.rcx);
        x_.or_(d, x_.rax);
    } else {
        x_.and_(d.cvt32(), x_.ecx);
        x_.or_(d.cvt32(), x_.eax);
    }
    define(index, d);
}

void Compiler::select(u16 index)
{
    const Inst& inst = a_.at(index);
    const Reg if_true = use_clean(inst.args[1]);
    const Reg if_false = use_clean(inst.args[2]);
    const Reg d = take();
    x_.mov(d, if_false);
    move_if(condition(inst.args[0]), d, if_true);
    define(index, d);
}

void Compiler::select_vector(u16 index)
{
    const Inst& inst = a_.at(index);
    const u64 if_true = memory_of(inst.args[1]);
    const u64 if_false = memory_of(inst.args[2]);
    const Test test = condition(inst.args[0]);
    x_.lea(x_.rcx, x_.ptr[in_state(static_cast<i64>(if_true))]);
    x_.lea(x_.rdx, x_.ptr[in_state(static_cast<i64>(if_false))]);
    move_if(test, x_.rdx, x_.rcx);
    const u16 temp = take_temp();
    x_.movups(x_.xmm0, x_.xword[x_.rdx]);
    x_.movaps(x_.xword[in_state(temp)], x_.xmm0);
    define_in_memory(index, temp);
}

} // namespace gimbal::translator::x86_64
