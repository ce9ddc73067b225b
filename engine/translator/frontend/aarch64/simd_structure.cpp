// SPDX-License-Identifier: Apache-2.0
//
// LD1 to LD4, ST1 to ST4 and LD1R to LD4R (Arm ARM, "A64 instruction set encoding").

#include <array>

#include "engine/translator/frontend/aarch64/simd_memory.hpp"

namespace gimbal::translator::aarch64 {
namespace {

using ir::Value;
using ir::VecOp;

using Registers = std::array<Value, 4>;

/// A structure access as decoded: `registers` consecutive vector registers, `elements` in each structure.
struct Structure {
    unsigned registers{};
    unsigned elements{};
    unsigned size_log2{}; ///< of an element
    unsigned bytes{};     ///< of a register's part
};

unsigned register_at(Insn insn, unsigned i) { return (insn.rt() + i) % 32; }

/// What post-indexing leaves in the base register; no value without.
Value moved_base(Translator& t, Insn insn, Value base, bool post_index, unsigned bytes)
{
    if (!post_index) return {};
    return insn.rm() == 31 ? t.ir.add_imm(base, bytes) : t.ir.add(base, t.x(insn.rm()));
}

void write_back(Translator& t, Insn insn, Value moved)
{
    if (moved.valid()) t.set_reg_sp(insn.rn(), moved);
}

/// Whole registers may be accessed at once if that is what the elements one by one would do. Only they show the
/// order of an element's bytes, and the alignment that is checked.
bool whole_registers(Translator& t) { return !t.mode.big_endian && !t.mode.align_check; }

/// A register at once; a device sees the elements.
ir::MemOp whole(Translator& t, const Structure& s)
{
    const unsigned size_log2 = s.bytes == 16 ? 4 : 3;
    ir::MemOp op = t.mem(size_log2);
    op.parts_log2 = static_cast<u8>(size_log2 - s.size_log2);
    return op;
}

Value load_whole(Translator& t, const Structure& s, Value address)
{
    if (s.bytes == 16) return t.ir.load(ir::Type::v128, address, whole(t, s));
    return t.ir.vec_scalar(t.ir.load(ir::Type::i64, address, whole(t, s)), 64);
}

void store_whole(Translator& t, const Structure& s, Value address, Value value)
{
    if (s.bytes == 8) value = t.ir.vec_element(ir::Type::i64, value, 64, 0);
    t.ir.store(address, value, whole(t, s));
}

/// Registers from memory order.
Registers deinterleave(Translator& t, const Structure& s, const Registers& m)
{
    const unsigned bits = 8U << s.size_log2;
    const auto vec = [&](VecOp op, Value a, Value b) { return t.ir.vec(op, bits, s.bytes, a, b); };
    if (s.elements == 2) return {vec(VecOp::unzip_even, m[0], m[1]), vec(VecOp::unzip_odd, m[0], m[1])};
    if (s.elements == 3) {
        const auto part = [&](u64 n) { return t.ir.vec(VecOp::deinterleave_3, bits, s.bytes, m[0], m[1], m[2], n); };
        return {part(0), part(1), part(2)};
    }
    if (s.elements == 4) {
        const Value even_low = vec(VecOp::unzip_even, m[0], m[1]);
        const Value even_high = vec(VecOp::unzip_even, m[2], m[3]);
        const Value odd_low = vec(VecOp::unzip_odd, m[0], m[1]);
        const Value odd_high = vec(VecOp::unzip_odd, m[2], m[3]);
        return {vec(VecOp::unzip_even, even_low, even_high), vec(VecOp::unzip_even, odd_low, odd_high),
                vec(VecOp::unzip_odd, even_low, even_high), vec(VecOp::unzip_odd, odd_low, odd_high)};
    }
    return m;
}

/// Memory order from registers.
Registers interleave(Translator& t, const Structure& s, const Registers& r)
{
    const unsigned bits = 8U << s.size_log2;
    const auto vec = [&](VecOp op, Value a, Value b) { return t.ir.vec(op, bits, s.bytes, a, b); };
    if (s.elements == 2) return {vec(VecOp::zip_low, r[0], r[1]), vec(VecOp::zip_high, r[0], r[1])};
    if (s.elements == 3) {
        const auto part = [&](u64 n) { return t.ir.vec(VecOp::interleave_3, bits, s.bytes, r[0], r[1], r[2], n); };
        return {part(0), part(1), part(2)};
    }
    if (s.elements == 4) {
        const Value even_low = vec(VecOp::zip_low, r[0], r[2]);
        const Value even_high = vec(VecOp::zip_high, r[0], r[2]);
        const Value odd_low = vec(VecOp::zip_low, r[1], r[3]);
        const Value odd_high = vec(VecOp::zip_high, r[1], r[3]);
        return {vec(VecOp::zip_low, even_low, odd_low), vec(VecOp::zip_high, even_low, odd_low),
                vec(VecOp::zip_low, even_high, odd_high), vec(VecOp::zip_high, even_high, odd_high)};
    }
    return r;
}

/// Calls f(register, element, address) in the order of memory.
template <class F>
void for_each_element(Translator& t, const Structure& s, Value base, F f)
{
    const unsigned count = s.bytes >> s.size_log2;
    u64 offset = 0;
    for (unsigned group = 0; group < s.registers; group += s.elements)
        for (unsigned element = 0; element < count; ++element)
            for (unsigned i = 0; i < s.elements; ++i, offset += u64{1} << s.size_log2)
                f(group + i, element, t.ir.add_imm(base, offset));
}

void load_multiple(Translator& t, Insn insn, const Structure& s, Value base)
{
    Registers loaded{};
    if (whole_registers(t)) {
        for (unsigned i = 0; i < s.registers; ++i) loaded[i] = load_whole(t, s, t.ir.add_imm(base, u64{i} * s.bytes));
        loaded = deinterleave(t, s, loaded);
    } else {
        const Value zero = t.ir.vec_scalar(t.ir.i64c(0), 64);
        loaded.fill(zero);
        for_each_element(t, s, base, [&](unsigned n, unsigned element, Value address) {
            const Value value = simd::load_element(t, address, s.size_log2);
            loaded[n] = t.ir.vec_insert(loaded[n], value, 8U << s.size_log2, element);
        });
    }
    for (unsigned i = 0; i < s.registers; ++i) t.set_v(register_at(insn, i), loaded[i]);
}

void store_multiple(Translator& t, Insn insn, const Structure& s, Value base)
{
    Registers values{};
    for (unsigned i = 0; i < s.registers; ++i) values[i] = t.v(register_at(insn, i));
    if (whole_registers(t)) {
        values = interleave(t, s, values);
        for (unsigned i = 0; i < s.registers; ++i) store_whole(t, s, t.ir.add_imm(base, u64{i} * s.bytes), values[i]);
        return;
    }
    for_each_element(t, s, base, [&](unsigned n, unsigned element, Value address) {
        const ir::Type type = simd::memory_type(s.size_log2);
        t.ir.store(address, t.ir.vec_element(type, values[n], 8U << s.size_log2, element), t.mem(s.size_log2));
    });
}

template <bool is_load>
void multiple(Translator& t, Insn insn, unsigned registers, unsigned elements, bool post_index)
{
    const Structure s{registers, elements, insn.field(10, 2), insn.q() ? 16U : 8U};
    if (s.size_log2 == 3 && !insn.q() && elements != 1) {
        t.undefined();
        return;
    }
    if (t.fp_trapped()) return;
    const Value base = t.base_address(insn.rn());
    const Value moved = moved_base(t, insn, base, post_index, registers * s.bytes);
    if constexpr (is_load)
        load_multiple(t, insn, s, base);
    else
        store_multiple(t, insn, s, base);
    write_back(t, insn, moved);
}

/// LD1 and ST1 take one to four registers.
unsigned register_count(Insn insn)
{
    const unsigned opcode = insn.field(12, 4);
    return opcode == 2 ? 4 : opcode == 6 ? 3 : opcode == 10 ? 2 : 1;
}

/// Size and lane of a single structure; the index is spread over Q, S and the low bits of size.
struct Lane {
    unsigned size_log2{};
    unsigned index{};
    bool reserved{};
};

Lane decode_lane(Insn insn)
{
    const unsigned scale = insn.field(14, 2);
    const unsigned size = insn.field(10, 2);
    const unsigned q_s_size = insn.field(30, 1) << 3 | insn.field(12, 1) << 2 | size;
    if (scale == 2 && (size & 1) != 0) return {3, q_s_size >> 3, size != 1 || insn.test(12)};
    return {scale, q_s_size >> scale, scale == 3 || (size & low_mask(scale)) != 0};
}

template <bool is_load>
void single(Translator& t, Insn insn, unsigned elements, bool post_index)
{
    const Lane lane = decode_lane(insn);
    if (lane.reserved) {
        t.undefined();
        return;
    }
    if (t.fp_trapped()) return;
    const Value base = t.base_address(insn.rn());
    const Value moved = moved_base(t, insn, base, post_index, elements << lane.size_log2);
    const unsigned bits = 8U << lane.size_log2;
    const ir::Type type = simd::memory_type(lane.size_log2);
    Registers values{};
    for (unsigned i = 0; i < elements; ++i) {
        const Value address = t.ir.add_imm(base, u64{i} << lane.size_log2);
        const Value old = t.v(register_at(insn, i));
        if constexpr (is_load)
            values[i] = t.ir.vec_insert(old, simd::load_element(t, address, lane.size_log2), bits, lane.index);
        else
            t.ir.store(address, t.ir.vec_element(type, old, bits, lane.index), t.mem(lane.size_log2));
    }
    if constexpr (is_load)
        for (unsigned i = 0; i < elements; ++i) t.set_v(register_at(insn, i), values[i]);
    write_back(t, insn, moved);
}

void replicate(Translator& t, Insn insn, unsigned elements, bool post_index)
{
    if (t.fp_trapped()) return;
    const unsigned size = insn.field(10, 2);
    const Value base = t.base_address(insn.rn());
    const Value moved = moved_base(t, insn, base, post_index, elements << size);
    Registers values{};
    for (unsigned i = 0; i < elements; ++i) values[i] = simd::load_element(t, t.ir.add_imm(base, u64{i} << size), size);
    for (unsigned i = 0; i < elements; ++i)
        t.set_v(register_at(insn, i), t.ir.vec_duplicate(values[i], 8U << size, insn.q() ? 16 : 8));
    write_back(t, insn, moved);
}

} // namespace

namespace insn {

void ld1_multiple(Translator& t, Insn insn) { multiple<true>(t, insn, register_count(insn), 1, false); }
void ld2_multiple(Translator& t, Insn insn) { multiple<true>(t, insn, 2, 2, false); }
void ld3_multiple(Translator& t, Insn insn) { multiple<true>(t, insn, 3, 3, false); }
void ld4_multiple(Translator& t, Insn insn) { multiple<true>(t, insn, 4, 4, false); }
void st1_multiple(Translator& t, Insn insn) { multiple<false>(t, insn, register_count(insn), 1, false); }
void st2_multiple(Translator& t, Insn insn) { multiple<false>(t, insn, 2, 2, false); }
void st3_multiple(Translator& t, Insn insn) { multiple<false>(t, insn, 3, 3, false); }
void st4_multiple(Translator& t, Insn insn) { multiple<false>(t, insn, 4, 4, false); }
void ld1_multiple_post_index(Translator& t, Insn insn) { multiple<true>(t, insn, register_count(insn), 1, true); }
void ld2_multiple_post_index(Translator& t, Insn insn) { multiple<true>(t, insn, 2, 2, true); }
void ld3_multiple_post_index(Translator& t, Insn insn) { multiple<true>(t, insn, 3, 3, true); }
void ld4_multiple_post_index(Translator& t, Insn insn) { multiple<true>(t, insn, 4, 4, true); }
void st1_multiple_post_index(Translator& t, Insn insn) { multiple<false>(t, insn, register_count(insn), 1, true); }
void st2_multiple_post_index(Translator& t, Insn insn) { multiple<false>(t, insn, 2, 2, true); }
void st3_multiple_post_index(Translator& t, Insn insn) { multiple<false>(t, insn, 3, 3, true); }
void st4_multiple_post_index(Translator& t, Insn insn) { multiple<false>(t, insn, 4, 4, true); }

void ld1_single(Translator& t, Insn insn) { single<true>(t, insn, 1, false); }
void ld2_single(Translator& t, Insn insn) { single<true>(t, insn, 2, false); }
void ld3_single(Translator& t, Insn insn) { single<true>(t, insn, 3, false); }
void ld4_single(Translator& t, Insn insn) { single<true>(t, insn, 4, false); }
void st1_single(Translator& t, Insn insn) { single<false>(t, insn, 1, false); }
void st2_single(Translator& t, Insn insn) { single<false>(t, insn, 2, false); }
void st3_single(Translator& t, Insn insn) { single<false>(t, insn, 3, false); }
void st4_single(Translator& t, Insn insn) { single<false>(t, insn, 4, false); }
void ld1_single_post_index(Translator& t, Insn insn) { single<true>(t, insn, 1, true); }
void ld2_single_post_index(Translator& t, Insn insn) { single<true>(t, insn, 2, true); }
void ld3_single_post_index(Translator& t, Insn insn) { single<true>(t, insn, 3, true); }
void ld4_single_post_index(Translator& t, Insn insn) { single<true>(t, insn, 4, true); }
void st1_single_post_index(Translator& t, Insn insn) { single<false>(t, insn, 1, true); }
void st2_single_post_index(Translator& t, Insn insn) { single<false>(t, insn, 2, true); }
void st3_single_post_index(Translator& t, Insn insn) { single<false>(t, insn, 3, true); }
void st4_single_post_index(Translator& t, Insn insn) { single<false>(t, insn, 4, true); }

void ld1r(Translator& t, Insn insn) { replicate(t, insn, 1, false); }
void ld2r(Translator& t, Insn insn) { replicate(t, insn, 2, false); }
void ld3r(Translator& t, Insn insn) { replicate(t, insn, 3, false); }
void ld4r(Translator& t, Insn insn) { replicate(t, insn, 4, false); }
void ld1r_post_index(Translator& t, Insn insn) { replicate(t, insn, 1, true); }
void ld2r_post_index(Translator& t, Insn insn) { replicate(t, insn, 2, true); }
void ld3r_post_index(Translator& t, Insn insn) { replicate(t, insn, 3, true); }
void ld4r_post_index(Translator& t, Insn insn) { replicate(t, insn, 4, true); }

} // namespace insn
} // namespace gimbal::translator::aarch64
