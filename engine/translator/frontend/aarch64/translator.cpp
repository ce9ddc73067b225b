// SPDX-License-Identifier: Apache-2.0
#include "engine/translator/frontend/aarch64/translator.hpp"

#include "engine/translator/frontend/aarch64/insn_helpers.hpp"

namespace gimbal::translator::aarch64 {
namespace {

// ESR_ELx: EC in 31:26, IL in 25.
constexpr u64 esr_undefined = 0x0200'0000;
constexpr u64 esr_fp_trap = 0x1FE0'0000; // EC 7, IL, CV = 1, COND = 0b1110

constexpr usize x_offset(unsigned n) { return offsetof(GuestState, x) + n * sizeof(u64); }

} // namespace

Translator::Translator(ir::Block& block, const Mode& block_mode, u32 page_offset)
    : ir(block), mode(block_mode), offset_(page_offset), block_offset_(page_offset)
{
}

void Translator::begin(u16 index, u32 offset)
{
    ir.begin_instruction(index);
    offset_ = offset;
}

ir::Value Translator::x(unsigned n) { return n == 31 ? ir.i64c(0) : ir.read(ir::Type::i64, x_offset(n)); }

ir::Value Translator::w(unsigned n) { return n == 31 ? ir.i32c(0) : ir.read(ir::Type::i32, x_offset(n)); }

ir::Value Translator::x_sp(unsigned n) { return reg_sp(n, true); }

ir::Value Translator::reg_sp(unsigned n, bool is_64)
{
    return n == 31 ? ir.read(integer_type(is_64), offsetof(GuestState, sp)) : reg(n, is_64);
}

void Translator::set_reg(unsigned n, ir::Value value)
{
    if (n == 31) return;
    ir.write(x_offset(n), to_home(value));
}

void Translator::set_reg_sp(unsigned n, ir::Value value)
{
    if (n != 31) return set_reg(n, value);
    ir.write(offsetof(GuestState, sp), to_home(value));
    sp_aligned_ = false;
}

void Translator::move_base(unsigned n, ir::Value value, i64 displacement)
{
    const bool still_aligned = sp_aligned_ && displacement % 16 == 0;
    set_reg_sp(n, value);
    if (n == 31) sp_aligned_ = still_aligned;
}

ir::Value Translator::to_home(ir::Value value)
{
    const ir::Type type = ir.type_of(value);
    return type == ir::Type::i64 ? value : ir.zext(ir::Type::i64, value, ir::byte_size(type) * 8);
}

ir::Value Translator::base_address(unsigned n)
{
    const ir::Value base = x_sp(n);
    if (n == 31 && mode.sp_align_check && !sp_aligned_) {
        ir.call(check_sp_alignment, base);
        sp_aligned_ = true;
    }
    return base;
}

void Translator::set_scalar(unsigned n, ir::Value value)
{
    const unsigned bytes = ir::byte_size(ir.type_of(value));
    set_v(n, bytes == sizeof(V128) ? value : ir.vec_scalar(value, bytes * 8));
}

ir::MemOp Translator::mem(unsigned size_log2, ir::Order order) const
{
    return {
        .size_log2 = static_cast<u8>(size_log2),
        .align = mode.align_check && size_log2 > 0 ? ir::Align::natural : ir::Align::any,
        .order = order,
        .big_endian = mode.big_endian,
    };
}

// A stepped branch ends with the engine in charge: chained blocks would run on.
void Translator::branch(i64 displacement)
{
    if (mode.step) return ir.synchronize_register(ir.add_imm(ir.pc_page(), static_cast<u64>(offset_ + displacement)));
    ir.jump(offset_ + displacement);
}

void Translator::branch_if(ir::Value condition, i64 displacement)
{
    if (!mode.step) return ir.exit_if(condition, offset_ + displacement);
    const ir::Value taken = ir.add_imm(ir.pc_page(), static_cast<u64>(offset_ + displacement));
    ir.synchronize_register(ir.select(condition, taken, ir.add_imm(ir.pc_page(), next_offset())));
}

void Translator::branch_register(ir::Value address, ir::JumpHint hint)
{
    if (mode.step) return ir.synchronize_register(address);
    ir.jump_register(address, hint);
}

void Translator::undefined() { exception(esr_undefined); }

bool Translator::fp_trapped()
{
    if (mode.fp_trap) exception(esr_fp_trap);
    return mode.fp_trap;
}

} // namespace gimbal::translator::aarch64
