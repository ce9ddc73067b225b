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
    return shift == 0 ? value : t.ir.shl(value, t.ir.constant(integer_type(is_64), shift));
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
