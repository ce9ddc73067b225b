// SPDX-License-Identifier: Apache-2.0
//
// Branches (Arm ARM, "A64 instruction set encoding").
#include "engine/translator/frontend/aarch64/insn_helpers.hpp"
#include "engine/translator/frontend/aarch64/instructions.hpp"

namespace gimbal::translator::aarch64 {
namespace {

constexpr unsigned link_register = 30;

ir::Value return_address(Translator& t) { return t.ir.add_imm(t.ir.pc_page(), t.next_offset()); }

i64 displacement_26(Insn i) { return i.signed_field(0, 26) * 4; }
i64 displacement_19(Insn i) { return i.signed_field(5, 19) * 4; }
i64 displacement_14(Insn i) { return i.signed_field(5, 14) * 4; }

void compare_and_branch(Translator& t, Insn i, ir::Opcode comparison)
{
    const ir::Value tested = t.reg(i.rt(), i.sf());
    const ir::Value zero = t.ir.constant(integer_type(i.sf()), 0);
    t.branch_if(t.ir.cmp(comparison, tested, zero), displacement_19(i));
}

void test_and_branch(Translator& t, Insn i, ir::Opcode comparison)
{
    const unsigned position = i.field(31, 1) << 5 | i.field(19, 5);
    const ir::Value tested = and_constant(t, t.x(i.rt()), bit(position));
    t.branch_if(t.ir.cmp(comparison, tested, t.ir.i64c(0)), displacement_14(i));
}

} // namespace

namespace insn {

void b(Translator& t, Insn i) { t.branch(displacement_26(i)); }

void bl(Translator& t, Insn i)
{
    t.set_reg(link_register, return_address(t));
    t.branch(displacement_26(i));
}

void b_cond(Translator& t, Insn i)
{
    const auto cond = static_cast<ir::Cond>(i.field(0, 4));
    if (cond == ir::Cond::al || cond == ir::Cond::nv) return t.branch(displacement_19(i));
    t.branch_if(t.condition(cond), displacement_19(i));
}

void cbz(Translator& t, Insn i) { compare_and_branch(t, i, ir::Opcode::cmp_eq); }
void cbnz(Translator& t, Insn i) { compare_and_branch(t, i, ir::Opcode::cmp_ne); }
void tbz(Translator& t, Insn i) { test_and_branch(t, i, ir::Opcode::cmp_eq); }
void tbnz(Translator& t, Insn i) { test_and_branch(t, i, ir::Opcode::cmp_ne); }

void br(Translator& t, Insn i) { t.branch_register(t.x(i.rn()), ir::JumpHint::branch); }

void blr(Translator& t, Insn i)
{
    // The target is read before the link register is written: it may be the link register.
    const ir::Value target = t.x(i.rn());
    t.set_reg(link_register, return_address(t));
    t.branch_register(target, ir::JumpHint::call);
}

void ret(Translator& t, Insn i) { t.branch_register(t.x(i.rn()), ir::JumpHint::ret); }

} // namespace insn
} // namespace gimbal::translator::aarch64
