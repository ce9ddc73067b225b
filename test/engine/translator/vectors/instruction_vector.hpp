// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <set>
#include <span>
#include <string>

#include "test/engine/translator/vectors/translate.hpp"

namespace gimbal::translator::aarch64::test {

/// An instruction, and the digest of what a reference makes of the state that the seed gives.
struct InstructionVector {
    const char* row;
    u32 seed;
    u32 word;
    u64 digest; ///< 0: undefined
};

inline void expect_rows_of_vectors(std::span<const InstructionVector> vectors)
{
    for (const InstructionVector& vector : vectors) {
        const DecodeRow* row = decode({vector.word});
        ASSERT_NE(row, nullptr) << vector.row;
        EXPECT_STREQ(row->name, vector.row) << std::hex << vector.word;
    }
}

inline void expect_all_executed(std::set<std::string> rows, std::span<const InstructionVector> vectors)
{
    for (const InstructionVector& vector : vectors)
        if (vector.digest != 0) rows.erase(vector.row);
    EXPECT_TRUE(rows.empty()) << *rows.begin();
}

/// With the FP trap on, each is the trap and nothing else, or undefined.
inline void expect_traps_after_undefined(std::span<const InstructionVector> vectors)
{
    Mode mode;
    mode.fp_trap = true;
    for (const InstructionVector& vector : vectors) {
        const ir::Block block = translate_word(vector.word, mode);
        EXPECT_EQ(block.insts.size(), 1U) << vector.row;
        EXPECT_TRUE(ends_in_exception(block, vector.digest == 0 ? undefined_esr : fp_trapped_esr)) << vector.row;
    }
}

} // namespace gimbal::translator::aarch64::test
