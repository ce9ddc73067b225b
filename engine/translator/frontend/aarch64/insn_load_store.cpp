// SPDX-License-Identifier: Apache-2.0
//
// Loads and stores of one general register (Arm ARM, "A64 instruction set encoding").
//
// CONSTRAINED UNPREDICTABLE, write-back with Rt == Rn: a store stores the old base; a load is performed and the base
// register ends up with the written-back address.
#include "engine/translator/frontend/aarch64/insn_helpers.hpp"
#include "engine/translator/frontend/aarch64/instructions.hpp"

namespace gimbal::translator::aarch64 {
namespace {

enum class Form : u8 { unscaled, unprivileged, post_index, pre_index, unsigned_offset, register_offset };

unsigned size_log2_field(Insn i) { return i.field(30, 2); }

/// Extended and scaled register offsets have a 32- or 64-bit source only.
bool register_offset_reserved(Insn i) { return !i.test(14); }

/// What the address is away from the base register; zero for a register offset.
i64 displacement(Insn i, Form form)
{
    switch (form) {
    case Form::unscaled:
    case Form::unprivileged:
    case Form::post_index:
    case Form::pre_index: return i.signed_field(12, 9);
    case Form::unsigned_offset: return i64{i.field(10, 12)} << size_log2_field(i);
    case Form::register_offset: return 0;
    }
    return 0;
}

ir::Value address_of(Translator& t, Insn i, Form form)
{
    const ir::Value base = t.base_address(i.rn());
    if (form == Form::register_offset) {
        const unsigned shift = i.test(12) ? size_log2_field(i) : 0;
        return t.ir.add(base, extended_register(t, i.rm(), i.field(13, 3), shift, true));
    }
    const i64 offset = displacement(i, form);
    if (form == Form::post_index || offset == 0) return base;
    return t.ir.add_imm(base, static_cast<u64>(offset));
}

void write_back(Translator& t, Insn i, Form form, ir::Value address)
{
    const i64 offset = displacement(i, form);
    if (form == Form::post_index)
        t.move_base(i.rn(), t.ir.add_imm(address, static_cast<u64>(offset)), offset);
    else if (form == Form::pre_index)
        t.move_base(i.rn(), address, offset);
}

/// LDTR and STTR have EL0's rights at EL1, and at EL2 where EL2 hosts EL0; PSTATE.UAO overrides it.
ir::Privilege unprivileged_view(const Mode& mode)
{
    const bool hosts_el0 = mode.el == 1 || (mode.el == 2 && mode.e2h && mode.tge);
    return hosts_el0 && !mode.uao ? ir::Privilege::unprivileged : ir::Privilege::current;
}

/// LDR and STR of any size: `size` and `opc` say which.
void transfer(Translator& t, Insn i, Form form)
{
    if (form == Form::register_offset && register_offset_reserved(i)) return t.undefined();
    const unsigned size_log2 = size_log2_field(i);
    const unsigned opc = i.field(22, 2);
    ir::MemOp op = t.mem(size_log2);
    if (form == Form::unprivileged) op.privilege = unprivileged_view(t.mode);
    const ir::Value address = address_of(t, i, form);
    if (opc == 0) {
        t.ir.store(address, low_bits(t, i.rt(), integer_type_of(size_log2)), op);
        return write_back(t, i, form, address);
    }
    const ir::Type type = integer_type(opc != 3);
    ir::Value value = t.ir.load(type, address, op);
    if (opc >= 2) value = t.ir.sext(type, value, op.size() * 8);
    t.set_reg(i.rt(), value);
    write_back(t, i, form, address);
}

ir::Value load_literal(Translator& t, Insn i, unsigned size_log2)
{
    const i64 offset = t.offset() + i.signed_field(5, 19) * 4;
    const ir::Value address = t.ir.add_imm(t.ir.pc_page(), static_cast<u64>(offset));
    return t.ir.load(ir::Type::i64, address, t.mem(size_log2));
}

} // namespace

namespace insn {

void ldr_literal(Translator& t, Insn i) { t.set_reg(i.rt(), load_literal(t, i, i.test(30) ? 3 : 2)); }

void ldrsw_literal(Translator& t, Insn i) { t.set_reg(i.rt(), t.ir.sext(ir::Type::i64, load_literal(t, i, 2), 32)); }

#define GIMBAL_TRANSFER(name, unscaled_name, unprivileged_name)                                                        \
    void unscaled_name(Translator& t, Insn i) { transfer(t, i, Form::unscaled); }                                      \
    void unprivileged_name(Translator& t, Insn i) { transfer(t, i, Form::unprivileged); }                              \
    void name##_post_index(Translator& t, Insn i) { transfer(t, i, Form::post_index); }                                \
    void name##_pre_index(Translator& t, Insn i) { transfer(t, i, Form::pre_index); }                                  \
    void name##_unsigned_offset(Translator& t, Insn i) { transfer(t, i, Form::unsigned_offset); }                      \
    void name##_register(Translator& t, Insn i) { transfer(t, i, Form::register_offset); }

GIMBAL_TRANSFER(strb, sturb, sttrb)
GIMBAL_TRANSFER(ldrb, ldurb, ldtrb)
GIMBAL_TRANSFER(ldrsb, ldursb, ldtrsb)
GIMBAL_TRANSFER(strh, sturh, sttrh)
GIMBAL_TRANSFER(ldrh, ldurh, ldtrh)
GIMBAL_TRANSFER(ldrsh, ldursh, ldtrsh)
GIMBAL_TRANSFER(str, stur, sttr)
GIMBAL_TRANSFER(ldr, ldur, ldtr)
GIMBAL_TRANSFER(ldrsw, ldursw, ldtrsw)
#undef GIMBAL_TRANSFER

// Prefetches are hints; only their reserved encodings have an effect.
void prfm_literal(Translator&, Insn) {}
void prfum(Translator&, Insn) {}
void prfm_unsigned_offset(Translator&, Insn) {}

void prfm_register(Translator& t, Insn i)
{
    if (register_offset_reserved(i)) t.undefined();
}

} // namespace insn
} // namespace gimbal::translator::aarch64
