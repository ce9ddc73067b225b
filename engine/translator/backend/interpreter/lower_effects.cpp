// SPDX-License-Identifier: Apache-2.0
#include <cstddef>

#include "base/assert.hpp"
#include "base/bits.hpp"
#include "engine/translator/backend/interpreter/lowering.hpp"
#include "engine/translator/vector/scalar_fp.hpp"
#include "engine/translator/vector/vector.hpp"

namespace gimbal::translator::interpreter {

using ir::Inst;
using ir::Opcode;

namespace {

constexpr u16 zero_offset = offsetof(CpuState, zero);
constexpr unsigned whole_state = 0x10000;

bool is_compare(Opcode op) { return op >= Opcode::cmp_eq && op <= Opcode::cmp_les; }

} // namespace

u32 Lowering::where(const Inst& inst) const
{
    const u32 offset = block_.guest_offset + u32{inst.guest_index} * block_.instruction_bytes;
    return offset | u32{inst.guest_index} << 16;
}

void Lowering::lower_instruction(u16 index)
{
    const Inst& inst = a_.at(index);
    if (!a_.live[index]) return;
    switch (inst.op) {
    case Opcode::constant:
    case Opcode::pc_page: return;
    case Opcode::read: return lower_read(index);
    case Opcode::write: return lower_write(index);
    case Opcode::load:
    case Opcode::store:
    case Opcode::probe:
    case Opcode::load_exclusive:
    case Opcode::store_exclusive:
    case Opcode::atomic_rmw:
    case Opcode::atomic_cas: return lower_memory(inst, index);
    case Opcode::clear_exclusive: emit(&ops::clear_exclusive); return;
    case Opcode::fence: emit(&ops::fence).sub = static_cast<u16>(inst.imm); return;
    case Opcode::call: return lower_call(inst, index);
    case Opcode::fp: return lower_floating(inst, index);
    case Opcode::loop_header: return enter_loop();
    case Opcode::loop_back_if: return lower_loop_back(inst);
    case Opcode::exit_if: return lower_exit_if(inst);
    case Opcode::jump:
    case Opcode::jump_register:
    case Opcode::synchronize:
    case Opcode::synchronize_register:
    case Opcode::event:
        return lower_terminal(inst);
        // clang-format off
    case Opcode::add: case Opcode::sub: case Opcode::add_carry: case Opcode::mul: case Opcode::mul_high_u:
    case Opcode::mul_high_s: case Opcode::div_u: case Opcode::div_s: case Opcode::rem_u: case Opcode::rem_s:
    case Opcode::and_: case Opcode::or_: case Opcode::xor_: case Opcode::and_not: case Opcode::or_not:
    case Opcode::xor_not: case Opcode::not_: case Opcode::neg: case Opcode::shl: case Opcode::shr_u:
    case Opcode::shr_s: case Opcode::rotr: case Opcode::funnel_shr: case Opcode::clz: case Opcode::ctz:
    case Opcode::cls: case Opcode::bit_reverse: case Opcode::byte_swap: case Opcode::crc32: case Opcode::sext:
    case Opcode::zext: case Opcode::trunc: case Opcode::extract_u: case Opcode::extract_s: case Opcode::deposit:
    case Opcode::pair: case Opcode::low_half: case Opcode::high_half: case Opcode::cmp_eq: case Opcode::cmp_ne:
    case Opcode::cmp_ltu: case Opcode::cmp_leu: case Opcode::cmp_lts: case Opcode::cmp_les: case Opcode::select:
    case Opcode::nzcv_add: case Opcode::nzcv_sub: case Opcode::nzcv_add_carry: case Opcode::nzcv_logic:
    case Opcode::nzcv_make: case Opcode::nzcv_bits: case Opcode::nzcv_carry: case Opcode::nzcv_test:
    case Opcode::vec_element: case Opcode::vec_insert: case Opcode::vec_duplicate: case Opcode::vec_scalar:
    case Opcode::vec_from_halves: case Opcode::vec_truncate: case Opcode::vec:
        // clang-format on
        // Waits for its first user, unless it has effects or waiting is off.
        if (!fuse_ || !is_pure(inst)) emit_pure(index, no_home);
        if (left_[index] == 0) free_if_done(index);
        return;
    }
}

void Lowering::lower_read(u16 index)
{
    const Inst& inst = a_.at(index);
    if (fuse_ && !is_positional_read(inst)) return set_home(index, static_cast<u16>(inst.imm));
    const unsigned bytes = ir::byte_size(inst.type);
    const u16 temp = allocate_temp();
    Op& op = emit(bytes == 1   ? &ops::get8
                  : bytes == 2 ? &ops::get16
                  : bytes == 4 ? &ops::get32
                  : bytes == 8 ? &ops::move64
                               : &ops::move128);
    op.d = temp;
    op.a = static_cast<u16>(inst.imm);
    set_home(index, temp);
    free_if_done(index);
}

void Lowering::lower_write(u16 index)
{
    const Inst& inst = a_.at(index);
    const Ref ref = a_.ref(inst.args[0]);
    const Inst& source = a_.at(ref.root);
    const unsigned bytes = ir::byte_size(inst.type);
    const u16 slot = static_cast<u16>(inst.imm);
    if (done_early_[index]) {
        consume_root(ref.root);
    } else if (source.op == ir::Opcode::constant && fuse_) {
        consume_root(ref.root);
        make_room(slot, bytes);
        emit_constant(bytes, true, slot, source.imm);
    } else if (pending(ref.root) && a_.write_of[ref.root] != no_value && ref.delta == 0 && !ref.dirty &&
               stores_whole(source.type, inst.type)) {
        emit_pure(ref.root, slot);
        consume_root(ref.root);
    } else {
        const u16 from = offset_of(ref);
        consume_root(ref.root);
        if (from == slot) return; // it is there already
        busy_.push_back({from, bytes});
        make_room(slot, bytes);
        busy_.clear();
        emit_move(bytes, slot, from);
    }
    free_if_done(ref.root);
}

/// Whatever of `value` an op can compute by itself: a constant distance, or a shifted index.
Lowering::Address Lowering::address_of(ir::Value value, bool may_index)
{
    const Ref ref = a_.ref(value);
    const Inst& sum = a_.at(ref.root);
    Address address;
    if (!fuse_ || sum.op != Opcode::add || !pending(ref.root)) {
        address.a = offset_of(ref);
        return address;
    }
    const Ref second = a_.ref(sum.args[1]);
    if (a_.is_constant(second)) {
        address.imm = a_.constant(second);
    } else if (may_index) {
        address.indexed = true;
        const Inst& shift = a_.at(second.root);
        const bool shifts = shift.op == Opcode::shl && pending(second.root) && a_.is_constant(a_.ref(shift.args[1]));
        if (shifts) address.shift = static_cast<u8>(a_.constant(a_.ref(shift.args[1])) & 63);
        address.c = shifts ? offset_of(shift.args[0]) : offset_of(second);
    } else {
        address.a = offset_of(ref);
        return address;
    }
    address.a = offset_of(sum.args[0]);
    return address;
}

void Lowering::lower_memory(const Inst& inst, u16 index)
{
    const ir::MemOp mem = ir::MemOp::unpack(inst.imm);
    const bool plain = inst.op == Opcode::load || inst.op == Opcode::store;
    const Address address = address_of(inst.args[0], plain);
    const u16 b = inst.args[1].valid() ? offset_of(inst.args[1]) : zero_offset;
    const u16 c = inst.args[2].valid() ? offset_of(inst.args[2]) : address.c;
    consume_arguments(index);
    const bool has_result = inst.type != ir::Type::none && inst.op != Opcode::store;
    const u16 d = has_result ? destination(index) : 0;
    Handler handler = nullptr;
    if (inst.op == Opcode::load)
        handler = load_handler(mem, address.indexed);
    else if (inst.op == Opcode::store)
        handler = store_handler(mem, address.indexed);
    else if (inst.op == Opcode::probe)
        handler = probe_handler();
    else if (inst.op == Opcode::load_exclusive)
        handler = load_exclusive_handler(mem);
    else if (inst.op == Opcode::store_exclusive)
        handler = store_exclusive_handler(mem);
    else if (inst.op == Opcode::atomic_rmw)
        handler = atomic_rmw_handler(mem);
    else
        handler = atomic_cas_handler(mem);
    Op& op = emit(handler);
    op.d = d;
    op.a = address.a;
    op.b = b;
    op.c = c;
    op.imm = address.imm;
    op.sub = address.shift;
    op.extra = static_cast<u16>(inst.imm);
    op.where = where(inst);
    if (inst.op == Opcode::probe) op.sub = static_cast<u16>(inst.offset);
    if (inst.op == Opcode::atomic_rmw) op.sub = inst.sub;
    if (has_result) {
        set_home(index, d);
        free_if_done(index);
    }
    free_arguments(index);
}

void Lowering::lower_call(const Inst& inst, u16 index)
{
    const auto& helper = *reinterpret_cast<const ir::Helper*>(inst.imm);
    u16 args[3] = {zero_offset, zero_offset, zero_offset};
    for (usize n = 0; n < 3; ++n) {
        if (!inst.args[n].valid()) continue;
        args[n] = clean_offset_of(inst.args[n]);
    }
    consume_arguments(index);
    if (helper.effects.writes_state) {
        for (const u16 arg : args) busy_.push_back({arg, 8});
        make_room(0, whole_state);
        busy_.clear();
    }
    const u16 d = helper.result != ir::Type::none ? destination(index) : allocate_temp();
    Op& op = emit(helper.effects.may_unwind ? &ops::call_unwinding : &ops::call);
    op.d = d;
    op.a = args[0];
    op.b = args[1];
    op.c = args[2];
    op.imm = reinterpret_cast<u64>(helper.function);
    op.where = where(inst);
    set_home(index, d);
    free_if_done(index);
    free_arguments(index);
}

void Lowering::lower_floating(const Inst& inst, u16 index)
{
    const auto function = vector::fp_function(static_cast<ir::FpOp>(inst.sub), inst.size, inst.type);
    if (function == nullptr) return fail(LowerError::unsupported);
    u16 args[3] = {zero_offset, zero_offset, zero_offset};
    for (usize n = 0; n < 3; ++n)
        if (inst.args[n].valid()) args[n] = offset_of(inst.args[n]);
    consume_arguments(index);
    const u16 d = destination(index);
    emit_function(fp_handler(inst.size, is_wide(inst)), reinterpret_cast<u64>(function), inst, args, d);
    set_home(index, d);
    free_if_done(index);
    free_arguments(index);
}

/// Tests the flags in the exit itself, and if the op before makes them, in that one.
bool Lowering::exit_on_flags(u16 test, const Inst& inst, bool poll)
{
    const Ref flags = a_.ref(a_.at(test).args[0]);
    const Inst& maker = a_.at(flags.root);
    const u16 from = offset_of(flags);
    const u16 mask = condition_mask(static_cast<ir::Cond>(a_.at(test).imm));
    const bool mergeable =
        maker.op == Opcode::nzcv_add || maker.op == Opcode::nzcv_sub || maker.op == Opcode::nzcv_logic;
    if (last_flags_root_ == flags.root && mergeable) {
        Op making = ops_.back();
        ops_.pop_back();
        op_has_link_.pop_back();
        Op& op = emit_exit(flags_exit_handler(maker.op, maker.size, takes_immediate(maker)), static_cast<i64>(inst.imm),
                           poll);
        op.d = making.d;
        op.a = making.a;
        op.b = making.b;
        op.imm = making.imm;
        op.sub = mask;
    } else {
        Op& op = emit_exit(&ops::exit_if_nzcv, static_cast<i64>(inst.imm), poll);
        op.a = from;
        op.sub = mask;
    }
    return true;
}

bool Lowering::exit_on_compare(u16 compare, const Inst& inst, bool poll)
{
    const Inst& maker = a_.at(compare);
    const bool immediate = takes_immediate(maker);
    const bool clean = wants_clean(maker);
    const u16 a = clean ? clean_offset_of(maker.args[0]) : offset_of(maker.args[0]);
    u16 b = zero_offset;
    if (!immediate) b = clean ? clean_offset_of(maker.args[1]) : offset_of(maker.args[1]);
    Op& op = emit_exit(compare_exit_handler(maker.op, maker.size == 64 ? 64 : 32, immediate),
                       static_cast<i64>(inst.imm), poll);
    op.a = a;
    op.b = b;
    if (immediate) op.imm = a_.constant(a_.ref(maker.args[1]));
    return true;
}

void Lowering::lower_exit_if(const Inst& inst)
{
    const Ref condition = a_.ref(inst.args[0]);
    const Inst& maker = a_.at(condition.root);
    const bool poll = static_cast<i64>(inst.imm) <= static_cast<i64>(where(inst) & 0xFFFF);
    const bool waits = fuse_ && pending(condition.root);
    bool done = false;
    if (waits && maker.op == Opcode::nzcv_test)
        done = exit_on_flags(condition.root, inst, poll);
    else if (waits && is_compare(maker.op))
        done = exit_on_compare(condition.root, inst, poll);
    else if (waits && maker.op == Opcode::xor_ && a_.is_constant(a_.ref(maker.args[1])) &&
             a_.constant(a_.ref(maker.args[1])) == 1) {
        const u16 from = clean_offset_of(maker.args[0]);
        emit_exit(&ops::exit_if_not, static_cast<i64>(inst.imm), poll).a = from;
        done = true;
    }
    if (!done) {
        const u16 from = offset_of(condition);
        emit_exit(&ops::exit_if, static_cast<i64>(inst.imm), poll).a = from;
    }
    consume_root(condition.root);
    free_if_done(condition.root);
}

void Lowering::lower_loop_back(const Inst& inst)
{
    const u16 from = offset_of(inst.args[0]);
    const usize distance = ops_.size() - loop_op_;
    if (distance > 0xFFFF) return fail(LowerError::too_large);
    Op& op = emit(&ops::loop_back_if);
    op.a = from;
    op.b = static_cast<u16>(inst.guest_index + 1 - loop_index_);
    op.c = loop_index_;
    op.d = static_cast<u16>(distance);
    op.imm = block_.guest_offset + u64{loop_index_} * block_.instruction_bytes;
    consume(inst.args[0]);
    free_if_done(a_.ref(inst.args[0]).root);
}

void Lowering::lower_terminal(const Inst& inst)
{
    const u16 from = inst.args[0].valid() ? offset_of(inst.args[0]) : zero_offset;
    if (inst.op == Opcode::jump) {
        const i64 target = static_cast<i64>(inst.imm);
        emit_exit(&ops::jump, target, target <= static_cast<i64>(where(inst) & 0xFFFF));
    } else if (inst.op == Opcode::jump_register) {
        emit(&ops::jump_register).a = from;
    } else if (inst.op == Opcode::synchronize) {
        emit(&ops::synchronize).imm = inst.imm;
    } else if (inst.op == Opcode::synchronize_register) {
        emit(&ops::synchronize_register).a = from;
    } else {
        Op& op = emit(&ops::event);
        op.imm = inst.imm;
        op.d = static_cast<u16>(inst.offset);
        op.sub = inst.sub;
    }
    ops_.back().where = where(inst);
}

} // namespace gimbal::translator::interpreter
