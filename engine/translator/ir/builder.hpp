// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/bits.hpp"
#include "engine/translator/ir/ir.hpp"

namespace gimbal::ir {

/// Appends instructions to a block. Frontends see only this.
class Builder {
public:
    explicit Builder(Block& block) : block_(block) {}

    /// Starts the next guest instruction; everything emitted until the next call belongs to it.
    void begin_instruction(u16 guest_index) { guest_index_ = guest_index; }

    // Values and state
    Value constant(Type type, u64 value) { return emit({.op = Opcode::constant, .type = type, .imm = value}); }
    Value i32c(u32 value) { return constant(Type::i32, value); }
    Value i64c(u64 value) { return constant(Type::i64, value); }
    Value i1c(bool value) { return constant(Type::i1, value ? 1 : 0); }
    Value read(Type type, usize offset) { return emit({.op = Opcode::read, .type = type, .imm = offset}); }
    void write(usize offset, Value value)
    {
        emit({.op = Opcode::write, .type = type_of(value), .args = {value}, .imm = offset});
    }
    Value pc_page() { return emit({.op = Opcode::pc_page, .type = Type::i64}); }

    // Integers; the result has a's type
    Value add(Value a, Value b) { return binary(Opcode::add, a, b); }
    Value sub(Value a, Value b) { return binary(Opcode::sub, a, b); }
    Value add_imm(Value a, u64 imm) { return add(a, constant(type_of(a), imm)); }
    Value add_carry(Value a, Value b, Value carry)
    {
        return emit({
            .op = Opcode::add_carry, .type = type_of(a), .args = {a, b, carry}
        });
    }
    Value mul(Value a, Value b) { return binary(Opcode::mul, a, b); }
    Value mul_high_u(Value a, Value b) { return binary(Opcode::mul_high_u, a, b); }
    Value mul_high_s(Value a, Value b) { return binary(Opcode::mul_high_s, a, b); }
    Value div_u(Value a, Value b) { return binary(Opcode::div_u, a, b); }
    Value div_s(Value a, Value b) { return binary(Opcode::div_s, a, b); }
    Value rem_u(Value a, Value b) { return binary(Opcode::rem_u, a, b); }
    Value rem_s(Value a, Value b) { return binary(Opcode::rem_s, a, b); }
    Value and_(Value a, Value b) { return binary(Opcode::and_, a, b); }
    Value or_(Value a, Value b) { return binary(Opcode::or_, a, b); }
    Value xor_(Value a, Value b) { return binary(Opcode::xor_, a, b); }
    Value and_not(Value a, Value b) { return binary(Opcode::and_not, a, b); }
    Value or_not(Value a, Value b) { return binary(Opcode::or_not, a, b); }
    Value xor_not(Value a, Value b) { return binary(Opcode::xor_not, a, b); }
    Value not_(Value a) { return unary(Opcode::not_, a); }
    Value neg(Value a) { return unary(Opcode::neg, a); }
    Value shl(Value a, Value amount) { return binary(Opcode::shl, a, amount); }
    Value shr_u(Value a, Value amount) { return binary(Opcode::shr_u, a, amount); }
    Value shr_s(Value a, Value amount) { return binary(Opcode::shr_s, a, amount); }
    Value rotr(Value a, Value amount) { return binary(Opcode::rotr, a, amount); }
    Value funnel_shr(Value high, Value low, unsigned lsb)
    {
        return emit({
            .op = Opcode::funnel_shr, .type = type_of(high), .args = {high, low},
                    .imm = lsb
        });
    }
    Value clz(Value a) { return unary(Opcode::clz, a); }
    Value ctz(Value a) { return unary(Opcode::ctz, a); }
    Value cls(Value a) { return unary(Opcode::cls, a); }
    Value bit_reverse(Value a) { return unary(Opcode::bit_reverse, a); }
    Value byte_swap(Value a, unsigned unit_bytes)
    {
        return emit({.op = Opcode::byte_swap, .type = type_of(a), .args = {a}, .imm = unit_bytes});
    }
    /// `data_bytes` 1, 2, 4 or 8 of `data` are fed, low byte first.
    Value crc32(Value acc, Value data, unsigned data_bytes, bool castagnoli)
    {
        return emit({
            .op = Opcode::crc32,
            .type = Type::i32,
            .size = static_cast<u8>(data_bytes),
            .args = {acc, data},
            .imm = castagnoli ? 1U : 0U
        });
    }

    // Width changes
    Value sext(Type to, Value a, unsigned from_bits) { return resize(Opcode::sext, to, a, from_bits); }
    Value zext(Type to, Value a, unsigned from_bits) { return resize(Opcode::zext, to, a, from_bits); }
    Value trunc(Type to, Value a) { return resize(Opcode::trunc, to, a, byte_size(to) * 8); }
    Value extract_u(Value a, unsigned lsb, unsigned width) { return field(Opcode::extract_u, a, lsb, width); }
    Value extract_s(Value a, unsigned lsb, unsigned width) { return field(Opcode::extract_s, a, lsb, width); }
    Value deposit(Value into, Value from, unsigned lsb, unsigned width)
    {
        return emit({
            .op = Opcode::deposit, .type = type_of(into), .args = {into, from},
                    .imm = lsb | width << 8
        });
    }
    Value pair(Value low, Value high)
    {
        return emit({
            .op = Opcode::pair, .type = Type::i128, .args = {low, high}
        });
    }
    Value low_half(Value a) { return emit({.op = Opcode::low_half, .type = Type::i64, .args = {a}}); }
    Value high_half(Value a) { return emit({.op = Opcode::high_half, .type = Type::i64, .args = {a}}); }

    // Comparison and flags
    Value cmp(Opcode op, Value a, Value b)
    {
        return emit({
            .op = op, .type = Type::i1, .size = bits_of(a), .args = {a, b}
        });
    }
    Value cmp_eq(Value a, Value b) { return cmp(Opcode::cmp_eq, a, b); }
    Value cmp_ne(Value a, Value b) { return cmp(Opcode::cmp_ne, a, b); }
    Value select(Value condition, Value if_true, Value if_false)
    {
        return emit({
            .op = Opcode::select, .type = type_of(if_true), .args = {condition, if_true, if_false}
        });
    }
    Value nzcv_add(Value a, Value b) { return flags(Opcode::nzcv_add, a, b); }
    Value nzcv_sub(Value a, Value b) { return flags(Opcode::nzcv_sub, a, b); }
    Value nzcv_add_carry(Value a, Value b, Value carry)
    {
        return emit({
            .op = Opcode::nzcv_add_carry, .type = Type::nzcv, .size = bits_of(a), .args = {a, b, carry}
        });
    }
    Value nzcv_logic(Value a)
    {
        return emit({.op = Opcode::nzcv_logic, .type = Type::nzcv, .size = bits_of(a), .args = {a}});
    }
    Value nzcv_make(Value word) { return emit({.op = Opcode::nzcv_make, .type = Type::nzcv, .args = {word}}); }
    Value nzcv_bits(Value flags) { return emit({.op = Opcode::nzcv_bits, .type = Type::i32, .args = {flags}}); }
    Value nzcv_carry(Value flags) { return emit({.op = Opcode::nzcv_carry, .type = Type::i1, .args = {flags}}); }
    Value nzcv_test(Value flags, Cond cond)
    {
        return emit({.op = Opcode::nzcv_test, .type = Type::i1, .args = {flags}, .imm = static_cast<u64>(cond)});
    }

    // Memory
    Value load(Type type, Value address, MemOp op)
    {
        return emit({.op = Opcode::load, .type = type, .args = {address}, .imm = op.pack()});
    }
    void store(Value address, Value value, MemOp op)
    {
        op.is_write = true;
        emit({
            .op = Opcode::store, .type = type_of(value), .args = {address, value},
                    .imm = op.pack()
        });
    }
    void probe(Value address, MemOp op, unsigned byte_count)
    {
        emit({.op = Opcode::probe, .type = Type::none, .args = {address}, .imm = op.pack(), .offset = byte_count});
    }
    Value load_exclusive(Type type, Value address, MemOp op)
    {
        return emit({.op = Opcode::load_exclusive, .type = type, .args = {address}, .imm = op.pack()});
    }
    Value store_exclusive(Value address, Value value, MemOp op)
    {
        op.is_write = true;
        return emit({
            .op = Opcode::store_exclusive,
            .type = Type::i32,
            .size = bits_of(value),
            .args = {address, value},
            .imm = op.pack()
        });
    }
    void clear_exclusive() { emit({.op = Opcode::clear_exclusive}); }
    Value atomic_rmw(Atomic kind, Type type, Value address, Value operand, MemOp op)
    {
        op.is_write = true;
        return emit({
            .op = Opcode::atomic_rmw,
            .type = type,
            .sub = static_cast<u16>(kind),
            .args = {address, operand},
            .imm = op.pack()
        });
    }
    Value atomic_cas(Type type, Value address, Value expected, Value desired, MemOp op)
    {
        op.is_write = true;
        return emit({
            .op = Opcode::atomic_cas, .type = type, .args = {address, expected, desired},
                    .imm = op.pack()
        });
    }
    void fence(Fence kind) { emit({.op = Opcode::fence, .imm = static_cast<u64>(kind)}); }

    // Vectors and floating point
    Value vec_element(Type type, Value v, unsigned element_bits, unsigned index)
    {
        return emit({.op = Opcode::vec_element,
                     .type = type,
                     .size = static_cast<u8>(element_bits),
                     .args = {v},
                     .imm = index});
    }
    Value vec_insert(Value v, Value scalar, unsigned element_bits, unsigned index)
    {
        return emit({
            .op = Opcode::vec_insert,
            .type = type_of(v),
            .size = static_cast<u8>(element_bits),
            .args = {v, scalar},
            .imm = index
        });
    }
    Value vec_duplicate(Value scalar, unsigned element_bits, unsigned bytes)
    {
        return emit({.op = Opcode::vec_duplicate,
                     .type = Type::v128,
                     .size = static_cast<u8>(element_bits),
                     .bytes = static_cast<u8>(bytes),
                     .args = {scalar}});
    }
    Value vec_scalar(Value scalar, unsigned element_bits)
    {
        return emit(
            {.op = Opcode::vec_scalar, .type = Type::v128, .size = static_cast<u8>(element_bits), .args = {scalar}});
    }
    Value vec_from_halves(Value low, Value high)
    {
        return emit({
            .op = Opcode::vec_from_halves, .type = Type::v128, .args = {low, high}
        });
    }
    Value vec_truncate(Value v, unsigned bytes)
    {
        return emit({.op = Opcode::vec_truncate, .type = Type::v128, .bytes = static_cast<u8>(bytes), .args = {v}});
    }
    Value vec(VecOp op, unsigned element_bits, unsigned bytes, Value a, Value b = {}, Value c = {}, u64 imm = 0)
    {
        return emit({
            .op = Opcode::vec,
            .type = Type::v128,
            .size = static_cast<u8>(element_bits),
            .bytes = static_cast<u8>(bytes),
            .sub = static_cast<u16>(op),
            .args = {a, b, c},
            .imm = imm
        });
    }
    Value fp(FpOp op, Type result, unsigned source_bits, Value a, Value b = {}, Value c = {}, u64 imm = 0)
    {
        return emit({
            .op = Opcode::fp,
            .type = result,
            .size = static_cast<u8>(source_bits),
            .sub = static_cast<u16>(op),
            .args = {a, b, c},
            .imm = imm
        });
    }

    Value call(const Helper& helper, Value a = {}, Value b = {}, Value c = {})
    {
        return emit({
            .op = Opcode::call, .type = helper.result, .args = {a, b, c},
                    .imm = reinterpret_cast<u64>(&helper)
        });
    }

    // Control
    void loop_header() { emit({.op = Opcode::loop_header}); }
    void loop_back_if(Value condition) { emit({.op = Opcode::loop_back_if, .args = {condition}}); }
    void exit_if(Value condition, i64 offset)
    {
        emit({.op = Opcode::exit_if, .args = {condition}, .imm = static_cast<u64>(offset)});
    }
    void jump(i64 offset) { end({.op = Opcode::jump, .imm = static_cast<u64>(offset)}); }
    void jump_register(Value address, JumpHint hint)
    {
        end({.op = Opcode::jump_register, .sub = static_cast<u16>(hint), .args = {address}});
    }
    void synchronize(i64 offset) { end({.op = Opcode::synchronize, .imm = static_cast<u64>(offset)}); }
    void synchronize_register(Value address) { end({.op = Opcode::synchronize_register, .args = {address}}); }
    /// `resume_offset` is where the guest goes on, from pc_page: the instruction itself for a fault, the next for a
    /// call.
    void event(Event kind, u64 payload, u32 resume_offset)
    {
        end({.op = Opcode::event, .sub = static_cast<u16>(kind), .imm = payload, .offset = resume_offset});
    }

    bool ended() const { return ended_; }
    Type type_of(Value value) const { return block_.at(value).type; }
    Block& block() { return block_; }

private:
    u8 bits_of(Value value) const { return static_cast<u8>(byte_size(type_of(value)) * 8); }
    Value unary(Opcode op, Value a) { return emit({.op = op, .type = type_of(a), .args = {a}}); }
    Value binary(Opcode op, Value a, Value b)
    {
        return emit({
            .op = op, .type = type_of(a), .args = {a, b}
        });
    }
    Value resize(Opcode op, Type to, Value a, unsigned from_bits)
    {
        return emit({.op = op, .type = to, .size = static_cast<u8>(from_bits), .args = {a}});
    }
    Value field(Opcode op, Value a, unsigned lsb, unsigned width)
    {
        return emit({.op = op, .type = type_of(a), .args = {a}, .imm = lsb | width << 8});
    }
    Value flags(Opcode op, Value a, Value b)
    {
        return emit({
            .op = op, .type = Type::nzcv, .size = bits_of(a), .args = {a, b}
        });
    }
    Value emit(Inst inst)
    {
        GIMBAL_ASSERT(!ended_ && block_.insts.size() < 0xFFFF);
        inst.guest_index = guest_index_;
        block_.insts.push_back(inst);
        return {static_cast<u16>(block_.insts.size() - 1)};
    }
    void end(Inst inst)
    {
        emit(inst);
        ended_ = true;
    }

    Block& block_;
    u16 guest_index_{};
    bool ended_{};
};

} // namespace gimbal::ir
