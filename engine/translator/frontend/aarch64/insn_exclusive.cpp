// SPDX-License-Identifier: Apache-2.0
//
// Exclusive and ordered loads and stores (Arm ARM, "A64 instruction set encoding").
//
// CONSTRAINED UNPREDICTABLE: STXR and STXP with Rs the same as Rt, Rt2 or Rn use those registers' old values; LDXP with
// Rt == Rt2 leaves the second value there.
#include "engine/translator/frontend/aarch64/insn_helpers.hpp"
#include "engine/translator/frontend/aarch64/instructions.hpp"

namespace gimbal::translator::aarch64 {
namespace {

unsigned size_log2_field(Insn i) { return i.field(30, 2); }

/// Without FEAT_LSE2 every ordered or exclusive access must be aligned, whatever SCTLR_ELx.A says.
ir::MemOp aligned(const Translator& t, unsigned size_log2, ir::Order order)
{
    ir::MemOp op = t.mem(size_log2, order);
    op.align = ir::Align::natural;
    return op;
}

void load_exclusive(Translator& t, Insn i, ir::Order order)
{
    const unsigned size_log2 = size_log2_field(i);
    const ir::Value address = t.base_address(i.rn());
    t.set_reg(i.rt(), t.ir.load_exclusive(integer_type_of(size_log2), address, aligned(t, size_log2, order)));
}

void store_exclusive(Translator& t, Insn i, ir::Order order)
{
    const unsigned size_log2 = size_log2_field(i);
    const ir::Value address = t.base_address(i.rn());
    const ir::Value value = low_bits(t, i.rt(), integer_type_of(size_log2));
    t.set_reg(i.rs(), t.ir.store_exclusive(address, value, aligned(t, size_log2, order)));
}

bool pair_of_words(Insn i) { return !i.test(30); }

void load_exclusive_pair(Translator& t, Insn i, ir::Order order)
{
    const unsigned size_log2 = pair_of_words(i) ? 3 : 4;
    const ir::Value address = t.base_address(i.rn());
    const ir::MemOp op = pair_access(t, size_log2, order);
    const ir::Value both = t.ir.load_exclusive(integer_type_of(size_log2), address, op);
    set_pair(t, i.rt(), i.rt2(), both);
}

void store_exclusive_pair(Translator& t, Insn i, ir::Order order)
{
    const unsigned size_log2 = pair_of_words(i) ? 3 : 4;
    const ir::Value address = t.base_address(i.rn());
    const ir::Value both = join_pair(t, i.rt(), i.rt2(), size_log2);
    t.set_reg(i.rs(), t.ir.store_exclusive(address, both, pair_access(t, size_log2, order)));
}

void load_ordered(Translator& t, Insn i, ir::Order order)
{
    const unsigned size_log2 = size_log2_field(i);
    const ir::Value address = t.base_address(i.rn());
    t.set_reg(i.rt(), t.ir.load(ir::Type::i64, address, aligned(t, size_log2, order)));
}

void store_release(Translator& t, Insn i)
{
    const unsigned size_log2 = size_log2_field(i);
    const ir::Value address = t.base_address(i.rn());
    t.ir.store(address, low_bits(t, i.rt(), integer_type_of(size_log2)), aligned(t, size_log2, ir::Order::release));
}

ir::Value unscaled_address(Translator& t, Insn i)
{
    return t.ir.add_imm(t.base_address(i.rn()), static_cast<u64>(i.signed_field(12, 9)));
}

void load_unscaled(Translator& t, Insn i)
{
    const ir::MemOp op = aligned(t, size_log2_field(i), ir::Order::acquire_pc);
    t.set_reg(i.rt(), t.ir.load(ir::Type::i64, unscaled_address(t, i), op));
}

void load_unscaled_signed(Translator& t, Insn i)
{
    const ir::MemOp op = aligned(t, size_log2_field(i), ir::Order::acquire_pc);
    const ir::Type type = integer_type(!i.test(22));
    t.set_reg(i.rt(), t.ir.sext(type, t.ir.load(type, unscaled_address(t, i), op), op.size() * 8));
}

void store_unscaled(Translator& t, Insn i)
{
    const unsigned size_log2 = size_log2_field(i);
    const ir::Value address = unscaled_address(t, i);
    t.ir.store(address, low_bits(t, i.rt(), integer_type_of(size_log2)), aligned(t, size_log2, ir::Order::release));
}

} // namespace

namespace insn {

void ldxrb(Translator& t, Insn i) { load_exclusive(t, i, ir::Order::plain); }
void ldxrh(Translator& t, Insn i) { load_exclusive(t, i, ir::Order::plain); }
void ldxr(Translator& t, Insn i) { load_exclusive(t, i, ir::Order::plain); }
void ldaxrb(Translator& t, Insn i) { load_exclusive(t, i, ir::Order::acquire); }
void ldaxrh(Translator& t, Insn i) { load_exclusive(t, i, ir::Order::acquire); }
void ldaxr(Translator& t, Insn i) { load_exclusive(t, i, ir::Order::acquire); }
void stxrb(Translator& t, Insn i) { store_exclusive(t, i, ir::Order::plain); }
void stxrh(Translator& t, Insn i) { store_exclusive(t, i, ir::Order::plain); }
void stxr(Translator& t, Insn i) { store_exclusive(t, i, ir::Order::plain); }
void stlxrb(Translator& t, Insn i) { store_exclusive(t, i, ir::Order::release); }
void stlxrh(Translator& t, Insn i) { store_exclusive(t, i, ir::Order::release); }
void stlxr(Translator& t, Insn i) { store_exclusive(t, i, ir::Order::release); }
void ldxp(Translator& t, Insn i) { load_exclusive_pair(t, i, ir::Order::plain); }
void ldaxp(Translator& t, Insn i) { load_exclusive_pair(t, i, ir::Order::acquire); }
void stxp(Translator& t, Insn i) { store_exclusive_pair(t, i, ir::Order::plain); }
void stlxp(Translator& t, Insn i) { store_exclusive_pair(t, i, ir::Order::release); }

void ldarb(Translator& t, Insn i) { load_ordered(t, i, ir::Order::acquire); }
void ldarh(Translator& t, Insn i) { load_ordered(t, i, ir::Order::acquire); }
void ldar(Translator& t, Insn i) { load_ordered(t, i, ir::Order::acquire); }
void ldaprb(Translator& t, Insn i) { load_ordered(t, i, ir::Order::acquire_pc); }
void ldaprh(Translator& t, Insn i) { load_ordered(t, i, ir::Order::acquire_pc); }
void ldapr(Translator& t, Insn i) { load_ordered(t, i, ir::Order::acquire_pc); }
void stlrb(Translator& t, Insn i) { store_release(t, i); }
void stlrh(Translator& t, Insn i) { store_release(t, i); }
void stlr(Translator& t, Insn i) { store_release(t, i); }

// LORegions are not implemented: LoadLOAcquire and StoreLORelease order against everything.
void ldlarb(Translator& t, Insn i) { load_ordered(t, i, ir::Order::acquire); }
void ldlarh(Translator& t, Insn i) { load_ordered(t, i, ir::Order::acquire); }
void ldlar(Translator& t, Insn i) { load_ordered(t, i, ir::Order::acquire); }
void stllrb(Translator& t, Insn i) { store_release(t, i); }
void stllrh(Translator& t, Insn i) { store_release(t, i); }
void stllr(Translator& t, Insn i) { store_release(t, i); }

void ldapurb(Translator& t, Insn i) { load_unscaled(t, i); }
void ldapurh(Translator& t, Insn i) { load_unscaled(t, i); }
void ldapur(Translator& t, Insn i) { load_unscaled(t, i); }
void ldapursb(Translator& t, Insn i) { load_unscaled_signed(t, i); }
void ldapursh(Translator& t, Insn i) { load_unscaled_signed(t, i); }
void ldapursw(Translator& t, Insn i) { load_unscaled_signed(t, i); }
void stlurb(Translator& t, Insn i) { store_unscaled(t, i); }
void stlurh(Translator& t, Insn i) { store_unscaled(t, i); }
void stlur(Translator& t, Insn i) { store_unscaled(t, i); }

} // namespace insn
} // namespace gimbal::translator::aarch64
