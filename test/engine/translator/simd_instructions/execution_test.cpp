// SPDX-License-Identifier: Apache-2.0
//
// SIMD instructions, translated and interpreted, against the digests that a reference leaves.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "test/engine/translator/simd_instructions/simd_state.hpp"
#include "test/engine/translator/vectors/block_runner.hpp"
#include "test/engine/translator/vectors/instruction_vector.hpp"
#include "test/engine/translator/vectors/translate.hpp"

namespace gimbal::translator::aarch64::test {
namespace {

constexpr InstructionVector vectors[] = {
#define EXECUTE(row, seed, word, digest) {#row, seed, word, digest},
#include "test/engine/translator/simd_instructions/simd_vectors.inc"
#undef EXECUTE
};

constexpr u32 saturation_flag = u32{1} << 27; // FPSR.QC

class Machine {
public:
    /// The memory is at `address`, which the state's base registers may or may not agree with.
    explicit Machine(u64 address = simd_memory_address) : runner_(address) {}

    /// False if the instruction is undefined; else `state` is what it leaves.
    bool execute(u32 word, SimdState& state, const Mode& mode, bool fuse)
    {
        const ir::Block block = translate_word(word, mode);
        if (ends_in_exception(block, undefined_esr)) return false;
        auto guest = std::make_unique<GuestState>();
        std::memcpy(guest->v, state.v, sizeof(state.v));
        std::memcpy(guest->x, state.x, sizeof(state.x));
        std::memcpy(runner_.memory(), state.memory, sizeof(state.memory));
        runner_.run(block, *guest, fuse);
        std::memcpy(state.v, guest->v, sizeof(state.v));
        std::memcpy(state.x, guest->x, sizeof(state.x));
        std::memcpy(state.memory, runner_.memory(), sizeof(state.memory));
        state.fpsr = guest->common.fp_saturated != 0 ? saturation_flag : 0;
        return true;
    }

private:
    BlockRunner runner_;
};

class A64Simd : public testing::TestWithParam<bool> {};

TEST_P(A64Simd, LeavesTheStateThatTheReferenceLeaves)
{
    Machine machine;
    for (const InstructionVector& vector : vectors) {
        SimdState state = initial_simd_state(vector.seed);
        const bool defined = machine.execute(vector.word, state, {}, GetParam());
        EXPECT_EQ(defined ? digest(state) : 0, vector.digest)
            << vector.row << std::hex << " word " << vector.word << " seed " << vector.seed;
    }
}

INSTANTIATE_TEST_SUITE_P(Fusing, A64Simd, testing::Bool());

TEST_P(A64Simd, LiteralsAreRelativeToTheInstruction)
{
    Machine machine(0); // where the block is
    for (const auto& [opc, bytes] : {
             std::pair{0U, 4U },
             {1U, 8U },
             {2U, 16U}
    }) {
        constexpr u32 words = 25;
        SimdState state = initial_simd_state(7);
        u64 want[2]{};
        std::memcpy(want, state.memory + words * 4, bytes);
        EXPECT_TRUE(machine.execute(0x1C00'0003 | opc << 30 | words << 5, state, {}, GetParam()));
        EXPECT_EQ(state.v[3][0], want[0]);
        EXPECT_EQ(state.v[3][1], want[1]);
    }
    SimdState state;
    EXPECT_FALSE(machine.execute(0xDC00'0003, state, {}, GetParam()));
}

/// log2 of the size of the units that a load or store at x1 works on.
unsigned unit_log2(std::string_view row, Insn insn)
{
    if (row.find("_single") != row.npos) {
        const unsigned scale = insn.field(14, 2);
        return scale == 2 && insn.test(10) ? 3 : scale;
    }
    if (row.starts_with("ldp") || row.starts_with("stp") || row.starts_with("ldnp") || row.starts_with("stnp"))
        return 2 + insn.field(30, 2);
    if (row.find("_simd") != row.npos) return insn.field(30, 2) | insn.field(23, 1) << 2;
    return insn.field(10, 2);
}

/// All whole units of the memory, counted from the one at x1, backwards.
void reverse_units(SimdState& state, u64 base, u64 unit)
{
    const u64 middle = base - simd_memory_address;
    for (u64 at = middle % unit; at + unit <= simd_memory_bytes; at += unit)
        std::reverse(state.memory + at, state.memory + at + unit);
}

/// Big-endian memory differs in the order of the bytes inside each element, and in nothing else.
TEST_P(A64Simd, BigEndianReversesElements)
{
    Machine machine;
    Mode big;
    big.big_endian = true;
    unsigned count = 0;
    for (const InstructionVector& vector : vectors) {
        const std::string_view row = vector.row;
        const bool is_memory = row.starts_with("ld") || row.starts_with("st");
        const bool unscaled = row.find("_pre_index") != row.npos || row.find("dur_") != row.npos ||
                              row.find("tur_") != row.npos || row.find("_register_") != row.npos;
        if (!is_memory || (unscaled && !row.starts_with("ldp") && !row.starts_with("stp")) || vector.digest == 0)
            continue;
        SimdState little_state = initial_simd_state(vector.seed);
        SimdState big_state = little_state;
        const u64 base = big_state.x[1];
        const u64 unit = u64{1} << unit_log2(row, {vector.word});
        reverse_units(big_state, base, unit);
        machine.execute(vector.word, little_state, {}, GetParam());
        machine.execute(vector.word, big_state, big, GetParam());
        reverse_units(big_state, base, unit);
        EXPECT_EQ(digest(big_state), digest(little_state)) << row << std::hex << " word " << vector.word;
        ++count;
    }
    EXPECT_GT(count, 200U);
}

TEST(A64SimdDecode, WordsFindTheirRow) { expect_rows_of_vectors(vectors); }

TEST(A64SimdDecode, EveryRowIsExecuted)
{
    std::set<std::string> rows{
#define A64(name, pattern) #name,
#include "engine/translator/frontend/aarch64/tables/crypto.inc"
#include "engine/translator/frontend/aarch64/tables/simd_integer.inc"
#include "engine/translator/frontend/aarch64/tables/simd_load_store.inc"
#undef A64
    };
    rows.erase("ldr_literal_simd"); // has a test of its own
    expect_all_executed(std::move(rows), vectors);
}

/// Whatever the mode, alignment checks included; SCTLR.A takes structures apart into elements.
TEST(A64SimdDecode, TrapsComeAfterUndefined)
{
    expect_traps_after_undefined(vectors);
    Mode checking;
    checking.align_check = true;
    for (const InstructionVector& vector : vectors)
        EXPECT_EQ(ends_in_exception(translate_word(vector.word, checking), undefined_esr), vector.digest == 0);
}

} // namespace
} // namespace gimbal::translator::aarch64::test
