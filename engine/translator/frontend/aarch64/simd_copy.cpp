// SPDX-License-Identifier: Apache-2.0
//
// Advanced SIMD copy, extract, permute, table lookup and modified immediate (Arm ARM, "A64 instruction set encoding").

#include <bit>

#include "engine/translator/frontend/aarch64/simd_common.hpp"

namespace gimbal::translator::aarch64 {
namespace {

using namespace simd;

/// Element size and index from imm5: its lowest set bit is the size, what is above it the index.
struct Element {
    unsigned size_log2{};
    unsigned index{};

    explicit Element(Insn insn)
        : size_log2(static_cast<unsigned>(std::countr_zero(insn.field(16, 5) | 0x20))),
          index(insn.field(16, 5) >> (size_log2 + 1))
    {
    }
    bool reserved() const { return size_log2 > 3; }
    unsigned bits() const { return 8U << size_log2; }
};

Value element_of(Translator& t, unsigned n, const Element& element)
{
    return t.ir.vec_element(ir::Type::i64, t.v(n), element.bits(), element.index);
}

void permute(Translator& t, Insn insn, VecOp op)
{
    const Shape shape = vector_shape(insn);
    if (refused(t, single_element(shape))) return;
    t.set_v(insn.rd(), t.ir.vec(op, shape.bits, shape.bytes, t.v(insn.rn()), t.v(insn.rm())));
}

/// Bytes of the one to four consecutive registers from Rn on; `result` has what an index beyond them leaves, or is
/// nothing: zero.
void table(Translator& t, Insn insn, Value result)
{
    const unsigned bytes = insn.q() ? 16 : 8;
    const unsigned registers = insn.field(13, 2) + 1;
    const Value index = t.v(insn.rm());
    for (unsigned i = 0; i < registers; ++i) {
        const Value part = t.v((insn.rn() + i) % 32);
        if (result.valid())
            result = t.ir.vec(VecOp::table_extend, 8, bytes, result, part, index, u64{i} * 16);
        else
            result = t.ir.vec(VecOp::table_lookup, 8, bytes, part, index);
    }
    t.set_v(insn.rd(), result);
}

// Modified immediate (AdvSIMDExpandImm)

u64 imm8(Insn insn) { return insn.field(16, 3) << 5 | insn.field(5, 5); }

u64 shifted_32(Insn insn) { return (imm8(insn) << (8 * insn.field(13, 2))) * 0x1'0000'0001; }
u64 shifted_16(Insn insn) { return (imm8(insn) << (8 * insn.field(13, 1))) * 0x1'0001'0001'0001; }
/// The shift brings in ones: "MSL".
u64 shifting_ones_32(Insn insn)
{
    const unsigned shift = 8 * (insn.field(12, 1) + 1);
    return (imm8(insn) << shift | low_mask(shift)) * 0x1'0000'0001;
}
/// Each bit of the immediate is a byte.
u64 byte_mask(Insn insn)
{
    u64 mask = 0;
    for (unsigned i = 0; i < 8; ++i)
        if (test_bit(imm8(insn), i)) mask |= u64{0xFF} << (8 * i);
    return mask;
}

Value immediate(Translator& t, Insn insn, u64 value)
{
    return t.ir.vec_duplicate(t.ir.i64c(value), 64, insn.q() ? 16 : 8);
}

void move(Translator& t, Insn insn, u64 value)
{
    if (!t.fp_trapped()) t.set_v(insn.rd(), immediate(t, insn, value));
}

void combine(Translator& t, Insn insn, VecOp op, u64 value)
{
    if (!t.fp_trapped())
        t.set_v(insn.rd(), t.ir.vec(op, 8, insn.q() ? 16 : 8, t.v(insn.rd()), immediate(t, insn, value)));
}

} // namespace

namespace insn {

void dup_element_vector(Translator& t, Insn insn)
{
    const Element element(insn);
    if (refused(t, element.reserved() || (element.size_log2 == 3 && !insn.q()))) return;
    t.set_v(insn.rd(), t.ir.vec_duplicate(element_of(t, insn.rn(), element), element.bits(), insn.q() ? 16 : 8));
}

void dup_element_scalar(Translator& t, Insn insn)
{
    const Element element(insn);
    if (refused(t, element.reserved())) return;
    t.set_v(insn.rd(), t.ir.vec_scalar(element_of(t, insn.rn(), element), element.bits()));
}

void dup_general(Translator& t, Insn insn)
{
    const Element element(insn);
    if (refused(t, element.reserved() || (element.size_log2 == 3 && !insn.q()))) return;
    t.set_v(insn.rd(), t.ir.vec_duplicate(t.x(insn.rn()), element.bits(), insn.q() ? 16 : 8));
}

void ins_element(Translator& t, Insn insn)
{
    const Element to(insn);
    if (refused(t, to.reserved())) return;
    const unsigned from = insn.field(11, 4) >> to.size_log2;
    const Value value = t.ir.vec_element(ir::Type::i64, t.v(insn.rn()), to.bits(), from);
    t.set_v(insn.rd(), t.ir.vec_insert(t.v(insn.rd()), value, to.bits(), to.index));
}

void ins_general(Translator& t, Insn insn)
{
    const Element to(insn);
    if (refused(t, to.reserved())) return;
    t.set_v(insn.rd(), t.ir.vec_insert(t.v(insn.rd()), t.x(insn.rn()), to.bits(), to.index));
}

void smov(Translator& t, Insn insn)
{
    const Element element(insn);
    if (refused(t, element.size_log2 > (insn.q() ? 2U : 1U))) return;
    const ir::Type type = insn.q() ? ir::Type::i64 : ir::Type::i32;
    const Value value = t.ir.vec_element(type, t.v(insn.rn()), element.bits(), element.index);
    t.set_reg(insn.rd(), t.ir.sext(type, value, element.bits()));
}

void umov(Translator& t, Insn insn)
{
    const Element element(insn);
    if (refused(t, insn.q() ? element.size_log2 != 3 : element.size_log2 > 2)) return;
    t.set_reg(insn.rd(), element_of(t, insn.rn(), element));
}

void ext(Translator& t, Insn insn)
{
    const unsigned first = insn.field(11, 4);
    if (refused(t, !insn.q() && first > 7)) return;
    t.set_v(insn.rd(), t.ir.vec(VecOp::extract, 8, insn.q() ? 16 : 8, t.v(insn.rn()), t.v(insn.rm()), {}, first));
}

void uzp1(Translator& t, Insn insn) { permute(t, insn, VecOp::unzip_even); }
void uzp2(Translator& t, Insn insn) { permute(t, insn, VecOp::unzip_odd); }
void zip1(Translator& t, Insn insn) { permute(t, insn, VecOp::zip_low); }
void zip2(Translator& t, Insn insn) { permute(t, insn, VecOp::zip_high); }
void trn1(Translator& t, Insn insn) { permute(t, insn, VecOp::transpose_even); }
void trn2(Translator& t, Insn insn) { permute(t, insn, VecOp::transpose_odd); }

void tbl(Translator& t, Insn insn)
{
    if (!t.fp_trapped()) table(t, insn, {});
}

void tbx(Translator& t, Insn insn)
{
    if (!t.fp_trapped()) table(t, insn, t.v(insn.rd()));
}

void movi_8(Translator& t, Insn insn) { move(t, insn, imm8(insn) * 0x0101'0101'0101'0101); }
void movi_shifted_16(Translator& t, Insn insn) { move(t, insn, shifted_16(insn)); }
void movi_shifted_32(Translator& t, Insn insn) { move(t, insn, shifted_32(insn)); }
void movi_shifting_ones_32(Translator& t, Insn insn) { move(t, insn, shifting_ones_32(insn)); }
void movi_64_scalar(Translator& t, Insn insn) { move(t, insn, byte_mask(insn)); }
void movi_64_vector(Translator& t, Insn insn) { move(t, insn, byte_mask(insn)); }
void mvni_shifted_16(Translator& t, Insn insn) { move(t, insn, ~shifted_16(insn)); }
void mvni_shifted_32(Translator& t, Insn insn) { move(t, insn, ~shifted_32(insn)); }
void mvni_shifting_ones_32(Translator& t, Insn insn) { move(t, insn, ~shifting_ones_32(insn)); }
void orr_immediate_vector_16(Translator& t, Insn insn) { combine(t, insn, VecOp::or_, shifted_16(insn)); }
void orr_immediate_vector_32(Translator& t, Insn insn) { combine(t, insn, VecOp::or_, shifted_32(insn)); }
void bic_immediate_vector_16(Translator& t, Insn insn) { combine(t, insn, VecOp::and_not, shifted_16(insn)); }
void bic_immediate_vector_32(Translator& t, Insn insn) { combine(t, insn, VecOp::and_not, shifted_32(insn)); }

} // namespace insn
} // namespace gimbal::translator::aarch64
