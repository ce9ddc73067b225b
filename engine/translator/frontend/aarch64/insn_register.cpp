// SPDX-License-Identifier: Apache-2.0
//
// Data processing, register: logical and add/subtract (Arm ARM, "A64 instruction set encoding").
#include "engine/translator/frontend/aarch64/insn_helpers.hpp"
#include "engine/translator/frontend/aarch64/instructions.hpp"

namespace gimbal::translator::aarch64 {
namespace {

enum class Shift : u8 { lsl, lsr, asr, ror };

/// The shifted second operand; nothing for a shift by the width or more of a W register.
std::optional<ir::Value> shifted_register(Translator& t, Insn i)
{
    const unsigned amount = i.field(10, 6);
    if (!i.sf() && amount >= 32) return {};
    const ir::Value value = t.reg(i.rm(), i.sf());
    if (amount == 0) return value;
    const ir::Value by = t.ir.constant(integer_type(i.sf()), amount);
    switch (static_cast<Shift>(i.field(22, 2))) {
    case Shift::lsl: return t.ir.shl(value, by);
    case Shift::lsr: return t.ir.shr_u(value, by);
    case Shift::asr: return t.ir.shr_s(value, by);
    case Shift::ror: return t.ir.rotr(value, by);
    }
    return {};
}

using BinaryOp = ir::Value (ir::Builder::*)(ir::Value, ir::Value);

void logical(Translator& t, Insn i, BinaryOp op)
{
    const std::optional<ir::Value> operand = shifted_register(t, i);
    if (!operand) return t.undefined();
    t.set_reg(i.rd(), (t.ir.*op)(t.reg(i.rn(), i.sf()), *operand));
}

void logical_flags(Translator& t, Insn i, BinaryOp op)
{
    const std::optional<ir::Value> operand = shifted_register(t, i);
    if (!operand) return t.undefined();
    const ir::Value result = (t.ir.*op)(t.reg(i.rn(), i.sf()), *operand);
    const ir::Value flags = t.ir.nzcv_logic(result);
    t.set_reg(i.rd(), result);
    t.set_nzcv(flags);
}

/// ADD and SUB (shifted register) have no rotation.
std::optional<ir::Value> arithmetic_operand(Translator& t, Insn i)
{
    if (static_cast<Shift>(i.field(22, 2)) == Shift::ror) return {};
    return shifted_register(t, i);
}

/// Extended by `option` and shifted left by 0..4.
std::optional<ir::Value> extended_operand(Translator& t, Insn i)
{
    const unsigned shift = i.field(10, 3);
    if (shift > 4) return {};
    return extended_register(t, i.rm(), i.field(13, 3), shift, i.sf());
}

void add_flags(Translator& t, Insn i, ir::Value a, ir::Value b)
{
    const ir::Value flags = t.ir.nzcv_add(a, b);
    if (i.rd() != 31) t.set_reg(i.rd(), t.ir.add(a, b));
    t.set_nzcv(flags);
}

void subtract_flags(Translator& t, Insn i, ir::Value a, ir::Value b)
{
    const ir::Value flags = t.ir.nzcv_sub(a, b);
    if (i.rd() != 31) t.set_reg(i.rd(), t.ir.sub(a, b));
    t.set_nzcv(flags);
}

/// ADC and ADCS; SBC and SBCS add the complement.
void with_carry(Translator& t, Insn i, bool subtract, bool set_flags)
{
    const ir::Value a = t.reg(i.rn(), i.sf());
    const ir::Value m = t.reg(i.rm(), i.sf());
    const ir::Value b = subtract ? t.ir.not_(m) : m;
    const ir::Value carry = t.ir.nzcv_carry(t.nzcv());
    const ir::Value result = t.ir.add_carry(a, b, carry);
    if (!set_flags) return t.set_reg(i.rd(), result);
    const ir::Value flags = t.ir.nzcv_add_carry(a, b, carry);
    t.set_reg(i.rd(), result);
    t.set_nzcv(flags);
}

} // namespace

namespace insn {

void and_shifted_register(Translator& t, Insn i) { logical(t, i, &ir::Builder::and_); }
void bic_shifted_register(Translator& t, Insn i) { logical(t, i, &ir::Builder::and_not); }
void orn_shifted_register(Translator& t, Insn i) { logical(t, i, &ir::Builder::or_not); }
void eor_shifted_register(Translator& t, Insn i) { logical(t, i, &ir::Builder::xor_); }
void eon_shifted_register(Translator& t, Insn i) { logical(t, i, &ir::Builder::xor_not); }
void ands_shifted_register(Translator& t, Insn i) { logical_flags(t, i, &ir::Builder::and_); }
void bics_shifted_register(Translator& t, Insn i) { logical_flags(t, i, &ir::Builder::and_not); }

void orr_shifted_register(Translator& t, Insn i)
{
    if (i.rn() != 31) return logical(t, i, &ir::Builder::or_);
    const std::optional<ir::Value> operand = shifted_register(t, i);
    if (!operand) return t.undefined();
    t.set_reg(i.rd(), *operand);
}

void add_shifted_register(Translator& t, Insn i)
{
    const std::optional<ir::Value> operand = arithmetic_operand(t, i);
    if (!operand) return t.undefined();
    t.set_reg(i.rd(), t.ir.add(t.reg(i.rn(), i.sf()), *operand));
}

void sub_shifted_register(Translator& t, Insn i)
{
    const std::optional<ir::Value> operand = arithmetic_operand(t, i);
    if (!operand) return t.undefined();
    t.set_reg(i.rd(), t.ir.sub(t.reg(i.rn(), i.sf()), *operand));
}

void adds_shifted_register(Translator& t, Insn i)
{
    const std::optional<ir::Value> operand = arithmetic_operand(t, i);
    if (!operand) return t.undefined();
    add_flags(t, i, t.reg(i.rn(), i.sf()), *operand);
}

void subs_shifted_register(Translator& t, Insn i)
{
    const std::optional<ir::Value> operand = arithmetic_operand(t, i);
    if (!operand) return t.undefined();
    subtract_flags(t, i, t.reg(i.rn(), i.sf()), *operand);
}

void add_extended_register(Translator& t, Insn i)
{
    const std::optional<ir::Value> operand = extended_operand(t, i);
    if (!operand) return t.undefined();
    t.set_reg_sp(i.rd(), t.ir.add(t.reg_sp(i.rn(), i.sf()), *operand));
}

void sub_extended_register(Translator& t, Insn i)
{
    const std::optional<ir::Value> operand = extended_operand(t, i);
    if (!operand) return t.undefined();
    t.set_reg_sp(i.rd(), t.ir.sub(t.reg_sp(i.rn(), i.sf()), *operand));
}

void adds_extended_register(Translator& t, Insn i)
{
    const std::optional<ir::Value> operand = extended_operand(t, i);
    if (!operand) return t.undefined();
    add_flags(t, i, t.reg_sp(i.rn(), i.sf()), *operand);
}

void subs_extended_register(Translator& t, Insn i)
{
    const std::optional<ir::Value> operand = extended_operand(t, i);
    if (!operand) return t.undefined();
    subtract_flags(t, i, t.reg_sp(i.rn(), i.sf()), *operand);
}

void adc(Translator& t, Insn i) { with_carry(t, i, false, false); }
void adcs(Translator& t, Insn i) { with_carry(t, i, false, true); }
void sbc(Translator& t, Insn i) { with_carry(t, i, true, false); }
void sbcs(Translator& t, Insn i) { with_carry(t, i, true, true); }

} // namespace insn
} // namespace gimbal::translator::aarch64
