// SPDX-License-Identifier: Apache-2.0
//
// Scalar floating-point arithmetic, rounding, comparison and selection (Arm ARM, "A64 instruction set encoding").
#include "engine/translator/frontend/aarch64/fp_helpers.hpp"

namespace gimbal::translator::aarch64 {
namespace {

using floating::begin_scalar;
using floating::Format;
using ir::FpOp;
using ir::FpRounding;
using ir::Value;

template <FpOp op>
void one_source(Translator& t, Insn i, ir::FpConversion conversion = {})
{
    const std::optional<Format> format = begin_scalar(t, i);
    if (!format) return;
    const Value a = t.scalar(i.rn(), format->type);
    constexpr bool has_immediate = op == FpOp::round_to_int;
    const u64 imm = has_immediate ? conversion.pack() : 0;
    t.set_scalar(i.rd(), t.ir.fp(op, format->type, format->bits, a, {}, {}, imm));
}

void round_to_int(Translator& t, Insn i, FpRounding rounding, bool exact = false)
{
    one_source<FpOp::round_to_int>(t, i, {.rounding = rounding, .exact = exact});
}

void two_sources(Translator& t, Insn i, FpOp op)
{
    const std::optional<Format> format = begin_scalar(t, i);
    if (!format) return;
    const Value a = t.scalar(i.rn(), format->type);
    const Value b = t.scalar(i.rm(), format->type);
    t.set_scalar(i.rd(), t.ir.fp(op, format->type, format->bits, a, b));
}

void three_sources(Translator& t, Insn i, FpOp op)
{
    const std::optional<Format> format = begin_scalar(t, i);
    if (!format) return;
    const Value a = t.scalar(i.rn(), format->type);
    const Value b = t.scalar(i.rm(), format->type);
    const Value c = t.scalar(i.ra(), format->type);
    t.set_scalar(i.rd(), t.ir.fp(op, format->type, format->bits, a, b, c));
}

enum class With : u8 { reg, zero };

void compare(Translator& t, Insn i, FpOp op, With with)
{
    const std::optional<Format> format = begin_scalar(t, i);
    if (!format) return;
    const Value a = t.scalar(i.rn(), format->type);
    const Value b = with == With::zero ? t.ir.constant(format->type, 0) : t.scalar(i.rm(), format->type);
    t.set_nzcv(t.ir.fp(op, ir::Type::nzcv, format->bits, a, b));
}

ir::Cond condition_field(Insn i) { return static_cast<ir::Cond>(i.field(12, 4)); }

/// If the condition is false there is no comparison, hence no floating-point flag: 0 is then compared with 0.
void conditional_compare(Translator& t, Insn i, FpOp op)
{
    const std::optional<Format> format = begin_scalar(t, i);
    if (!format) return;
    const Value condition = t.condition(condition_field(i));
    const Value zero = t.ir.constant(format->type, 0);
    const Value n = t.scalar(i.rn(), format->type);
    const Value m = t.scalar(i.rm(), format->type);
    const Value a = t.ir.select(condition, n, zero);
    const Value b = t.ir.select(condition, m, zero);
    const Value compared = t.ir.fp(op, ir::Type::nzcv, format->bits, a, b);
    const Value given = t.ir.constant(ir::Type::nzcv, u64{i.field(0, 4)} << 28);
    t.set_nzcv(t.ir.select(condition, compared, given));
}

} // namespace

namespace insn {

void fabs_scalar(Translator& t, Insn i) { one_source<FpOp::abs>(t, i); }
void fneg_scalar(Translator& t, Insn i) { one_source<FpOp::neg>(t, i); }
void fsqrt_scalar(Translator& t, Insn i) { one_source<FpOp::sqrt>(t, i); }

void fcvt(Translator& t, Insn i)
{
    const std::optional<Format> to = floating::decode_format(i.field(15, 2));
    const std::optional<Format> from = floating::decode_format(i.field(22, 2));
    if (!floating::begin(t, to && from && to->bits != from->bits)) return;
    const Value a = t.scalar(i.rn(), from->type);
    t.set_scalar(i.rd(), t.ir.fp(FpOp::convert, to->type, from->bits, a));
}

void frintn_scalar(Translator& t, Insn i) { round_to_int(t, i, FpRounding::nearest_even); }
void frintp_scalar(Translator& t, Insn i) { round_to_int(t, i, FpRounding::plus_inf); }
void frintm_scalar(Translator& t, Insn i) { round_to_int(t, i, FpRounding::minus_inf); }
void frintz_scalar(Translator& t, Insn i) { round_to_int(t, i, FpRounding::zero); }
void frinta_scalar(Translator& t, Insn i) { round_to_int(t, i, FpRounding::nearest_away); }
void frintx_scalar(Translator& t, Insn i) { round_to_int(t, i, FpRounding::current, true); }
void frinti_scalar(Translator& t, Insn i) { round_to_int(t, i, FpRounding::current); }

void fmul_scalar(Translator& t, Insn i) { two_sources(t, i, FpOp::mul); }
void fdiv_scalar(Translator& t, Insn i) { two_sources(t, i, FpOp::div); }
void fadd_scalar(Translator& t, Insn i) { two_sources(t, i, FpOp::add); }
void fsub_scalar(Translator& t, Insn i) { two_sources(t, i, FpOp::sub); }
void fmax_scalar(Translator& t, Insn i) { two_sources(t, i, FpOp::max); }
void fmin_scalar(Translator& t, Insn i) { two_sources(t, i, FpOp::min); }
void fmaxnm_scalar(Translator& t, Insn i) { two_sources(t, i, FpOp::maxnm); }
void fminnm_scalar(Translator& t, Insn i) { two_sources(t, i, FpOp::minnm); }
void fnmul_scalar(Translator& t, Insn i) { two_sources(t, i, FpOp::mul_neg); }

void fmadd(Translator& t, Insn i) { three_sources(t, i, FpOp::fma); }
void fmsub(Translator& t, Insn i) { three_sources(t, i, FpOp::fms); }
void fnmadd(Translator& t, Insn i) { three_sources(t, i, FpOp::fnma); }
void fnmsub(Translator& t, Insn i) { three_sources(t, i, FpOp::fnms); }

void fcmp(Translator& t, Insn i) { compare(t, i, FpOp::compare, With::reg); }
void fcmp_zero(Translator& t, Insn i) { compare(t, i, FpOp::compare, With::zero); }
void fcmpe(Translator& t, Insn i) { compare(t, i, FpOp::compare_signaling, With::reg); }
void fcmpe_zero(Translator& t, Insn i) { compare(t, i, FpOp::compare_signaling, With::zero); }
void fccmp(Translator& t, Insn i) { conditional_compare(t, i, FpOp::compare); }
void fccmpe(Translator& t, Insn i) { conditional_compare(t, i, FpOp::compare_signaling); }

void fcsel(Translator& t, Insn i)
{
    const std::optional<Format> format = begin_scalar(t, i);
    if (!format) return;
    const Value condition = t.condition(condition_field(i));
    const Value n = t.scalar(i.rn(), format->type);
    const Value m = t.scalar(i.rm(), format->type);
    t.set_scalar(i.rd(), t.ir.select(condition, n, m));
}

} // namespace insn
} // namespace gimbal::translator::aarch64
