// SPDX-License-Identifier: Apache-2.0
//
// Atomic memory operations (FEAT_LSE; Arm ARM, "A64 instruction set encoding").
#include "engine/translator/frontend/aarch64/insn_helpers.hpp"
#include "engine/translator/frontend/aarch64/instructions.hpp"

namespace gimbal::translator::aarch64 {
namespace {

ir::Order order_of(bool acquire, bool release)
{
    if (acquire) return release ? ir::Order::acquire_release : ir::Order::acquire;
    return release ? ir::Order::release : ir::Order::plain;
}

void read_modify_write(Translator& t, Insn i, ir::Atomic kind)
{
    const unsigned size_log2 = i.field(30, 2);
    const ir::Type type = integer_type_of(size_log2);
    // The value that goes to the zero register is not a load: it acquires nothing.
    ir::MemOp op = t.mem(size_log2, order_of(i.test(23) && i.rt() != 31, i.test(22)));
    op.align = ir::Align::natural;
    const ir::Value address = t.base_address(i.rn());
    t.set_reg(i.rt(), t.ir.atomic_rmw(kind, type, address, low_bits(t, i.rs(), type), op));
}

ir::Order compare_order(Insn i) { return order_of(i.test(22), i.test(15)); }

void compare_and_swap(Translator& t, Insn i)
{
    const unsigned size_log2 = i.field(30, 2);
    const ir::Type type = integer_type_of(size_log2);
    ir::MemOp op = t.mem(size_log2, compare_order(i));
    op.align = ir::Align::natural;
    const ir::Value address = t.base_address(i.rn());
    const ir::Value expected = low_bits(t, i.rs(), type);
    const ir::Value desired = low_bits(t, i.rt(), type);
    t.set_reg(i.rs(), t.ir.atomic_cas(type, address, expected, desired, op));
}

} // namespace

namespace insn {

void casb(Translator& t, Insn i) { compare_and_swap(t, i); }
void cash(Translator& t, Insn i) { compare_and_swap(t, i); }
void cas(Translator& t, Insn i) { compare_and_swap(t, i); }

void casp(Translator& t, Insn i)
{
    if (i.rs() % 2 != 0 || i.rt() % 2 != 0) return t.undefined();
    const unsigned size_log2 = i.test(30) ? 4 : 3;
    const ir::Value address = t.base_address(i.rn());
    const ir::Value expected = join_pair(t, i.rs(), i.rs() + 1, size_log2);
    const ir::Value desired = join_pair(t, i.rt(), i.rt() + 1, size_log2);
    const ir::MemOp op = pair_access(t, size_log2, compare_order(i));
    set_pair(t, i.rs(), i.rs() + 1, t.ir.atomic_cas(integer_type_of(size_log2), address, expected, desired, op));
}

#define GIMBAL_ATOMIC(name, kind)                                                                                      \
    void name##b(Translator& t, Insn i) { read_modify_write(t, i, ir::Atomic::kind); }                                 \
    void name##h(Translator& t, Insn i) { read_modify_write(t, i, ir::Atomic::kind); }                                 \
    void name(Translator& t, Insn i) { read_modify_write(t, i, ir::Atomic::kind); }

GIMBAL_ATOMIC(ldadd, add)
GIMBAL_ATOMIC(ldclr, clear)
GIMBAL_ATOMIC(ldeor, exclusive_or)
GIMBAL_ATOMIC(ldset, set)
GIMBAL_ATOMIC(ldsmax, max_signed)
GIMBAL_ATOMIC(ldsmin, min_signed)
GIMBAL_ATOMIC(ldumax, max_unsigned)
GIMBAL_ATOMIC(ldumin, min_unsigned)
GIMBAL_ATOMIC(swp, swap)
#undef GIMBAL_ATOMIC

} // namespace insn
} // namespace gimbal::translator::aarch64
