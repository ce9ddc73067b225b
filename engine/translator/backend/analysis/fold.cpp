// SPDX-License-Identifier: Apache-2.0
#include "base/bits.hpp"
#include "engine/translator/backend/analysis/analysis.hpp"

namespace gimbal::translator {

namespace {

using ir::Inst;
using ir::Opcode;

unsigned width_of(ir::Type type) { return type == ir::Type::i1 ? 1 : ir::byte_size(type) * 8; }

void become_constant(Analysis& a, u16 index, u64 value)
{
    Inst& inst = a.insts[index];
    inst.op = Opcode::constant;
    inst.imm = value & low_mask(width_of(inst.type));
    inst.args[0] = inst.args[1] = inst.args[2] = {};
    a.refs[index] = {index, 0, false};
}

ir::Value new_constant(Analysis& a, ir::Type type, u64 value)
{
    const u16 index = static_cast<u16>(a.insts.size());
    a.insts.push_back({.op = Opcode::constant, .type = type, .imm = value & low_mask(width_of(type))});
    a.refs.push_back({index, 0, false});
    return {index};
}

bool is_commutative(Opcode op)
{
    return op == Opcode::add || op == Opcode::and_ || op == Opcode::or_ || op == Opcode::xor_ || op == Opcode::mul ||
           op == Opcode::cmp_eq || op == Opcode::cmp_ne || op == Opcode::nzcv_add;
}

bool evaluate(const Inst& inst, u64 x, u64 y, u64& out)
{
    const unsigned width = width_of(inst.type);
    const unsigned amount = static_cast<unsigned>(y % (width == 0 ? 1 : width));
    if (inst.op == Opcode::add)
        out = x + y;
    else if (inst.op == Opcode::sub)
        out = x - y;
    else if (inst.op == Opcode::and_)
        out = x & y;
    else if (inst.op == Opcode::or_)
        out = x | y;
    else if (inst.op == Opcode::xor_)
        out = x ^ y;
    else if (inst.op == Opcode::shl)
        out = x << amount;
    else if (inst.op == Opcode::shr_u)
        out = x >> amount;
    else
        return false;
    return true;
}

/// With the second argument a constant: true if the result is the first argument.
bool is_identity(const Inst& inst, u64 y)
{
    if (inst.op == Opcode::and_) return y == low_mask(width_of(inst.type));
    return y == 0 &&
           (inst.op == Opcode::add || inst.op == Opcode::sub || inst.op == Opcode::or_ || inst.op == Opcode::xor_ ||
            inst.op == Opcode::shl || inst.op == Opcode::shr_u || inst.op == Opcode::shr_s || inst.op == Opcode::rotr);
}

/// Second operands that have a plainer form.
void use_plain_form(Analysis& a, Inst& inst, u64 y)
{
    auto replace = [&](Opcode op, u64 value) {
        const ir::Value constant = new_constant(a, inst.type, value);
        inst.op = op;
        inst.args[1] = constant;
    };
    if (inst.op == Opcode::sub)
        replace(Opcode::add, 0 - y);
    else if (inst.op == Opcode::and_not)
        replace(Opcode::and_, ~y);
    else if (inst.op == Opcode::or_not)
        replace(Opcode::or_, ~y);
    else if (inst.op == Opcode::xor_not)
        replace(Opcode::xor_, ~y);
}

void fold_binary(Analysis& a, u16 index)
{
    Inst inst = a.insts[index];
    if (is_commutative(inst.op) && a.is_constant(a.ref(inst.args[0]))) std::swap(inst.args[0], inst.args[1]);
    const Ref left = a.ref(inst.args[0]);
    if (a.is_constant(a.ref(inst.args[1]))) {
        const u64 y = a.constant(a.ref(inst.args[1]));
        u64 value = 0;
        if (a.is_constant(left) && evaluate(inst, a.constant(left), y, value)) return become_constant(a, index, value);
        if (is_identity(inst, y)) {
            a.refs[index] = left;
            return;
        }
        use_plain_form(a, inst, y);
        const Inst& inner = a.insts[left.root];
        if (inst.op == Opcode::add && left.delta == 0 && inner.op == Opcode::add && inner.type == inst.type &&
            a.is_constant(a.ref(inner.args[1]))) {
            const u64 sum = a.constant(a.ref(inner.args[1])) + a.constant(a.ref(inst.args[1]));
            inst.args[0] = inner.args[0];
            inst.args[1] = new_constant(a, inst.type, sum);
        }
    }
    a.insts[index] = inst;
}

/// Whether the home behind `ref` is zero above the low `width` bits.
bool is_clean(const Analysis& a, Ref ref, unsigned width)
{
    return !ref.dirty && ref.delta == 0 && width_of(a.at(ref.root).type) <= width;
}

void fold_extension(Analysis& a, u16 index)
{
    const Inst& inst = a.insts[index];
    const Ref ref = a.ref(inst.args[0]);
    if (a.is_constant(ref)) {
        const u64 low = a.constant(ref) & low_mask(inst.size);
        const bool is_signed = inst.op == Opcode::sext;
        return become_constant(a, index, is_signed ? static_cast<u64>(sign_extend(low, inst.size)) : low);
    }
    if (inst.op == Opcode::zext && is_clean(a, ref, inst.size)) a.refs[index] = ref;
}

void fold_truncation(Analysis& a, u16 index)
{
    const Inst& inst = a.insts[index];
    const Ref ref = a.ref(inst.args[0]);
    if (a.is_constant(ref)) return become_constant(a, index, a.constant(ref));
    if (inst.type == ir::Type::i1) return;
    a.refs[index] = {ref.root, ref.delta, !is_clean(a, ref, width_of(inst.type))};
}

void fold_part(Analysis& a, u16 index, unsigned position, unsigned bytes)
{
    const Ref ref = a.ref(a.insts[index].args[0]);
    const Inst& whole = a.at(ref.root);
    if (a.is_constant(ref)) return become_constant(a, index, position < 8 ? whole.imm >> (position * 8) : 0);
    const bool halves = whole.op == Opcode::pair || whole.op == Opcode::vec_from_halves;
    if (bytes == 8 && ref.delta == 0 && halves) {
        a.refs[index] = a.ref(whole.args[position / 8]);
        if (a.is_constant(a.refs[index])) become_constant(a, index, a.constant(a.refs[index]));
        return;
    }
    a.refs[index] = {ref.root, static_cast<u16>(ref.delta + position), bytes < 8};
}

void fold_field(Analysis& a, u16 index)
{
    const Inst& inst = a.insts[index];
    const unsigned lsb = inst.imm & 0xFF;
    const unsigned width = inst.imm >> 8 & 0xFF;
    const Ref into = a.ref(inst.args[0]);
    if (!a.is_constant(into)) return;
    if (inst.op == Opcode::extract_u) return become_constant(a, index, bits(a.constant(into), lsb, width));
    if (inst.op == Opcode::extract_s)
        return become_constant(a, index, static_cast<u64>(sign_extend(bits(a.constant(into), lsb, width), width)));
    const Ref from = a.ref(inst.args[1]);
    if (!a.is_constant(from)) return;
    const u64 mask = low_mask(width) << lsb;
    become_constant(a, index, (a.constant(into) & ~mask) | (a.constant(from) << lsb & mask));
}

} // namespace

void fold(Analysis& a, u16 index)
{
    const Inst& inst = a.insts[index];
    using enum Opcode;
    if (inst.op >= add && inst.op <= rotr && inst.args[1].valid() && !inst.args[2].valid())
        fold_binary(a, index);
    else if (inst.op == cmp_eq || inst.op == cmp_ne || inst.op == nzcv_add)
        fold_binary(a, index);
    else if (inst.op == sext || inst.op == zext)
        fold_extension(a, index);
    else if (inst.op == trunc)
        fold_truncation(a, index);
    else if (inst.op == low_half)
        fold_part(a, index, 0, 8);
    else if (inst.op == high_half)
        fold_part(a, index, 8, 8);
    else if (inst.op == vec_element && inst.size == width_of(inst.type))
        fold_part(a, index, static_cast<unsigned>(inst.imm) * inst.size / 8, inst.size / 8U);
    else if (inst.op == extract_u || inst.op == extract_s || inst.op == deposit)
        fold_field(a, index);
    else if (inst.op == nzcv_bits)
        a.refs[index] = {a.ref(inst.args[0]).root, a.ref(inst.args[0]).delta, true};
    else if (inst.op == nzcv_test && inst.imm >= static_cast<u64>(ir::Cond::al))
        become_constant(a, index, 1);
    else if (inst.op == not_ && inst.type == ir::Type::i1) {
        const ir::Value one = new_constant(a, ir::Type::i1, 1);
        a.insts[index].op = xor_;
        a.insts[index].args[1] = one;
    }
}

} // namespace gimbal::translator
