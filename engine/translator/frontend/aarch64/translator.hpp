// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "engine/translator/frontend/aarch64/guest_state.hpp"
#include "engine/translator/frontend/aarch64/insn.hpp"
#include "engine/translator/frontend/aarch64/mode.hpp"
#include "engine/translator/ir/builder.hpp"

namespace gimbal::translator::aarch64 {

/// Translates the instructions of one block. Each decode-table row has one function `void insn::NAME(Translator&,
/// Insn)` that emits IR. Rule: all reads and faulting operations of an instruction come before its first write
/// (ir/verify.hpp).
class Translator {
public:
    /// `page_offset`: where the block starts in its 4 KiB page.
    Translator(ir::Block& block, const Mode& mode, u32 page_offset);

    ir::Builder ir;
    const Mode mode;

    /// Offset in the page of the instruction being translated, and of the next one.
    u32 offset() const { return offset_; }
    u32 next_offset() const { return offset_ + 4; }
    u32 block_offset() const { return block_offset_; }
    /// Called by the block loop before each instruction.
    void begin(u16 index, u32 offset);

    // General registers. Register 31 reads as zero and ignores writes; *_sp: it is the current SP.
    ir::Value x(unsigned n); ///< i64
    ir::Value w(unsigned n); ///< i32
    ir::Value reg(unsigned n, bool is_64) { return is_64 ? x(n) : w(n); }
    ir::Value x_sp(unsigned n);
    ir::Value reg_sp(unsigned n, bool is_64);
    void set_reg(unsigned n, ir::Value value); ///< i32 is zero-extended, as architecture has it
    void set_reg_sp(unsigned n, ir::Value value);
    /// The base register of a memory access; emits the SP alignment check where the mode asks for it.
    ir::Value base_address(unsigned n);
    /// set_reg_sp with a `value` that is `displacement` bytes from the register's last one: what is known of SP's
    /// alignment stays known.
    void move_base(unsigned n, ir::Value value, i64 displacement);

    // Flags
    ir::Value nzcv() { return ir.read(ir::Type::nzcv, offsetof(GuestState, nzcv)); }
    void set_nzcv(ir::Value flags) { ir.write(offsetof(GuestState, nzcv), flags); }
    ir::Value condition(ir::Cond cond) { return ir.nzcv_test(nzcv(), cond); }

    // Vector registers
    ir::Value v(unsigned n) { return ir.read(ir::Type::v128, vector_offset(n)); }
    void set_v(unsigned n, ir::Value value) { ir.write(vector_offset(n), value); } ///< v128
    /// Element 0 as an integer or float scalar of `type` (i8..i64, f16..f64, v128).
    ir::Value scalar(unsigned n, ir::Type type) { return ir.read(type, vector_offset(n)); }
    /// Writes a scalar of its own size and zeroes the rest of the register.
    void set_scalar(unsigned n, ir::Value value);
    static constexpr usize vector_offset(unsigned n) { return offsetof(GuestState, v) + n * sizeof(V128); }

    // Addresses
    ir::Value pc_value() { return ir.add_imm(ir.pc_page(), offset_); }
    ir::MemOp mem(unsigned size_log2, ir::Order order = ir::Order::plain) const;

    // Block ends
    void branch(i64 displacement); ///< Unconditional, from this instruction's address.
    void branch_if(ir::Value condition, i64 displacement);
    void branch_register(ir::Value address, ir::JumpHint hint);
    /// Ends the block after this instruction; the next one is looked up with interrupts and mode checked anew.
    void synchronize() { ir.synchronize(next_offset()); }
    /// Takes a synchronous exception at this instruction: `esr` as ESR_ELx will hold it.
    void exception(u64 esr) { ir.event(ir::Event::exception, esr, offset_); }
    /// The same, returning to the next instruction (SVC).
    void exception_after(u64 esr) { ir.event(ir::Event::exception, esr, next_offset()); }
    /// The encoding is unallocated or not available: EC 0.
    void undefined();
    /// For FP and SIMD instructions: true, with the trap emitted, if this mode may not use them (CPACR_EL1.FPEN).
    bool fp_trapped();

private:
    ir::Value to_home(ir::Value value);

    u32 offset_{};
    u32 block_offset_{};
    bool sp_aligned_{}; ///< An earlier instruction of the block has checked SP, and it has only moved by 16s since.
};

} // namespace gimbal::translator::aarch64
