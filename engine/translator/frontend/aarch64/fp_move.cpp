// SPDX-License-Identifier: Apache-2.0
//
// FMOV in all its forms (Arm ARM, "A64 instruction set encoding").
#include "engine/translator/frontend/aarch64/fp_helpers.hpp"
#include "engine/translator/frontend/aarch64/insn_helpers.hpp"

namespace gimbal::translator::aarch64 {
namespace {

using floating::begin;
using floating::begin_scalar;
using floating::Format;
using ir::Type;
using ir::Value;

/// The integer type of what FMOV moves to or from a general register; nothing if the encoding is reserved.
std::optional<Type> moved_type(Insn i)
{
    const std::optional<Format> format = floating::decode_format(i.field(22, 2));
    if (!format) return {};
    if (format->bits == 16) return Type::i16;
    if (format->bits != (i.sf() ? 64u : 32u)) return {};
    return integer_type(i.sf());
}

constexpr usize upper_half(unsigned n) { return Translator::vector_offset(n) + 8; }

/// A vector of copies of the number that the instruction gives.
void move_immediate(Translator& t, Insn i, unsigned element_bits)
{
    if (t.fp_trapped()) return;
    u64 pattern = floating::expand_immediate(i.field(16, 3) << 5 | i.field(5, 5), element_bits);
    for (unsigned bits = element_bits; bits < 64; bits *= 2) pattern |= pattern << bits;
    const Value doubleword = t.ir.i64c(pattern);
    t.set_v(i.rd(), t.ir.vec_duplicate(doubleword, 64, i.q() ? 16 : 8));
}

} // namespace

namespace insn {

void fmov_register(Translator& t, Insn i)
{
    const std::optional<Format> format = begin_scalar(t, i);
    if (format) t.set_scalar(i.rd(), t.scalar(i.rn(), format->type));
}

void fmov_immediate_scalar(Translator& t, Insn i)
{
    const std::optional<Format> format = begin_scalar(t, i);
    if (!format) return;
    const u64 value = floating::expand_immediate(i.field(13, 8), format->bits);
    t.set_scalar(i.rd(), t.ir.constant(format->type, value));
}

void fmov_to_general(Translator& t, Insn i)
{
    const std::optional<Type> type = moved_type(i);
    if (begin(t, type.has_value())) t.set_reg(i.rd(), t.scalar(i.rn(), *type));
}

void fmov_from_general(Translator& t, Insn i)
{
    const std::optional<Type> type = moved_type(i);
    if (begin(t, type.has_value())) t.set_scalar(i.rd(), low_bits(t, i.rn(), *type));
}

void fmov_upper_to_general(Translator& t, Insn i)
{
    if (!t.fp_trapped()) t.set_reg(i.rd(), t.ir.read(Type::i64, upper_half(i.rn())));
}

void fmov_upper_from_general(Translator& t, Insn i)
{
    if (!t.fp_trapped()) t.ir.write(upper_half(i.rd()), t.x(i.rn()));
}

void fmov_immediate_vector(Translator& t, Insn i) { move_immediate(t, i, 32); }
void fmov_immediate_vector_half(Translator& t, Insn i) { move_immediate(t, i, 16); }
void fmov_immediate_vector_double(Translator& t, Insn i) { move_immediate(t, i, 64); }

} // namespace insn
} // namespace gimbal::translator::aarch64
