// SPDX-License-Identifier: Apache-2.0
//
// LDR, STR, LDP, STP and their kin for SIMD and FP registers (Arm ARM, "A64 instruction set encoding"). Loads zero the
// rest of the register.

#include "engine/translator/frontend/aarch64/simd_memory.hpp"

namespace gimbal::translator::aarch64 {
namespace {

using ir::Value;
using simd::load_element;

/// log2 of the access size in bytes from size and opc<1>; above 4 it is reserved.
unsigned size_log2(Insn insn) { return insn.field(30, 2) | insn.field(23, 1) << 2; }

void write_loaded(Translator& t, unsigned n, Value value)
{
    if (t.ir.type_of(value) == ir::Type::v128)
        t.set_v(n, value);
    else
        t.set_scalar(n, value);
}

void load_one(Translator& t, Insn insn, Value address, unsigned size)
{
    write_loaded(t, insn.rt(), load_element(t, address, size));
}

void store_one(Translator& t, Insn insn, Value address, unsigned size)
{
    t.ir.store(address, t.scalar(insn.rt(), simd::memory_type(size)), t.mem(size));
}

/// Where the base register and the offset meet.
enum class Index : u8 { offset, pre, post };

template <bool is_load>
void immediate(Translator& t, Insn insn, Index index, i64 displacement)
{
    if (t.fp_trapped()) return;
    const unsigned size = size_log2(insn);
    const Value base = t.base_address(insn.rn());
    const Value moved = t.ir.add_imm(base, static_cast<u64>(displacement));
    const Value address = index == Index::post ? base : moved;
    if constexpr (is_load)
        load_one(t, insn, address, size);
    else
        store_one(t, insn, address, size);
    if (index != Index::offset) t.move_base(insn.rn(), moved, displacement);
}

/// Everything with a 9-bit byte offset.
template <bool is_load>
void unscaled(Translator& t, Insn insn, Index index)
{
    if (size_log2(insn) > 4) {
        t.undefined();
        return;
    }
    immediate<is_load>(t, insn, index, insn.signed_field(12, 9));
}

template <bool is_load>
void unsigned_offset(Translator& t, Insn insn)
{
    const unsigned size = size_log2(insn);
    if (size > 4) {
        t.undefined();
        return;
    }
    immediate<is_load>(t, insn, Index::offset, i64{insn.field(10, 12)} << size);
}

template <bool is_load>
void register_offset(Translator& t, Insn insn)
{
    const unsigned size = size_log2(insn);
    const unsigned option = insn.field(13, 3);
    if (size > 4 || (option & 2) == 0) {
        t.undefined();
        return;
    }
    if (t.fp_trapped()) return;
    Value offset{};
    if ((option & 1) != 0)
        offset = t.x(insn.rm());
    else if (option == 6)
        offset = t.ir.sext(ir::Type::i64, t.w(insn.rm()), 32);
    else
        offset = t.ir.zext(ir::Type::i64, t.w(insn.rm()), 32);
    if (insn.test(12) && size != 0) offset = t.ir.shl(offset, t.ir.i64c(size));
    const Value address = t.ir.add(t.base_address(insn.rn()), offset);
    if constexpr (is_load)
        load_one(t, insn, address, size);
    else
        store_one(t, insn, address, size);
}

template <bool is_load>
void pair(Translator& t, Insn insn, Index index)
{
    const unsigned size = 2 + insn.field(30, 2);
    if (size > 4) {
        t.undefined();
        return;
    }
    if (t.fp_trapped()) return;
    const Value base = t.base_address(insn.rn());
    const i64 displacement = insn.signed_field(15, 7) * (i64{1} << size);
    const Value moved = t.ir.add_imm(base, static_cast<u64>(displacement));
    const Value first = index == Index::post ? base : moved;
    const Value second = t.ir.add_imm(first, u64{1} << size);
    if constexpr (is_load) {
        const Value low = load_element(t, first, size);
        const Value high = load_element(t, second, size);
        write_loaded(t, insn.rt(), low);
        write_loaded(t, insn.rt2(), high);
    } else {
        const Value low = t.scalar(insn.rt(), simd::memory_type(size));
        const Value high = t.scalar(insn.rt2(), simd::memory_type(size));
        t.ir.store(first, low, t.mem(size));
        t.ir.store(second, high, t.mem(size));
    }
    if (index != Index::offset) t.move_base(insn.rn(), moved, displacement);
}

} // namespace

namespace insn {

void ldr_immediate_simd_unsigned_offset(Translator& t, Insn insn) { unsigned_offset<true>(t, insn); }
void str_immediate_simd_unsigned_offset(Translator& t, Insn insn) { unsigned_offset<false>(t, insn); }
void ldr_immediate_simd_post_index(Translator& t, Insn insn) { unscaled<true>(t, insn, Index::post); }
void str_immediate_simd_post_index(Translator& t, Insn insn) { unscaled<false>(t, insn, Index::post); }
void ldr_immediate_simd_pre_index(Translator& t, Insn insn) { unscaled<true>(t, insn, Index::pre); }
void str_immediate_simd_pre_index(Translator& t, Insn insn) { unscaled<false>(t, insn, Index::pre); }
void ldur_simd(Translator& t, Insn insn) { unscaled<true>(t, insn, Index::offset); }
void stur_simd(Translator& t, Insn insn) { unscaled<false>(t, insn, Index::offset); }
void ldr_register_simd(Translator& t, Insn insn) { register_offset<true>(t, insn); }
void str_register_simd(Translator& t, Insn insn) { register_offset<false>(t, insn); }

void ldr_literal_simd(Translator& t, Insn insn)
{
    const unsigned size = 2 + insn.field(30, 2);
    if (size > 4) {
        t.undefined();
        return;
    }
    if (t.fp_trapped()) return;
    load_one(t, insn, t.ir.add_imm(t.pc_value(), static_cast<u64>(insn.signed_field(5, 19) * 4)), size);
}

// The non-temporal hint has no effect here.
void ldnp_simd(Translator& t, Insn insn) { pair<true>(t, insn, Index::offset); }
void stnp_simd(Translator& t, Insn insn) { pair<false>(t, insn, Index::offset); }
void ldp_simd_post_index(Translator& t, Insn insn) { pair<true>(t, insn, Index::post); }
void stp_simd_post_index(Translator& t, Insn insn) { pair<false>(t, insn, Index::post); }
void ldp_simd_signed_offset(Translator& t, Insn insn) { pair<true>(t, insn, Index::offset); }
void stp_simd_signed_offset(Translator& t, Insn insn) { pair<false>(t, insn, Index::offset); }
void ldp_simd_pre_index(Translator& t, Insn insn) { pair<true>(t, insn, Index::pre); }
void stp_simd_pre_index(Translator& t, Insn insn) { pair<false>(t, insn, Index::pre); }

} // namespace insn
} // namespace gimbal::translator::aarch64
