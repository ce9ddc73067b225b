// SPDX-License-Identifier: Apache-2.0
#include "engine/translator/ir/verify_types.hpp"

#include "engine/translator/vector/scalar_fp.hpp"
#include "engine/translator/vector/vector.hpp"

namespace gimbal::ir {

namespace {

bool is_integer(Type type) { return type >= Type::i1 && type <= Type::i64; }
bool is_word(Type type) { return type == Type::i32 || type == Type::i64; }
bool is_scalar(Type type) { return is_integer(type) || type == Type::f16 || type == Type::f32 || type == Type::f64; }
bool is_wide(Type type) { return type == Type::v128 || type == Type::i128; }
unsigned bits_of(Type type) { return type == Type::i1 ? 1 : byte_size(type) * 8; }
bool is_element(unsigned bits) { return bits == 8 || bits == 16 || bits == 32 || bits == 64; }

/// Types of one instruction and of its arguments.
struct Types {
    const Inst& inst;
    Type result;
    Type arg[3];

    bool all(Type type, unsigned count) const
    {
        for (unsigned n = 0; n < count; ++n)
            if (arg[n] != type) return false;
        return true;
    }
};

const char* check_integer(const Types& t)
{
    const Opcode op = t.inst.op;
    const bool bitwise =
        op == Opcode::and_ || op == Opcode::or_ || op == Opcode::xor_ || op == Opcode::not_ || op == Opcode::and_not;
    if (!is_word(t.result) && !(bitwise && t.result == Type::i1)) return "the result is not i32 or i64";
    if (op == Opcode::crc32) {
        const bool fits = t.inst.size == 1 || t.inst.size == 2 || t.inst.size == 4 || t.inst.size == 8;
        return t.result == Type::i32 && t.arg[0] == Type::i32 && fits && byte_size(t.arg[1]) >= t.inst.size
                   ? nullptr
                   : "crc32 takes an i32 and data of its size";
    }
    if (t.arg[0] != t.result) return "the first argument's type is not the result's";
    if (t.inst.args[1].valid() && t.arg[1] != t.result) return "the second argument's type is not the result's";
    if (op == Opcode::add_carry && t.arg[2] != Type::i1) return "the carry is not an i1";
    if (op == Opcode::funnel_shr && t.inst.imm >= bits_of(t.result)) return "the shift amount is out of range";
    const u64 unit = t.inst.imm;
    if (op == Opcode::byte_swap && ((unit != 2 && unit != 4 && unit != 8) || unit > byte_size(t.result)))
        return "the unit is out of range";
    return nullptr;
}

const char* check_width_change(const Types& t)
{
    const Opcode op = t.inst.op;
    if (op == Opcode::pair) return t.result == Type::i128 && t.all(Type::i64, 2) ? nullptr : "a pair is of two i64";
    if (op == Opcode::low_half || op == Opcode::high_half)
        return t.result == Type::i64 && is_wide(t.arg[0]) ? nullptr : "halves are i64 of 16 bytes";
    if (op == Opcode::extract_u || op == Opcode::extract_s || op == Opcode::deposit) {
        const u64 lsb = t.inst.imm & 0xFF;
        const u64 width = t.inst.imm >> 8;
        if (!is_word(t.result) || t.arg[0] != t.result) return "a field is of an i32 or i64";
        if (op == Opcode::deposit && t.arg[1] != t.result) return "a field is deposited from the same type";
        return width != 0 && lsb + width <= bits_of(t.result) ? nullptr : "the field is out of range";
    }
    if (!is_integer(t.result) || !is_integer(t.arg[0])) return "only integers change their width";
    if (op == Opcode::trunc) return bits_of(t.result) <= bits_of(t.arg[0]) ? nullptr : "truncation to a wider type";
    if (!is_word(t.result)) return "the result is not i32 or i64";
    return t.inst.size != 0 && t.inst.size <= bits_of(t.result) && t.inst.size <= byte_size(t.arg[0]) * 8
               ? nullptr
               : "more bits are taken than there are";
}

const char* check_flags(const Types& t)
{
    const Opcode op = t.inst.op;
    if (op == Opcode::select)
        return t.arg[0] == Type::i1 && t.arg[1] == t.result && t.arg[2] == t.result && t.result != Type::none &&
                       t.result != Type::v256
                   ? nullptr
                   : "select takes an i1 and two values of its type";
    if (op >= Opcode::cmp_eq && op <= Opcode::cmp_les) {
        const bool is_signed = op == Opcode::cmp_lts || op == Opcode::cmp_les;
        if (t.result != Type::i1 || !is_integer(t.arg[0]) || t.arg[0] != t.arg[1])
            return "two integers of one type are compared";
        return is_signed && !is_word(t.arg[0]) ? "signed comparison of less than 32 bits" : nullptr;
    }
    if (op == Opcode::nzcv_make)
        return t.result == Type::nzcv && t.arg[0] == Type::i32 ? nullptr : "flags are of an i32";
    if (op == Opcode::nzcv_bits) return t.result == Type::i32 && t.arg[0] == Type::nzcv ? nullptr : "bits of no flags";
    if (op == Opcode::nzcv_carry || op == Opcode::nzcv_test) {
        if (op == Opcode::nzcv_test && t.inst.imm > 15) return "no such condition";
        return t.result == Type::i1 && t.arg[0] == Type::nzcv ? nullptr : "a test of no flags";
    }
    if (t.result != Type::nzcv || !is_word(t.arg[0])) return "flags are of i32 or i64";
    if (t.inst.size != bits_of(t.arg[0])) return "the size is not the argument's";
    if (op != Opcode::nzcv_logic && t.arg[1] != t.arg[0]) return "the arguments' types differ";
    return op == Opcode::nzcv_add_carry && t.arg[2] != Type::i1 ? "the carry is not an i1" : nullptr;
}

const char* check_memory(const Types& t)
{
    const Opcode op = t.inst.op;
    if (t.arg[0] != Type::i64) return "an address is not an i64";
    if (op == Opcode::probe) return t.inst.offset == 0 || t.inst.offset > 4096 ? "a probe of no size" : nullptr;
    const MemOp mem = MemOp::unpack(t.inst.imm);
    if (mem.size_log2 > 4) return "no such access size";
    if (mem.parts_log2 > mem.size_log2) return "parts of less than a byte";
    const unsigned size = mem.size();
    const bool loads = op == Opcode::load || op == Opcode::load_exclusive;
    if (loads)
        return byte_size(t.result) >= size && (size != 16 || is_wide(t.result)) ? nullptr
                                                                                : "the result does not hold the access";
    const Type data = t.arg[1];
    if (byte_size(data) < size || (size == 16 && !is_wide(data))) return "the data is narrower than the access";
    if (op == Opcode::store) return nullptr;
    if (op == Opcode::store_exclusive) return t.result == Type::i32 ? nullptr : "the status is not an i32";
    if (t.result != data) return "the old value's type is not the data's";
    if (op == Opcode::atomic_rmw)
        return size <= 8 && t.inst.sub <= static_cast<u16>(Atomic::min_unsigned) ? nullptr : "no such atomic";
    return t.arg[2] == data ? nullptr : "expected and new value differ in type";
}

const char* check_vector(const Types& t)
{
    const Opcode op = t.inst.op;
    const unsigned size = t.inst.size;
    const bool indexed = op == Opcode::vec_element || op == Opcode::vec_insert;
    if (op != Opcode::vec_from_halves && op != Opcode::vec_truncate && !is_element(size)) return "no such element size";
    if (indexed && (t.inst.imm + 1) * size > 128) return "no such element";
    if (op == Opcode::vec_element)
        return is_wide(t.arg[0]) && is_scalar(t.result) && bits_of(t.result) >= size ? nullptr
                                                                                     : "the element does not fit";
    if (t.result != Type::v128) return "the result is not a vector";
    if (op == Opcode::vec_insert)
        return t.arg[0] == Type::v128 && bits_of(t.arg[1]) >= size ? nullptr : "the element is too narrow";
    if (op == Opcode::vec_duplicate || op == Opcode::vec_scalar)
        return is_scalar(t.arg[0]) && bits_of(t.arg[0]) >= size ? nullptr : "the scalar is too narrow";
    if (op == Opcode::vec_from_halves) return t.all(Type::i64, 2) ? nullptr : "halves are i64";
    if (op == Opcode::vec_truncate)
        return t.arg[0] == Type::v128 && t.inst.bytes <= 16 ? nullptr : "a vector is truncated";
    for (unsigned n = 0; n < 3; ++n)
        if (t.inst.args[n].valid() && t.arg[n] != Type::v128) return "the argument is not a vector";
    return translator::vector::function(static_cast<VecOp>(t.inst.sub), size, t.inst.bytes) != nullptr
               ? nullptr
               : "no such vector operation";
}

const char* check_slot(const Types& t)
{
    const Type type = t.inst.op == Opcode::write ? t.arg[0] : t.result;
    if (type == Type::none || type != t.inst.type) return "a slot holds a value of the instruction's type";
    return t.inst.imm + byte_size(type) <= 0x10000 ? nullptr : "the offset is out of range";
}

} // namespace

const char* check_types(const Block& block, const Inst& inst)
{
    Types t{inst, inst.type, {}};
    for (unsigned n = 0; n < 3; ++n)
        if (inst.args[n].valid()) t.arg[n] = block.at(inst.args[n]).type;
    const Opcode op = inst.op;
    if (op >= Opcode::add && op <= Opcode::crc32) return check_integer(t);
    if (op >= Opcode::sext && op <= Opcode::high_half) return check_width_change(t);
    if (op >= Opcode::cmp_eq && op <= Opcode::nzcv_test) return check_flags(t);
    if (op == Opcode::read || op == Opcode::write) return check_slot(t);
    if (op >= Opcode::load && op <= Opcode::atomic_cas && op != Opcode::clear_exclusive) return check_memory(t);
    if (op >= Opcode::vec_element && op <= Opcode::vec) return check_vector(t);
    if (op == Opcode::fp)
        return translator::vector::fp_function(static_cast<FpOp>(inst.sub), inst.size, inst.type) != nullptr
                   ? nullptr
                   : "no such floating-point operation";
    if (op == Opcode::call) {
        const auto& helper = *reinterpret_cast<const Helper*>(inst.imm);
        if (helper.result != inst.type) return "the type is not the helper's result";
        for (unsigned n = 0; n < helper.arg_count; ++n)
            if (byte_size(t.arg[n]) > 8) return "a helper takes 64 bits an argument";
        return nullptr;
    }
    if ((op == Opcode::exit_if || op == Opcode::loop_back_if) && t.arg[0] != Type::i1)
        return "the condition is not an i1";
    const bool by_register = op == Opcode::jump_register || op == Opcode::synchronize_register;
    return by_register && t.arg[0] != Type::i64 ? "the target is not an i64" : nullptr;
}

} // namespace gimbal::ir
