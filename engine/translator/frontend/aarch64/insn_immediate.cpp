// SPDX-License-Identifier: Apache-2.0
//
// Data processing, immediate (Arm ARM, "A64 instruction set encoding").
#include "engine/translator/frontend/aarch64/insn_helpers.hpp"
#include "engine/translator/frontend/aarch64/instructions.hpp"

namespace gimbal::translator::aarch64 {
namespace {

i64 adr_displacement(Insn i) { return i.signed_field(5, 19) * 4 + i.field(29, 2); }

u64 arithmetic_immediate(Insn i) { return u64{i.field(10, 12)} << (i.test(22) ? 12 : 0); }

void add_or_subtract(Translator& t, Insn i, bool subtract)
{
    const u64 imm = arithmetic_immediate(i);
    const ir::Value base = t.reg_sp(i.rn(), i.sf());
    if (imm == 0) return t.set_reg_sp(i.rd(), base);
    const ir::Value operand = t.ir.constant(integer_type(i.sf()), imm);
    const ir::Value result = subtract ? t.ir.sub(base, operand) : t.ir.add(base, operand);
    if (i.rn() == i.rd() && i.sf())
        t.move_base(i.rd(), result, static_cast<i64>(imm));
    else
        t.set_reg_sp(i.rd(), result);
}

void add_or_subtract_flags(Translator& t, Insn i, bool subtract)
{
    const ir::Value base = t.reg_sp(i.rn(), i.sf());
    const ir::Value operand = t.ir.constant(integer_type(i.sf()), arithmetic_immediate(i));
    const ir::Value flags = subtract ? t.ir.nzcv_sub(base, operand) : t.ir.nzcv_add(base, operand);
    if (i.rd() != 31) t.set_reg(i.rd(), subtract ? t.ir.sub(base, operand) : t.ir.add(base, operand));
    t.set_nzcv(flags);
}

std::optional<ir::Value> logical_immediate(Translator& t, Insn i)
{
    if (!i.sf() && i.test(22)) return {};
    const std::optional<u64> mask = decode_bit_mask(i.test(22), i.field(10, 6), i.field(16, 6));
    if (!mask) return {};
    return t.ir.constant(integer_type(i.sf()), i.sf() ? *mask : *mask & low_mask(32));
}

/// MOVN, MOVZ and MOVK's shift in bits; nothing if it is reserved.
std::optional<unsigned> move_shift(Insn i)
{
    const unsigned hw = i.field(21, 2);
    if (!i.sf() && hw >= 2) return {};
    return hw * 16;
}

/// The fields of SBFM, BFM and UBFM.
struct Bitfield {
    unsigned width;    ///< Of the registers.
    unsigned rotation; ///< immr
    unsigned top;      ///< imms

    /// An extract takes bits [top:rotation] to bit 0; otherwise bits [top:0] go up to bit `position`.
    bool is_extract() const { return top >= rotation; }
    unsigned length() const { return is_extract() ? top - rotation + 1 : top + 1; }
    unsigned position() const { return width - rotation; }
};

std::optional<Bitfield> bitfield(Insn i)
{
    const Bitfield result{i.sf() ? 64U : 32U, i.field(16, 6), i.field(10, 6)};
    if (i.test(22) != i.sf() || result.rotation >= result.width || result.top >= result.width) return {};
    return result;
}

} // namespace

namespace insn {

void adr(Translator& t, Insn i)
{
    t.set_reg(i.rd(), t.ir.add_imm(t.ir.pc_page(), static_cast<u64>(t.offset() + adr_displacement(i))));
}

void adrp(Translator& t, Insn i)
{
    // The 4 KiB page that the block is in is the page that ADRP counts from.
    t.set_reg(i.rd(), t.ir.add_imm(t.ir.pc_page(), static_cast<u64>(adr_displacement(i)) << 12));
}

void add_immediate(Translator& t, Insn i) { add_or_subtract(t, i, false); }
void sub_immediate(Translator& t, Insn i) { add_or_subtract(t, i, true); }
void adds_immediate(Translator& t, Insn i) { add_or_subtract_flags(t, i, false); }
void subs_immediate(Translator& t, Insn i) { add_or_subtract_flags(t, i, true); }

void and_immediate(Translator& t, Insn i)
{
    const std::optional<ir::Value> mask = logical_immediate(t, i);
    if (!mask) return t.undefined();
    t.set_reg_sp(i.rd(), t.ir.and_(t.reg(i.rn(), i.sf()), *mask));
}

void orr_immediate(Translator& t, Insn i)
{
    const std::optional<ir::Value> mask = logical_immediate(t, i);
    if (!mask) return t.undefined();
    t.set_reg_sp(i.rd(), i.rn() == 31 ? *mask : t.ir.or_(t.reg(i.rn(), i.sf()), *mask));
}

void eor_immediate(Translator& t, Insn i)
{
    const std::optional<ir::Value> mask = logical_immediate(t, i);
    if (!mask) return t.undefined();
    t.set_reg_sp(i.rd(), t.ir.xor_(t.reg(i.rn(), i.sf()), *mask));
}

void ands_immediate(Translator& t, Insn i)
{
    const std::optional<ir::Value> mask = logical_immediate(t, i);
    if (!mask) return t.undefined();
    const ir::Value result = t.ir.and_(t.reg(i.rn(), i.sf()), *mask);
    const ir::Value flags = t.ir.nzcv_logic(result);
    t.set_reg(i.rd(), result);
    t.set_nzcv(flags);
}

void movn(Translator& t, Insn i)
{
    const std::optional<unsigned> shift = move_shift(i);
    if (!shift) return t.undefined();
    const u64 value = ~(u64{i.field(5, 16)} << *shift);
    t.set_reg(i.rd(), t.ir.i64c(i.sf() ? value : value & low_mask(32)));
}

void movz(Translator& t, Insn i)
{
    const std::optional<unsigned> shift = move_shift(i);
    if (!shift) return t.undefined();
    t.set_reg(i.rd(), t.ir.i64c(u64{i.field(5, 16)} << *shift));
}

void movk(Translator& t, Insn i)
{
    const std::optional<unsigned> shift = move_shift(i);
    if (!shift) return t.undefined();
    const ir::Value old = t.reg(i.rd(), i.sf());
    const ir::Value imm = t.ir.constant(integer_type(i.sf()), i.field(5, 16));
    t.set_reg(i.rd(), t.ir.deposit(old, imm, *shift, 16));
}

void sbfm(Translator& t, Insn i)
{
    const std::optional<Bitfield> f = bitfield(i);
    if (!f) return t.undefined();
    const ir::Value source = t.reg(i.rn(), i.sf());
    if (f->is_extract()) return t.set_reg(i.rd(), t.ir.extract_s(source, f->rotation, f->length()));
    const ir::Value field = t.ir.extract_s(source, 0, f->length());
    t.set_reg(i.rd(), shift_left(t, field, f->position()));
}

void ubfm(Translator& t, Insn i)
{
    const std::optional<Bitfield> f = bitfield(i);
    if (!f) return t.undefined();
    const ir::Value source = t.reg(i.rn(), i.sf());
    if (f->is_extract()) return t.set_reg(i.rd(), t.ir.extract_u(source, f->rotation, f->length()));
    // LSL's field ends at the top of the register: the shift alone drops what is above it.
    const bool is_lsl = f->length() + f->position() == f->width;
    const ir::Value field = is_lsl ? source : t.ir.extract_u(source, 0, f->length());
    t.set_reg(i.rd(), shift_left(t, field, f->position()));
}

void bfm(Translator& t, Insn i)
{
    const std::optional<Bitfield> f = bitfield(i);
    if (!f) return t.undefined();
    const ir::Value into = t.reg(i.rd(), i.sf());
    ir::Value source = t.reg(i.rn(), i.sf());
    if (f->is_extract() && f->rotation != 0) source = shift_right(t, source, f->rotation);
    t.set_reg(i.rd(), t.ir.deposit(into, source, f->is_extract() ? 0 : f->position(), f->length()));
}

void extr(Translator& t, Insn i)
{
    const unsigned lsb = i.field(10, 6);
    if (i.test(22) != i.sf() || (!i.sf() && lsb >= 32)) return t.undefined();
    const ir::Value low = t.reg(i.rm(), i.sf());
    t.set_reg(i.rd(), lsb == 0 ? low : t.ir.funnel_shr(t.reg(i.rn(), i.sf()), low, lsb));
}

} // namespace insn
} // namespace gimbal::translator::aarch64
