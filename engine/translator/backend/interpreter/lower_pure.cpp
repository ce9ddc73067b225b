// SPDX-License-Identifier: Apache-2.0
#include <cstddef>

#include "base/bits.hpp"
#include "engine/translator/backend/interpreter/lowering.hpp"
#include "engine/translator/vector/vector.hpp"

namespace gimbal::translator::interpreter {

using ir::Inst;
using ir::Opcode;

namespace {

bool is_compare(Opcode op) { return op >= Opcode::cmp_eq && op <= Opcode::cmp_les; }

unsigned operation_bits(ir::Type type) { return ir::byte_size(type) == 8 ? 64 : 32; }

} // namespace

/// The nzcv_test behind a condition if nobody has computed it, so that an op can test the flags itself.
u16 Lowering::waiting_test(ir::Value condition) const
{
    const u16 root = a_.ref(condition).root;
    return fuse_ && a_.at(root).op == Opcode::nzcv_test && pending(root) ? root : no_value;
}

/// Whether the last of two arguments is a constant that the op's imm can hold.
bool Lowering::takes_immediate(const Inst& inst) const
{
    if (!fuse_ || !inst.args[1].valid() || inst.args[2].valid() || !a_.is_constant(a_.ref(inst.args[1]))) return false;
    return (inst.op >= Opcode::add && inst.op <= Opcode::rotr) || is_compare(inst.op) || inst.op == Opcode::nzcv_add ||
           inst.op == Opcode::nzcv_sub;
}

/// Ops on 32 bits do for narrower integers if these are clean.
bool Lowering::wants_clean(const Inst& inst) const
{
    return inst.op != Opcode::vec && inst.args[0].valid() && ir::byte_size(a_.at(inst.args[0].index).type) < 4 &&
           inst.op != Opcode::sext && inst.op != Opcode::zext && inst.op != Opcode::trunc &&
           inst.op != Opcode::select && inst.op < Opcode::vec_element;
}

/// Computes a waiting value, into `chosen_home` if that is given.
void Lowering::emit_pure(u16 index, i32 chosen_home)
{
    const Inst& inst = a_.at(index);
    const bool immediate = takes_immediate(inst);
    const u16 tested_flags = inst.op == Opcode::select ? waiting_test(inst.args[0]) : no_value;
    const usize busy = busy_.size();
    u16 args[3] = {offsetof(CpuState, zero), offsetof(CpuState, zero), offsetof(CpuState, zero)};
    for (usize n = 0; n < 3; ++n) {
        if (!inst.args[n].valid() || (immediate && n == 1)) continue;
        if (n == 0 && tested_flags != no_value)
            args[n] = offset_of(a_.at(tested_flags).args[0]);
        else
            args[n] = wants_clean(inst) ? clean_offset_of(inst.args[n]) : offset_of(inst.args[n]);
        busy_.push_back({args[n], ir::byte_size(a_.at(inst.args[n].index).type)});
    }
    // While its arguments are used up, nobody may ask for this value.
    const u16 waiting = left_[index];
    left_[index] = 0;
    in_progress_.push_back(index);
    consume_arguments(index);
    u16 d = 0;
    if (chosen_home != no_home) {
        d = static_cast<u16>(chosen_home);
        make_room(d, home_bytes(inst.type));
    } else {
        d = destination(index);
    }
    left_[index] = waiting;
    emit_pure_op(index, args, d);
    if (tested_flags != no_value) {
        ops_.back().fn = select_handler(inst.type, true);
        ops_.back().sub = condition_mask(static_cast<ir::Cond>(a_.at(tested_flags).imm));
    }
    busy_.resize(busy);
    in_progress_.pop_back();
    set_home(index, d);
    free_arguments(index);
    if (inst.type == ir::Type::nzcv && inst.op != Opcode::select && inst.op != Opcode::nzcv_make)
        last_flags_root_ = index;
}

void Lowering::emit_pure_op(u16 index, const u16* args, u16 d)
{
    const Inst& inst = a_.at(index);
    if (inst.op == Opcode::vec_element || (inst.op >= Opcode::vec_insert && inst.op <= Opcode::vec))
        return emit_vector(inst, args, d);
    if (inst.op == Opcode::trunc || inst.op == Opcode::zext || inst.op == Opcode::low_half ||
        inst.op == Opcode::high_half || inst.op == Opcode::extract_u || inst.op == Opcode::extract_s ||
        inst.op == Opcode::sext || inst.op == Opcode::deposit)
        return emit_width_change(inst, args, d);
    emit_integer(inst, args, d);
}

void Lowering::emit_integer(const Inst& inst, const u16* args, u16 d)
{
    const bool immediate = takes_immediate(inst);
    Handler handler = nullptr;
    if (inst.op == Opcode::pair)
        handler = &ops::pair;
    else if (inst.op == Opcode::select)
        handler = select_handler(inst.type, false);
    else if (is_compare(inst.op))
        handler = compare_handler(inst.op, inst.size == 64 ? 64 : 32, immediate);
    else if (inst.op >= Opcode::nzcv_add && inst.op <= Opcode::nzcv_test)
        handler = flags_handler(inst.op, inst.size, immediate);
    else if (inst.op == Opcode::crc32)
        handler = crc32_handler(inst.size, inst.imm != 0);
    else if (inst.op == Opcode::byte_swap)
        handler = unary_handler(inst.op, operation_bits(inst.type), static_cast<unsigned>(inst.imm));
    else if (!inst.args[1].valid())
        handler = unary_handler(inst.op, operation_bits(inst.type), inst.size);
    else
        handler = integer_handler(inst.op, operation_bits(inst.type), immediate);

    if (inst.op == Opcode::not_ && inst.type == ir::Type::i1) handler = integer_handler(Opcode::xor_, 32, true);
    Op& op = emit(handler);
    op.d = d;
    op.a = args[0];
    op.b = args[1];
    op.c = args[2];
    if (immediate)
        op.imm = a_.constant(a_.ref(inst.args[1]));
    else if (inst.op == Opcode::not_ && inst.type == ir::Type::i1)
        op.imm = 1;
    if (inst.op == Opcode::nzcv_test) op.sub = condition_mask(static_cast<ir::Cond>(inst.imm));
    if (inst.op == Opcode::funnel_shr) op.sub = static_cast<u16>(inst.imm);
}

void Lowering::emit_width_change(const Inst& inst, const u16* args, u16 d)
{
    const unsigned width = operation_bits(inst.type);
    const bool is_field = inst.op == Opcode::extract_u || inst.op == Opcode::extract_s || inst.op == Opcode::deposit;
    const unsigned lsb = is_field ? inst.imm & 0xFF : 0;
    unsigned taken = is_field ? inst.imm >> 8 & 0xFF : inst.size;
    if (inst.op == Opcode::trunc) taken = inst.type == ir::Type::i1 ? 1 : ir::byte_size(inst.type) * 8;
    Handler handler = nullptr;
    if (inst.op == Opcode::low_half || inst.op == Opcode::high_half)
        handler = &ops::move64;
    else if (inst.op == Opcode::deposit)
        handler = integer_handler(inst.op, width, false);
    else if (inst.op == Opcode::sext)
        handler = unary_handler(inst.op, width, taken);
    else if (inst.op == Opcode::zext || inst.op == Opcode::trunc)
        handler = taken == 8 ? &ops::get8 : taken == 16 ? &ops::get16 : taken == 32 ? &ops::get32 : nullptr;
    if (handler == nullptr) {
        // A field of the argument, whose own width may be the larger.
        const bool is_signed = inst.op == Opcode::extract_s || inst.op == Opcode::sext;
        const unsigned source = operation_bits(a_.at(inst.args[0].index).type);
        handler = unary_handler(is_signed ? Opcode::extract_s : Opcode::extract_u, is_signed ? width : source, 0);
    }
    Op& op = emit(handler);
    op.d = d;
    op.a = static_cast<u16>(args[0] + (inst.op == Opcode::high_half ? 8 : 0));
    op.b = args[1];
    op.sub = static_cast<u16>(lsb);
    op.imm = low_mask(taken);
    if (inst.op == Opcode::deposit) op.imm <<= lsb;
    if (inst.op == Opcode::extract_s || (inst.op == Opcode::sext && taken != 8 && taken != 16 && taken != 32)) {
        op.sub = static_cast<u16>(width - lsb - taken);
        op.extra = static_cast<u16>(width - taken);
    }
}

void Lowering::emit_vector(const Inst& inst, const u16* args, u16 d)
{
    if (inst.op == Opcode::vec) {
        const auto function = vector::function(static_cast<ir::VecOp>(inst.sub), inst.size, inst.bytes);
        if (function == nullptr) return fail(LowerError::unsupported);
        const Handler handler = is_wide(inst) ? &ops::vec_wide : &ops::vec;
        return emit_function(handler, reinterpret_cast<u64>(function), inst, args, d);
    }
    if (inst.op == Opcode::vec_from_halves) {
        Op& op = emit(&ops::pair);
        op.d = d;
        op.a = args[0];
        op.b = args[1];
        return;
    }
    Op& op = emit(vector_handler(inst.op, inst.size));
    const unsigned place = static_cast<unsigned>(inst.imm) * inst.size / 8;
    op.d = d;
    op.a = static_cast<u16>(args[0] + (inst.op == Opcode::vec_element ? place : 0));
    op.b = args[1];
    op.sub = inst.op == Opcode::vec_insert ? static_cast<u16>(place) : inst.bytes;
}

} // namespace gimbal::translator::interpreter
