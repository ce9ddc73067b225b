// SPDX-License-Identifier: Apache-2.0
//
// Data processing, register: one, two and three sources (Arm ARM, "A64 instruction set encoding").
#include "engine/translator/frontend/aarch64/insn_helpers.hpp"
#include "engine/translator/frontend/aarch64/instructions.hpp"

namespace gimbal::translator::aarch64 {
namespace {

using BinaryOp = ir::Value (ir::Builder::*)(ir::Value, ir::Value);

void two_source(Translator& t, Insn i, BinaryOp op)
{
    const ir::Value n = t.reg(i.rn(), i.sf());
    const ir::Value m = t.reg(i.rm(), i.sf());
    t.set_reg(i.rd(), (t.ir.*op)(n, m));
}

/// The polynomial and the data's size are in the opcode field: C in bit 12, sz in 11:10.
void crc32(Translator& t, Insn i)
{
    const unsigned size_log2 = i.field(10, 2);
    const ir::Value accumulator = t.w(i.rn());
    const ir::Value data = t.reg(i.rm(), size_log2 == 3);
    t.set_reg(i.rd(), t.ir.crc32(accumulator, data, 1U << size_log2, i.test(12)));
}

void accumulate(Translator& t, Insn i, bool is_64, ir::Value product, bool subtract)
{
    if (subtract)
        t.set_reg(i.rd(), t.ir.sub(t.reg(i.ra(), is_64), product));
    else
        t.set_reg(i.rd(), i.ra() == 31 ? product : t.ir.add(t.reg(i.ra(), is_64), product));
}

ir::Value product(Translator& t, Insn i)
{
    const ir::Value n = t.reg(i.rn(), i.sf());
    const ir::Value m = t.reg(i.rm(), i.sf());
    return t.ir.mul(n, m);
}

ir::Value product_signed(Translator& t, Insn i)
{
    const ir::Value n = t.ir.sext(ir::Type::i64, t.w(i.rn()), 32);
    const ir::Value m = t.ir.sext(ir::Type::i64, t.w(i.rm()), 32);
    return t.ir.mul(n, m);
}

ir::Value product_unsigned(Translator& t, Insn i)
{
    const ir::Value n = t.ir.zext(ir::Type::i64, t.w(i.rn()), 32);
    const ir::Value m = t.ir.zext(ir::Type::i64, t.w(i.rm()), 32);
    return t.ir.mul(n, m);
}

void high_half(Translator& t, Insn i, BinaryOp op)
{
    const ir::Value n = t.x(i.rn());
    const ir::Value m = t.x(i.rm());
    t.set_reg(i.rd(), (t.ir.*op)(n, m));
}

} // namespace

namespace insn {

void rbit(Translator& t, Insn i) { t.set_reg(i.rd(), t.ir.bit_reverse(t.reg(i.rn(), i.sf()))); }
void rev16(Translator& t, Insn i) { t.set_reg(i.rd(), t.ir.byte_swap(t.reg(i.rn(), i.sf()), 2)); }
void rev_w(Translator& t, Insn i) { t.set_reg(i.rd(), t.ir.byte_swap(t.w(i.rn()), 4)); }
void rev32(Translator& t, Insn i) { t.set_reg(i.rd(), t.ir.byte_swap(t.x(i.rn()), 4)); }
void rev_x(Translator& t, Insn i) { t.set_reg(i.rd(), t.ir.byte_swap(t.x(i.rn()), 8)); }
void clz(Translator& t, Insn i) { t.set_reg(i.rd(), t.ir.clz(t.reg(i.rn(), i.sf()))); }
void cls(Translator& t, Insn i) { t.set_reg(i.rd(), t.ir.cls(t.reg(i.rn(), i.sf()))); }

void udiv(Translator& t, Insn i) { two_source(t, i, &ir::Builder::div_u); }
void sdiv(Translator& t, Insn i) { two_source(t, i, &ir::Builder::div_s); }
void lslv(Translator& t, Insn i) { two_source(t, i, &ir::Builder::shl); }
void lsrv(Translator& t, Insn i) { two_source(t, i, &ir::Builder::shr_u); }
void asrv(Translator& t, Insn i) { two_source(t, i, &ir::Builder::shr_s); }
void rorv(Translator& t, Insn i) { two_source(t, i, &ir::Builder::rotr); }

void crc32b(Translator& t, Insn i) { crc32(t, i); }
void crc32h(Translator& t, Insn i) { crc32(t, i); }
void crc32w(Translator& t, Insn i) { crc32(t, i); }
void crc32x(Translator& t, Insn i) { crc32(t, i); }
void crc32cb(Translator& t, Insn i) { crc32(t, i); }
void crc32ch(Translator& t, Insn i) { crc32(t, i); }
void crc32cw(Translator& t, Insn i) { crc32(t, i); }
void crc32cx(Translator& t, Insn i) { crc32(t, i); }

void madd(Translator& t, Insn i) { accumulate(t, i, i.sf(), product(t, i), false); }
void msub(Translator& t, Insn i) { accumulate(t, i, i.sf(), product(t, i), true); }
void smaddl(Translator& t, Insn i) { accumulate(t, i, true, product_signed(t, i), false); }
void smsubl(Translator& t, Insn i) { accumulate(t, i, true, product_signed(t, i), true); }
void umaddl(Translator& t, Insn i) { accumulate(t, i, true, product_unsigned(t, i), false); }
void umsubl(Translator& t, Insn i) { accumulate(t, i, true, product_unsigned(t, i), true); }
void smulh(Translator& t, Insn i) { high_half(t, i, &ir::Builder::mul_high_s); }
void umulh(Translator& t, Insn i) { high_half(t, i, &ir::Builder::mul_high_u); }

} // namespace insn
} // namespace gimbal::translator::aarch64
