// SPDX-License-Identifier: Apache-2.0
//
// Advanced SIMD conversion and rounding of floating-point numbers (Arm ARM, "A64 instruction set encoding").
#include "engine/translator/frontend/aarch64/fp_helpers.hpp"

namespace gimbal::translator::aarch64 {
namespace {

using floating::begin;
using floating::Shape;
using ir::FpConversion;
using ir::FpRounding;
using ir::Value;
using ir::VecOp;

void convert(Translator& t, Insn i, Shape shape, VecOp op, FpConversion conversion)
{
    if (!begin(t, shape)) return;
    const Value a = t.v(i.rn());
    t.set_v(i.rd(), t.ir.vec(op, shape.element_bits, shape.bytes, a, {}, {}, conversion.pack()));
}

void round_to_int(Translator& t, Insn i, Shape shape, FpRounding rounding, bool exact = false)
{
    convert(t, i, shape, VecOp::fp_round_to_int, {.rounding = rounding, .exact = exact});
}

void to_signed(Translator& t, Insn i, Shape shape, FpRounding rounding)
{
    convert(t, i, shape, VecOp::fp_to_int_s, {.rounding = rounding});
}

void to_unsigned(Translator& t, Insn i, Shape shape, FpRounding rounding)
{
    convert(t, i, shape, VecOp::fp_to_int_u, {.rounding = rounding});
}

void from_int(Translator& t, Insn i, Shape shape, VecOp op) { convert(t, i, shape, op, {}); }

/// The highest bit set in immh tells the element size; there is no format of 8 bits.
unsigned fixed_element_bits(Insn i)
{
    const u32 immh = i.field(19, 4);
    return immh >= 8 ? 64 : immh >= 4 ? 32 : immh >= 2 ? 16 : 0;
}

void convert_fixed(Translator& t, Insn i, Shape shape, VecOp op)
{
    // The element size in immh:immb counts down from twice the element's bits.
    const unsigned fraction_bits = 2 * shape.element_bits - i.field(16, 7);
    convert(t, i, shape, op, {.rounding = FpRounding::zero, .fraction_bits = static_cast<u8>(fraction_bits)});
}

void vector_fixed(Translator& t, Insn i, VecOp op)
{
    const unsigned bits = fixed_element_bits(i);
    const bool allocated = bits != 0 && (bits != 64 || i.q());
    convert_fixed(t, i, {bits, allocated ? (i.q() ? 16u : 8) : 0}, op);
}

void simd_fixed(Translator& t, Insn i, VecOp op)
{
    const unsigned bits = fixed_element_bits(i);
    convert_fixed(t, i, {bits, bits / 8, true}, op);
}

/// To half the width, into the lower half of Vd, or with Q the upper half and the lower stays.
void narrow(Translator& t, Insn i, FpRounding rounding)
{
    if (t.fp_trapped()) return;
    const FpConversion conversion{.rounding = rounding};
    const Value a = t.v(i.rn());
    const Value result = t.ir.vec(VecOp::fp_narrow, i.test(22) ? 32 : 16, 8, a, {}, {}, conversion.pack());
    if (!i.q()) return t.set_v(i.rd(), result);
    const Value low = t.scalar(i.rd(), ir::Type::i64);
    const Value high = t.ir.vec_element(ir::Type::i64, result, 64, 0);
    t.set_v(i.rd(), t.ir.vec_from_halves(low, high));
}

} // namespace

namespace insn {

GIMBAL_FP_VECTOR(frintn, round_to_int, FpRounding::nearest_even)
GIMBAL_FP_VECTOR(frintp, round_to_int, FpRounding::plus_inf)
GIMBAL_FP_VECTOR(frintm, round_to_int, FpRounding::minus_inf)
GIMBAL_FP_VECTOR(frintz, round_to_int, FpRounding::zero)
GIMBAL_FP_VECTOR(frinta, round_to_int, FpRounding::nearest_away)
GIMBAL_FP_VECTOR(frintx, round_to_int, FpRounding::current, true)
GIMBAL_FP_VECTOR(frinti, round_to_int, FpRounding::current)

GIMBAL_FP_VECTOR_AND_SIMD(fcvtns, to_signed, FpRounding::nearest_even)
GIMBAL_FP_VECTOR_AND_SIMD(fcvtps, to_signed, FpRounding::plus_inf)
GIMBAL_FP_VECTOR_AND_SIMD(fcvtms, to_signed, FpRounding::minus_inf)
GIMBAL_FP_VECTOR_AND_SIMD(fcvtzs_integer, to_signed, FpRounding::zero)
GIMBAL_FP_VECTOR_AND_SIMD(fcvtas, to_signed, FpRounding::nearest_away)
GIMBAL_FP_VECTOR_AND_SIMD(fcvtnu, to_unsigned, FpRounding::nearest_even)
GIMBAL_FP_VECTOR_AND_SIMD(fcvtpu, to_unsigned, FpRounding::plus_inf)
GIMBAL_FP_VECTOR_AND_SIMD(fcvtmu, to_unsigned, FpRounding::minus_inf)
GIMBAL_FP_VECTOR_AND_SIMD(fcvtzu_integer, to_unsigned, FpRounding::zero)
GIMBAL_FP_VECTOR_AND_SIMD(fcvtau, to_unsigned, FpRounding::nearest_away)
GIMBAL_FP_VECTOR_AND_SIMD(scvtf_integer, from_int, VecOp::fp_from_int_s)
GIMBAL_FP_VECTOR_AND_SIMD(ucvtf_integer, from_int, VecOp::fp_from_int_u)

void fcvtzs_fixed_vector(Translator& t, Insn i) { vector_fixed(t, i, VecOp::fp_to_int_s); }
void fcvtzu_fixed_vector(Translator& t, Insn i) { vector_fixed(t, i, VecOp::fp_to_int_u); }
void scvtf_fixed_vector(Translator& t, Insn i) { vector_fixed(t, i, VecOp::fp_from_int_s); }
void ucvtf_fixed_vector(Translator& t, Insn i) { vector_fixed(t, i, VecOp::fp_from_int_u); }
void fcvtzs_fixed_simd(Translator& t, Insn i) { simd_fixed(t, i, VecOp::fp_to_int_s); }
void fcvtzu_fixed_simd(Translator& t, Insn i) { simd_fixed(t, i, VecOp::fp_to_int_u); }
void scvtf_fixed_simd(Translator& t, Insn i) { simd_fixed(t, i, VecOp::fp_from_int_s); }
void ucvtf_fixed_simd(Translator& t, Insn i) { simd_fixed(t, i, VecOp::fp_from_int_u); }

void fcvtn(Translator& t, Insn i) { narrow(t, i, FpRounding::current); }
void fcvtxn_vector(Translator& t, Insn i) { narrow(t, i, FpRounding::odd); }
void fcvtxn_simd(Translator& t, Insn i)
{
    convert(t, i, {32, 4, true}, VecOp::fp_narrow, {.rounding = FpRounding::odd});
}

void fcvtl(Translator& t, Insn i)
{
    if (t.fp_trapped()) return;
    const Value a = t.v(i.rn());
    t.set_v(i.rd(), t.ir.vec(VecOp::fp_widen, i.test(22) ? 32 : 16, 16, a, {}, {}, i.q() ? 1 : 0));
}

} // namespace insn
} // namespace gimbal::translator::aarch64
