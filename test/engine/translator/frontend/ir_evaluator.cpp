// SPDX-License-Identifier: Apache-2.0
#include "test/engine/translator/frontend/ir_evaluator.hpp"

#include <cstring>
#include <stdexcept>

#include "base/bits.hpp"

namespace gimbal::translator::aarch64::test {
namespace {

using ir::Opcode;

unsigned width_of(ir::Type type) { return type == ir::Type::i1 ? 1 : ir::byte_size(type) * 8; }

[[noreturn]] void not_covered(const char* what) { throw std::logic_error(what); }

u32 make_nzcv(bool n, bool z, bool c, bool v) { return u32{n} << 31 | u32{z} << 30 | u32{c} << 29 | u32{v} << 28; }

/// AddWithCarry (Arm ARM shared/functions/integer) in 128-bit arithmetic.
u32 add_flags(u64 a, u64 b, bool carry, unsigned width)
{
    const u128 unsigned_sum = u128{a} + b + carry;
    const i128 signed_sum = i128{sign_extend(a, width)} + sign_extend(b, width) + carry;
    const u64 result = static_cast<u64>(unsigned_sum) & low_mask(width);
    return make_nzcv(test_bit(result, width - 1), result == 0, unsigned_sum >> width != 0,
                     signed_sum != sign_extend(result, width));
}

bool condition_holds(ir::Cond cond, u64 nzcv)
{
    const bool n = test_bit(nzcv, 31);
    const bool z = test_bit(nzcv, 30);
    const bool c = test_bit(nzcv, 29);
    const bool v = test_bit(nzcv, 28);
    const auto code = static_cast<unsigned>(cond);
    const bool base[] = {z, c, n, v, c && !z, n == v, n == v && !z, true};
    const bool result = base[code >> 1];
    return (code & 1) != 0 && code != 15 ? !result : result;
}

u64 crc32(u64 accumulator, u64 data, unsigned bytes, bool castagnoli)
{
    const u32 reversed_polynomial = castagnoli ? 0x82F6'3B78 : 0xEDB8'8320;
    auto crc = static_cast<u32>(accumulator);
    for (unsigned bit_index = 0; bit_index < bytes * 8; ++bit_index) {
        const bool feedback = ((crc ^ data >> bit_index) & 1) != 0;
        crc = crc >> 1 ^ (feedback ? reversed_polynomial : 0);
    }
    return crc;
}

u128 swap_bytes(u128 value, unsigned bytes)
{
    u128 swapped = 0;
    for (unsigned byte = 0; byte < bytes; ++byte) swapped |= (value >> 8 * byte & 0xFF) << 8 * (bytes - 1 - byte);
    return swapped;
}

u64 modify(ir::Atomic kind, u64 old, u64 operand, unsigned width)
{
    const i64 signed_old = sign_extend(old, width);
    const i64 signed_operand = sign_extend(operand, width);
    switch (kind) {
    case ir::Atomic::swap: return operand;
    case ir::Atomic::add: return old + operand;
    case ir::Atomic::clear: return old & ~operand;
    case ir::Atomic::exclusive_or: return old ^ operand;
    case ir::Atomic::set: return old | operand;
    case ir::Atomic::max_signed: return signed_old > signed_operand ? old : operand;
    case ir::Atomic::min_signed: return signed_old < signed_operand ? old : operand;
    case ir::Atomic::max_unsigned: return old > operand ? old : operand;
    case ir::Atomic::min_unsigned: return old < operand ? old : operand;
    }
    return 0;
}

/// Halves of products, and quotients as the architecture defines them.
u64 multiply_divide(Opcode op, u64 a, u64 b, unsigned width)
{
    const i128 signed_a = sign_extend(a, width);
    const i128 signed_b = sign_extend(b, width);
    if (op == Opcode::mul) return a * b;
    if (op == Opcode::mul_high_u) return static_cast<u64>(u128{a} * b >> width);
    if (op == Opcode::mul_high_s) return static_cast<u64>(signed_a * signed_b >> width);
    if (op == Opcode::div_u) return b == 0 ? 0 : a / b;
    if (op == Opcode::div_s) return b == 0 ? 0 : static_cast<u64>(signed_a / signed_b);
    not_covered("rem");
}

} // namespace

u64 IrEvaluator::compute_integer(const ir::Inst& inst) const
{
    const unsigned width = width_of(inst.type);
    const u64 a = low(inst, 0);
    const u64 b = low(inst, 1);
    const auto amount = static_cast<unsigned>(b % width);
    if (inst.op == Opcode::add) return a + b;
    if (inst.op == Opcode::sub) return a - b;
    if (inst.op == Opcode::add_carry) return a + b + low(inst, 2);
    if (inst.op == Opcode::and_) return a & b;
    if (inst.op == Opcode::or_) return a | b;
    if (inst.op == Opcode::xor_) return a ^ b;
    if (inst.op == Opcode::and_not) return a & ~b;
    if (inst.op == Opcode::or_not) return a | ~b;
    if (inst.op == Opcode::xor_not) return a ^ ~b;
    if (inst.op == Opcode::shl) return a << amount;
    if (inst.op == Opcode::shr_u) return a >> amount;
    if (inst.op == Opcode::shr_s) return static_cast<u64>(sign_extend(a, width) >> amount);
    if (inst.op == Opcode::rotr) return amount == 0 ? a : a >> amount | a << (width - amount);
    if (inst.op == Opcode::funnel_shr) return static_cast<u64>((u128{a} << width | b) >> inst.imm);
    return multiply_divide(inst.op, a, b, width);
}

u64 IrEvaluator::compute_unary(const ir::Inst& inst) const
{
    const unsigned width = width_of(inst.type);
    const u64 a = low(inst, 0);
    if (inst.op == Opcode::not_) return ~a;
    if (inst.op == Opcode::neg) return -a;
    if (inst.op == Opcode::clz) return a == 0 ? width : static_cast<unsigned>(std::countl_zero(a)) - (64 - width);
    if (inst.op == Opcode::cls) {
        const u64 sign = static_cast<u64>(sign_extend(a, width));
        const auto equal_bits =
            static_cast<unsigned>(std::countl_zero(sign ^ static_cast<u64>(static_cast<i64>(sign) >> 63)));
        return equal_bits - (64 - width) - 1;
    }
    if (inst.op == Opcode::bit_reverse) {
        u64 reversed = 0;
        for (unsigned n = 0; n < width; ++n) reversed |= (a >> n & 1) << (width - 1 - n);
        return reversed;
    }
    if (inst.op != Opcode::byte_swap) not_covered("unary");
    u64 swapped = 0;
    const auto unit = static_cast<unsigned>(inst.imm);
    for (unsigned byte = 0; byte < width / 8; byte += unit)
        swapped |= static_cast<u64>(swap_bytes(a >> 8 * byte & low_mask(8 * unit), unit)) << 8 * byte;
    return swapped;
}

u64 IrEvaluator::compute_width(const ir::Inst& inst) const
{
    const u64 a = low(inst, 0);
    const auto lsb = static_cast<unsigned>(inst.imm & 0xFF);
    const auto width = static_cast<unsigned>(inst.imm >> 8);
    if (inst.op == Opcode::sext) return static_cast<u64>(sign_extend(a, inst.size));
    if (inst.op == Opcode::zext || inst.op == Opcode::trunc) return a & low_mask(inst.size);
    if (inst.op == Opcode::extract_u) return bits(a, lsb, width);
    if (inst.op == Opcode::extract_s) return static_cast<u64>(sign_extend(bits(a, lsb, width), width));
    const u64 mask = low_mask(width) << lsb;
    return (a & ~mask) | (low(inst, 1) << lsb & mask);
}

u64 IrEvaluator::compute_comparison(const ir::Inst& inst) const
{
    const u64 a = low(inst, 0);
    const u64 b = low(inst, 1);
    const i64 signed_a = sign_extend(a, inst.size);
    const i64 signed_b = sign_extend(b, inst.size);
    if (inst.op == Opcode::cmp_eq) return a == b;
    if (inst.op == Opcode::cmp_ne) return a != b;
    if (inst.op == Opcode::cmp_ltu) return a < b;
    if (inst.op == Opcode::cmp_leu) return a <= b;
    return inst.op == Opcode::cmp_lts ? signed_a < signed_b : signed_a <= signed_b;
}

u64 IrEvaluator::compute_flags(const ir::Inst& inst) const
{
    const u64 a = low(inst, 0);
    const u64 b = inst.args[1].valid() ? low(inst, 1) : 0;
    constexpr u64 flag_bits = 0xF000'0000;
    if (inst.op == Opcode::nzcv_add) return add_flags(a, b, false, inst.size);
    if (inst.op == Opcode::nzcv_sub) return add_flags(a, ~b & low_mask(inst.size), true, inst.size);
    if (inst.op == Opcode::nzcv_add_carry) return add_flags(a, b, low(inst, 2) != 0, inst.size);
    if (inst.op == Opcode::nzcv_logic) return make_nzcv(test_bit(a, inst.size - 1U), a == 0, false, false);
    if (inst.op == Opcode::nzcv_carry) return test_bit(a, 29);
    if (inst.op == Opcode::nzcv_test) return condition_holds(static_cast<ir::Cond>(inst.imm), a);
    return a & flag_bits;
}

u8* IrEvaluator::at(u64 address, ir::MemOp op)
{
    const u64 alignment = op.align == ir::Align::check_16 ? 16 : op.size();
    if (op.align != ir::Align::any && !is_aligned(address, alignment)) throw Fault{address};
    if (address < memory_address_ || address - memory_address_ + op.size() > memory_.size()) throw Fault{address};
    return memory_.data() + (address - memory_address_);
}

u128 IrEvaluator::load(u64 address, ir::MemOp op)
{
    u128 value = 0;
    std::memcpy(&value, at(address, op), op.size());
    return op.big_endian ? swap_bytes(value, op.size()) : value;
}

void IrEvaluator::store(u64 address, ir::MemOp op, u128 value)
{
    const u128 in_order = op.big_endian ? swap_bytes(value, op.size()) : value;
    std::memcpy(at(address, op), &in_order, op.size());
}

u128 IrEvaluator::compute_memory(const ir::Inst& inst)
{
    const ir::MemOp op = ir::MemOp::unpack(inst.imm);
    const u64 address = low(inst, 0);
    if (inst.op == Opcode::store) {
        store(address, op, value(inst.args[1]));
        return 0;
    }
    if (inst.op == Opcode::store_exclusive) {
        const bool mine = exclusive_armed_ && exclusive_address_ == address && load(address, op) == exclusive_value_;
        exclusive_armed_ = false;
        at(address, op);
        if (mine) store(address, op, value(inst.args[1]));
        return mine ? 0 : 1;
    }
    const u128 old = load(address, op);
    if (inst.op == Opcode::load_exclusive) {
        exclusive_armed_ = true;
        exclusive_address_ = address;
        exclusive_value_ = old;
    }
    if (inst.op == Opcode::atomic_cas && old == value(inst.args[1])) store(address, op, value(inst.args[2]));
    if (inst.op == Opcode::atomic_rmw)
        store(address, op,
              modify(static_cast<ir::Atomic>(inst.sub), static_cast<u64>(old), low(inst, 1), op.size() * 8));
    return old;
}

u128 IrEvaluator::compute(const ir::Inst& inst)
{
    const auto between = [&inst](Opcode first, Opcode last) { return inst.op >= first && inst.op <= last; };
    const auto home = [&] { return reinterpret_cast<u8*>(&state_) + inst.imm; };
    if (inst.op == Opcode::constant) return inst.imm;
    if (inst.op == Opcode::read) {
        u128 read = 0;
        std::memcpy(&read, home(), ir::byte_size(inst.type));
        return read;
    }
    if (inst.op == Opcode::write) {
        const u128 written = value(inst.args[0]);
        std::memcpy(home(), &written, ir::byte_size(inst.type));
        return 0;
    }
    if (inst.op == Opcode::pc_page) return state_.common.pc_page;
    if (inst.op == Opcode::select) return value(inst.args[low(inst, 0) != 0 ? 1 : 2]);
    if (inst.op == Opcode::pair) return u128{low(inst, 1)} << 64 | low(inst, 0);
    if (inst.op == Opcode::low_half || inst.op == Opcode::high_half)
        return static_cast<u64>(value(inst.args[0]) >> (inst.op == Opcode::high_half ? 64 : 0));
    if (inst.op == Opcode::crc32) return crc32(low(inst, 0), low(inst, 1), inst.size, inst.imm != 0);
    if (between(Opcode::add, Opcode::xor_not) || between(Opcode::shl, Opcode::funnel_shr)) return compute_integer(inst);
    if (between(Opcode::not_, Opcode::neg) || between(Opcode::clz, Opcode::byte_swap)) return compute_unary(inst);
    if (between(Opcode::sext, Opcode::deposit)) return compute_width(inst);
    if (between(Opcode::cmp_eq, Opcode::cmp_les)) return compute_comparison(inst);
    if (between(Opcode::nzcv_add, Opcode::nzcv_test)) return compute_flags(inst);
    if (between(Opcode::load, Opcode::atomic_cas)) return compute_memory(inst);
    if (inst.op != Opcode::call) not_covered("opcode");
    const auto& helper = *reinterpret_cast<const ir::Helper*>(inst.imm);
    const auto argument = [&](unsigned n) { return n < helper.arg_count ? low(inst, n) : 0; };
    return helper.function(state_.common, argument(0), argument(1), argument(2));
}

bool IrEvaluator::ends(const ir::Inst& inst, Outcome& outcome)
{
    const bool jumps =
        inst.op == Opcode::jump || inst.op == Opcode::synchronize || (inst.op == Opcode::exit_if && low(inst, 0) != 0);
    if (jumps)
        outcome = {Outcome::Kind::jump, state_.common.pc_page + inst.imm, 0};
    else if (inst.op == Opcode::jump_register || inst.op == Opcode::synchronize_register)
        outcome = {Outcome::Kind::jump, low(inst, 0), 0};
    else if (inst.op == Opcode::event)
        outcome = {Outcome::Kind::event, state_.common.pc_page + inst.offset, inst.imm};
    else if (inst.op != Opcode::exit_if)
        return false;
    return inst.op != Opcode::exit_if || jumps;
}

IrEvaluator::Outcome IrEvaluator::run(const ir::Block& block)
{
    Outcome outcome{Outcome::Kind::jump, state_.common.pc_page + block.guest_offset + u64{block.guest_count} * 4, 0};
    values_.assign(block.insts.size(), 0);
    try {
        for (usize n = 0; n < block.insts.size(); ++n) {
            const ir::Inst& inst = block.insts[n];
            if (inst.op >= Opcode::loop_header) {
                if (ends(inst, outcome)) return outcome;
                continue;
            }
            const u128 result = compute(inst);
            values_[n] = ir::is_vector(inst.type) ? result : static_cast<u64>(result) & low_mask(width_of(inst.type));
            if (state_.common.unwind != Unwind::none)
                return {Outcome::Kind::event, state_.common.pc_page, state_.common.unwind_payload};
        }
    } catch (const Fault& fault) {
        return {Outcome::Kind::fault, fault.address, 0};
    }
    return outcome;
}

} // namespace gimbal::translator::aarch64::test
