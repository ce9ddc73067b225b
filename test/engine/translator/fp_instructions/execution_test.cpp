// SPDX-License-Identifier: Apache-2.0
//
// Floating-point instructions, translated and interpreted, against the digests that a reference leaves.
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "test/engine/translator/fp_instructions/fp_state.hpp"
#include "test/engine/translator/vectors/block_runner.hpp"
#include "test/engine/translator/vectors/instruction_vector.hpp"
#include "test/engine/translator/vectors/translate.hpp"

namespace gimbal::translator::aarch64::test {
namespace {

constexpr InstructionVector vectors[] = {
#define EXECUTE(row, seed, word, digest) {#row, seed, word, digest},
#include "test/engine/translator/fp_instructions/fp_vectors.inc"
#undef EXECUTE
};

struct Golden {
    const char* row;
    u32 word;
    const char* text;
};

constexpr Golden golden[] = {
#define GOLDEN(row, word, text) {#row, word, text},
#include "test/engine/translator/fp_instructions/golden_words.inc"
#undef GOLDEN
};

constexpr u32 saturation_flag = u32{1} << 27; // FPSR.QC

void copy(const FpState& from, GuestState& to)
{
    std::memcpy(to.v, from.v, sizeof(to.v));
    std::memcpy(to.x, from.x, sizeof(from.x));
    to.nzcv = static_cast<u32>(from.nzcv);
    fp::FpEnv& env = to.common.fp;
    env.rounding = static_cast<fp::Rounding>(bits(from.fpcr, 22, 2));
    env.flush_to_zero = test_bit(from.fpcr, 24);
    env.flush_half = test_bit(from.fpcr, 19);
    env.default_nan = test_bit(from.fpcr, 25);
    env.alternative_half = test_bit(from.fpcr, 26);
    env.flags = static_cast<u32>(from.fpsr & 0x9F);
    to.common.fp_saturated = (from.fpsr & saturation_flag) != 0 ? 1 : 0;
}

void copy(const GuestState& from, FpState& to)
{
    std::memcpy(to.v, from.v, sizeof(to.v));
    std::memcpy(to.x, from.x, sizeof(to.x));
    to.nzcv = from.nzcv;
    to.fpsr = from.common.fp.flags | (from.common.fp_saturated != 0 ? saturation_flag : 0);
}

/// The state after the block, which has no exceptions.
FpState execute(const FpState& before, const ir::Block& block, bool fuse)
{
    FpState state = before;
    auto guest = std::make_unique<GuestState>();
    copy(state, *guest);
    BlockRunner(0).run(block, *guest, fuse);
    copy(*guest, state);
    return state;
}

/// The state's digest after the instruction, or 0 if it is undefined.
u64 execute(u32 seed, u32 word, bool fuse)
{
    const ir::Block block = translate_word(word);
    return ends_in_exception(block, undefined_esr) ? 0 : digest(execute(initial_fp_state(seed), block, fuse));
}

class A64FloatingPoint : public testing::TestWithParam<bool> {};

TEST_P(A64FloatingPoint, LeavesTheStateThatTheReferenceLeaves)
{
    for (const InstructionVector& vector : vectors)
        EXPECT_EQ(execute(vector.seed, vector.word, GetParam()), vector.digest)
            << vector.row << std::hex << " word " << vector.word << " seed " << vector.seed;
}

TEST_P(A64FloatingPoint, NothingIsComparedIfTheConditionFails)
{
    FpState state;
    state.v[0][0] = 0x7F80'0001;                        // signaling NaN
    const ir::Block block = translate_word(0x1E210405); // fccmp s0, s1, #5, eq
    const FpState failed = execute(state, block, GetParam());
    EXPECT_EQ(failed.nzcv, 0x5000'0000U);
    EXPECT_EQ(failed.fpsr, 0U);
    state.nzcv = 0x4000'0000;
    const FpState held = execute(state, block, GetParam());
    EXPECT_EQ(held.nzcv, 0x3000'0000U);
    EXPECT_EQ(held.fpsr, 1U);
}

INSTANTIATE_TEST_SUITE_P(Fusing, A64FloatingPoint, testing::Bool());

/// The same instruction on registers 0 to 3, or 0 if it has no such form.
u32 crowded(const InstructionVector& vector)
{
    const u32 word = vector.word & ~u32{0x001C'039C};
    const DecodeRow* row = decode({word});
    const bool usable = row != nullptr && std::string_view(row->name) == vector.row &&
                        !ends_in_exception(translate_word(word), undefined_esr);
    return usable ? word : 0;
}

TEST(A64FloatingPointFusing, SequencesLeaveWhatSingleStepsLeave)
{
    constexpr usize length = 6;
    FpRandom random(3);
    for (u32 round = 0; round < 3000; ++round) {
        u32 words[length]{};
        for (u32& word : words)
            while (word == 0) word = crowded(vectors[random.below(std::size(vectors))]);
        FpState stepped = initial_fp_state(round);
        for (const u32 word : words) stepped = execute(stepped, translate_word(word), false);
        const FpState fused = execute(initial_fp_state(round), translate(words), true);
        ASSERT_EQ(digest(fused), digest(stepped))
            << "round " << round << std::hex << ": " << words[0] << ' ' << words[1] << ' ' << words[2] << ' '
            << words[3] << ' ' << words[4] << ' ' << words[5];
    }
}

TEST(A64FloatingPointDecode, WordsFindTheirRow) { expect_rows_of_vectors(vectors); }

TEST(A64FloatingPointDecode, GoldenWordsFindTheRowOfTheirMnemonic)
{
    for (const Golden& g : golden) {
        const DecodeRow* row = decode({g.word});
        ASSERT_NE(row, nullptr) << g.text;
        EXPECT_STREQ(row->name, g.row) << g.text;
        const std::string_view name = g.row;
        EXPECT_TRUE(std::string_view(g.text).starts_with(name.substr(0, name.find('_')))) << g.row << ": " << g.text;
        EXPECT_FALSE(ends_in_exception(translate_word(g.word), undefined_esr)) << g.text;
    }
}

TEST(A64FloatingPointDecode, EveryRowIsExecuted)
{
    std::set<std::string> rows{
#define A64(name, pattern) #name,
#include "engine/translator/frontend/aarch64/tables/fp_scalar.inc"
#include "engine/translator/frontend/aarch64/tables/simd_fp.inc"
#undef A64
    };
    expect_all_executed(std::move(rows), vectors);
}

TEST(A64FloatingPointDecode, TrapsComeAfterUndefined) { expect_traps_after_undefined(vectors); }

} // namespace
} // namespace gimbal::translator::aarch64::test
