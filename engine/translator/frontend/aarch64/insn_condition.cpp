// SPDX-License-Identifier: Apache-2.0
//
// Data processing, register: flag manipulation, conditional compare and select (Arm ARM, "A64 instruction set
// encoding").
#include "engine/translator/frontend/aarch64/insn_helpers.hpp"
#include "engine/translator/frontend/aarch64/instructions.hpp"

namespace gimbal::translator::aarch64 {
namespace {

constexpr unsigned n_bit = 31;
constexpr unsigned z_bit = 30;
constexpr unsigned c_bit = 29;
constexpr unsigned v_bit = 28;

/// Bit `from` of w as flag bit `to`.
ir::Value flag_from_bit(Translator& t, ir::Value w, unsigned from, unsigned to)
{
    return shift_left(t, t.ir.extract_u(w, from, 1), to);
}

/// SETF8 and SETF16: N, Z and V as the low `width` bits of Wn and the bit above them say; C stays.
void set_flags(Translator& t, Insn i, unsigned width)
{
    const ir::Value w = t.w(i.rn());
    const ir::Value low = t.ir.extract_u(w, 0, width);
    const ir::Value zero = t.ir.cmp_eq(low, t.ir.i32c(0));
    const ir::Value overflow = t.ir.xor_(w, shift_right(t, w, 1));
    const ir::Value n = flag_from_bit(t, w, width - 1, n_bit);
    const ir::Value z = shift_left(t, t.ir.zext(ir::Type::i32, zero, 1), z_bit);
    const ir::Value v = flag_from_bit(t, overflow, width - 1, v_bit);
    const ir::Value c = and_constant(t, t.ir.nzcv_bits(t.nzcv()), 1U << c_bit);
    t.set_nzcv(t.ir.nzcv_make(t.ir.or_(t.ir.or_(t.ir.or_(n, z), c), v)));
}

ir::Cond condition_field(Insn i) { return static_cast<ir::Cond>(i.field(12, 4)); }

/// CCMN and CCMP: the flags of the comparison if the condition holds, else those of the instruction.
void conditional_compare(Translator& t, Insn i, bool subtract, ir::Value b)
{
    const ir::Value a = t.reg(i.rn(), i.sf());
    const ir::Value compared = subtract ? t.ir.nzcv_sub(a, b) : t.ir.nzcv_add(a, b);
    const ir::Value given = t.ir.constant(ir::Type::nzcv, u64{i.field(0, 4)} << v_bit);
    t.set_nzcv(t.ir.select(t.condition(condition_field(i)), compared, given));
}

ir::Value register_operand(Translator& t, Insn i) { return t.reg(i.rm(), i.sf()); }

ir::Value immediate_operand(Translator& t, Insn i) { return t.ir.constant(integer_type(i.sf()), i.field(16, 5)); }

void conditional_select(Translator& t, Insn i, ir::Value otherwise)
{
    const ir::Value chosen = t.reg(i.rn(), i.sf());
    const ir::Value condition = t.condition(condition_field(i));
    t.set_reg(i.rd(), t.ir.select(condition, chosen, otherwise));
}

} // namespace

namespace insn {

void rmif(Translator& t, Insn i)
{
    const unsigned rotation = i.field(15, 6);
    const u32 mask = i.field(0, 4) << v_bit;
    ir::Value value = t.x(i.rn());
    if (rotation != 0) value = t.ir.rotr(value, t.ir.i64c(rotation));
    const ir::Value shifted = shift_left(t, t.ir.trunc(ir::Type::i32, value), v_bit);
    const ir::Value taken = and_constant(t, shifted, mask);
    const ir::Value kept = and_constant(t, t.ir.nzcv_bits(t.nzcv()), ~mask);
    t.set_nzcv(t.ir.nzcv_make(t.ir.or_(taken, kept)));
}

void setf8(Translator& t, Insn i) { set_flags(t, i, 8); }
void setf16(Translator& t, Insn i) { set_flags(t, i, 16); }

void cfinv(Translator& t, Insn)
{
    const ir::Value flags = t.ir.nzcv_bits(t.nzcv());
    t.set_nzcv(t.ir.nzcv_make(t.ir.xor_(flags, t.ir.i32c(1U << c_bit))));
}

void ccmn_register(Translator& t, Insn i) { conditional_compare(t, i, false, register_operand(t, i)); }
void ccmp_register(Translator& t, Insn i) { conditional_compare(t, i, true, register_operand(t, i)); }
void ccmn_immediate(Translator& t, Insn i) { conditional_compare(t, i, false, immediate_operand(t, i)); }
void ccmp_immediate(Translator& t, Insn i) { conditional_compare(t, i, true, immediate_operand(t, i)); }

void csel(Translator& t, Insn i) { conditional_select(t, i, register_operand(t, i)); }
void csinc(Translator& t, Insn i) { conditional_select(t, i, t.ir.add_imm(register_operand(t, i), 1)); }
void csinv(Translator& t, Insn i) { conditional_select(t, i, t.ir.not_(register_operand(t, i))); }
void csneg(Translator& t, Insn i) { conditional_select(t, i, t.ir.neg(register_operand(t, i))); }

} // namespace insn
} // namespace gimbal::translator::aarch64
