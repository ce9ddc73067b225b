// SPDX-License-Identifier: Apache-2.0
//
// Conversions between floating-point and general registers (Arm ARM, "A64 instruction set encoding").
#include "engine/translator/frontend/aarch64/fp_helpers.hpp"
#include "engine/translator/frontend/aarch64/insn_helpers.hpp"

namespace gimbal::translator::aarch64 {
namespace {

using floating::begin_scalar;
using floating::Format;
using ir::FpOp;
using ir::FpRounding;
using ir::Value;

void to_general(Translator& t, Insn i, FpOp op, FpRounding rounding, unsigned fraction_bits = 0)
{
    const std::optional<Format> format = begin_scalar(t, i);
    if (!format) return;
    const ir::FpConversion conversion{.rounding = rounding, .fraction_bits = static_cast<u8>(fraction_bits)};
    const Value a = t.scalar(i.rn(), format->type);
    t.set_reg(i.rd(), t.ir.fp(op, integer_type(i.sf()), format->bits, a, {}, {}, conversion.pack()));
}

void from_general(Translator& t, Insn i, FpOp op, unsigned fraction_bits = 0)
{
    const std::optional<Format> format = begin_scalar(t, i);
    if (!format) return;
    const ir::FpConversion conversion{.fraction_bits = static_cast<u8>(fraction_bits)};
    const Value a = t.reg(i.rn(), i.sf());
    t.set_scalar(i.rd(), t.ir.fp(op, format->type, i.sf() ? 64 : 32, a, {}, {}, conversion.pack()));
}

unsigned fraction_bits_field(Insn i) { return 64 - i.field(10, 6); }

/// A fixed-point number has no more fraction bits than bits.
bool fits(Insn i) { return i.sf() || fraction_bits_field(i) <= 32; }

void to_fixed(Translator& t, Insn i, FpOp op)
{
    if (!fits(i)) return t.undefined();
    to_general(t, i, op, FpRounding::zero, fraction_bits_field(i));
}

void from_fixed(Translator& t, Insn i, FpOp op)
{
    if (!fits(i)) return t.undefined();
    from_general(t, i, op, fraction_bits_field(i));
}

} // namespace

namespace insn {

void fcvtns_scalar(Translator& t, Insn i) { to_general(t, i, FpOp::to_int_s, FpRounding::nearest_even); }
void fcvtnu_scalar(Translator& t, Insn i) { to_general(t, i, FpOp::to_int_u, FpRounding::nearest_even); }
void fcvtas_scalar(Translator& t, Insn i) { to_general(t, i, FpOp::to_int_s, FpRounding::nearest_away); }
void fcvtau_scalar(Translator& t, Insn i) { to_general(t, i, FpOp::to_int_u, FpRounding::nearest_away); }
void fcvtps_scalar(Translator& t, Insn i) { to_general(t, i, FpOp::to_int_s, FpRounding::plus_inf); }
void fcvtpu_scalar(Translator& t, Insn i) { to_general(t, i, FpOp::to_int_u, FpRounding::plus_inf); }
void fcvtms_scalar(Translator& t, Insn i) { to_general(t, i, FpOp::to_int_s, FpRounding::minus_inf); }
void fcvtmu_scalar(Translator& t, Insn i) { to_general(t, i, FpOp::to_int_u, FpRounding::minus_inf); }
void fcvtzs_scalar_integer(Translator& t, Insn i) { to_general(t, i, FpOp::to_int_s, FpRounding::zero); }
void fcvtzu_scalar_integer(Translator& t, Insn i) { to_general(t, i, FpOp::to_int_u, FpRounding::zero); }
void scvtf_scalar_integer(Translator& t, Insn i) { from_general(t, i, FpOp::from_int_s); }
void ucvtf_scalar_integer(Translator& t, Insn i) { from_general(t, i, FpOp::from_int_u); }

void fcvtzs_scalar_fixed(Translator& t, Insn i) { to_fixed(t, i, FpOp::to_int_s); }
void fcvtzu_scalar_fixed(Translator& t, Insn i) { to_fixed(t, i, FpOp::to_int_u); }
void scvtf_scalar_fixed(Translator& t, Insn i) { from_fixed(t, i, FpOp::from_int_s); }
void ucvtf_scalar_fixed(Translator& t, Insn i) { from_fixed(t, i, FpOp::from_int_u); }

void fjcvtzs(Translator& t, Insn i)
{
    if (t.fp_trapped()) return;
    const Value a = t.scalar(i.rn(), ir::Type::f64);
    const Value result = t.ir.fp(FpOp::to_int_modulo, ir::Type::i32, 64, a);
    const Value flags = t.ir.fp(FpOp::to_int_is_exact, ir::Type::nzcv, 64, a);
    t.set_reg(i.rd(), result);
    t.set_nzcv(flags);
}

} // namespace insn
} // namespace gimbal::translator::aarch64
