// SPDX-License-Identifier: Apache-2.0
// Any words in any mode: they decode or not, the block that they make satisfies the verifier, and it is lowered both
// ways. Input: 4 bytes of mode, 1 of the place in the page, then up to 64 words.
#include <algorithm>
#include <cstring>

#include "base/assert.hpp"
#include "base/bits.hpp"
#include "engine/translator/backend/interpreter/lower.hpp"
#include "engine/translator/frontend/aarch64/decode.hpp"
#include "engine/translator/frontend/aarch64/translator.hpp"
#include "engine/translator/ir/print.hpp"
#include "engine/translator/ir/verify.hpp"

namespace {

using namespace gimbal;
namespace a64 = gimbal::translator::aarch64;
namespace ir = gimbal::ir;
namespace interpreter = gimbal::translator::interpreter;

constexpr usize mode_bytes = 4;
constexpr usize header_bytes = mode_bytes + 1;
constexpr u32 max_words = 64;

a64::Mode make_mode(u32 from)
{
    a64::Mode mode;
    mode.el = static_cast<u8>(from & 1);
    bool* const flags[] = {&mode.sp_el0,         &mode.mmu_on,         &mode.big_endian,    &mode.align_check,
                           &mode.sp_align_check, &mode.fp_trap,        &mode.pan,           &mode.uao,
                           &mode.step,           &mode.debug,          &mode.el0_daif_trap, &mode.el0_cache_trap,
                           &mode.el0_ctr_trap,   &mode.el0_dczva_trap, &mode.el0_wfi_trap,  &mode.el0_wfe_trap,
                           &mode.fp_not_default};
    unsigned at = 1;
    for (bool* flag : flags) *flag = test_bit(from, at++);
    mode.fpcr_mode = mode.fp_not_default ? static_cast<u8>(bits(from, at, 6)) : u8{0};
    return mode;
}

void lower_both_ways(const ir::Block& block, u64 key)
{
    for (const bool fuse : {true, false}) {
        const auto lowered = interpreter::lower(block, 0, key, {.fuse = fuse});
        GIMBAL_ASSERT(lowered || lowered.error() == translator::LowerError::too_large);
    }
}

} // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size < header_bytes + 4) return 0;
    u32 mode_word = 0;
    std::memcpy(&mode_word, data, mode_bytes);
    const a64::Mode mode = make_mode(mode_word);
    const u32 count = static_cast<u32>(std::min<usize>(max_words, (size - header_bytes) / 4));
    const u32 start = u32{data[mode_bytes]} * 16;
    ir::Block block;
    block.guest_offset = static_cast<u16>(start);
    a64::Translator translator(block, mode, start);
    u32 offset = start;
    u16 done = 0;
    for (; done < count && offset < 4096 && !translator.ir.ended(); ++done, offset += 4) {
        a64::Insn insn;
        std::memcpy(&insn.raw, data + header_bytes + usize{done} * 4, 4);
        translator.begin(done, offset);
        if (const a64::DecodeRow* row = a64::decode(insn))
            row->translate(translator, insn);
        else
            translator.undefined();
    }
    block.guest_count = done;
    if (!translator.ir.ended()) translator.ir.jump(offset);
    const auto verdict = ir::verify(block);
    if (!verdict) panic(ir::print(verdict.error(), block).c_str(), __FILE__, __LINE__);
    lower_both_ways(block, mode.key());
    return 0;
}
