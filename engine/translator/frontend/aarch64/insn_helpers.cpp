// SPDX-License-Identifier: Apache-2.0
#include "engine/translator/frontend/aarch64/insn_helpers.hpp"

namespace gimbal::translator::aarch64 {
namespace {

constexpr u64 esr_sp_alignment = u64{0x26} << 26 | u64{1} << 25;

u64 check_sp(CpuState& state, u64 sp, u64, u64)
{
    if (is_aligned(sp, 16)) return 0;
    state.unwind = Unwind::event;
    state.unwind_event = ir::Event::exception;
    state.unwind_payload = esr_sp_alignment;
    return 0;
}

} // namespace

const ir::Helper check_sp_alignment{
    .name = "check_sp_alignment",
    .function = check_sp,
    .result = ir::Type::none,
    .arg_count = 1,
    .effects = {.may_unwind = true},
};

ir::Value low_bits(Translator& t, unsigned n, ir::Type type)
{
    if (n == 31) return t.ir.constant(type, 0);
    return t.ir.read(type, offsetof(GuestState, x) + n * sizeof(u64));
}

ir::Value and_constant(Translator& t, ir::Value a, u64 mask)
{
    return t.ir.and_(a, t.ir.constant(t.ir.type_of(a), mask));
}

ir::Value shift_left(Translator& t, ir::Value a, unsigned amount)
{
    return t.ir.shl(a, t.ir.constant(t.ir.type_of(a), amount));
}

ir::Value shift_right(Translator& t, ir::Value a, unsigned amount)
{
    return t.ir.shr_u(a, t.ir.constant(t.ir.type_of(a), amount));
}

ir::Value extended_register(Translator& t, unsigned m, unsigned option, unsigned shift, bool is_64)
{
    const unsigned size_log2 = option & 3;
    const unsigned width = is_64 ? 64 : 32;
    const unsigned source_bits = 8U << size_log2;
    ir::Value value;
    if (source_bits >= width)
        value = t.reg(m, is_64);
    else if ((option & 4) != 0)
        value = t.ir.sext(integer_type(is_64), low_bits(t, m, integer_type_of(size_log2)), source_bits);
    else
        value = t.ir.zext(integer_type(is_64), low_bits(t, m, integer_type_of(size_log2)), source_bits);
    return shift == 0 ? value : shift_left(t, value, shift);
}

ir::MemOp pair_access(const Translator& t, unsigned size_log2, ir::Order order)
{
    ir::MemOp op = t.mem(size_log2, order);
    op.align = size_log2 == 4 ? ir::Align::check_16 : ir::Align::natural;
    return op;
}

ir::Value join_pair(Translator& t, unsigned first, unsigned second, unsigned size_log2)
{
    const ir::Value low = t.x(t.mode.big_endian ? second : first);
    const ir::Value high = t.x(t.mode.big_endian ? first : second);
    return size_log2 == 4 ? t.ir.pair(low, high) : t.ir.deposit(low, high, 32, 32);
}

void set_pair(Translator& t, unsigned first, unsigned second, ir::Value both)
{
    const bool words = t.ir.type_of(both) == ir::Type::i64;
    const ir::Value low = words ? t.ir.extract_u(both, 0, 32) : t.ir.low_half(both);
    const ir::Value high = words ? t.ir.extract_u(both, 32, 32) : t.ir.high_half(both);
    t.set_reg(first, t.mode.big_endian ? high : low);
    t.set_reg(second, t.mode.big_endian ? low : high);
}

std::optional<u64> decode_bit_mask(bool n, unsigned imms, unsigned immr)
{
    const unsigned selector = unsigned{n} << 6 | (~imms & 0x3F);
    if (selector < 2) return {};
    const unsigned element_log2 = static_cast<unsigned>(std::bit_width(selector)) - 1;
    const unsigned element_bits = 1U << element_log2;
    const unsigned ones = (imms & (element_bits - 1)) + 1;
    const unsigned rotation = immr & (element_bits - 1);
    if (ones == element_bits) return {};
    const u64 run = low_mask(ones);
    u64 mask = (run >> rotation | run << (element_bits - rotation) % 64) & low_mask(element_bits);
    for (unsigned filled = element_bits; filled < 64; filled *= 2) mask |= mask << filled;
    return mask;
}

} // namespace gimbal::translator::aarch64
