// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <span>

#include "engine/translator/frontend/aarch64/decode.hpp"
#include "engine/translator/frontend/aarch64/translator.hpp"
#include "engine/translator/ir/verify.hpp"

namespace gimbal::translator::aarch64::test {

/// A block of `words` from `page_offset` on; a word without a row is undefined. Keeps the rules of ir/verify.hpp.
inline ir::Block translate(std::span<const u32> words, const Mode& mode = {}, u32 page_offset = 0)
{
    ir::Block block;
    block.guest_offset = static_cast<u16>(page_offset);
    Translator t(block, mode, page_offset);
    for (const u32 word : words) {
        if (t.ir.ended()) break;
        t.begin(block.guest_count, page_offset + block.guest_count * 4U);
        if (const DecodeRow* row = decode({word}))
            row->translate(t, {word});
        else
            t.undefined();
        ++block.guest_count;
    }
    if (!t.ir.ended()) t.ir.jump(t.next_offset());
    const auto verified = ir::verify(block);
    EXPECT_TRUE(verified.has_value()) << std::hex << words.front() << ": " << verified.error().rule;
    return block;
}

inline ir::Block translate(std::initializer_list<u32> words, const Mode& mode = {}, u32 page_offset = 0)
{
    return translate(std::span(words.begin(), words.size()), mode, page_offset);
}

inline ir::Block translate_word(u32 word, const Mode& mode = {}) { return translate({word}, mode); }

inline constexpr u64 undefined_esr = 0x0200'0000;
inline constexpr u64 fp_trapped_esr = 0x1FE0'0000;

inline bool ends_in_exception(const ir::Block& block, u64 esr)
{
    return block.insts.back().op == ir::Opcode::event && block.insts.back().imm == esr;
}

} // namespace gimbal::translator::aarch64::test
