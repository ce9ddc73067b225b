// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstring>
#include <memory>

#include "test/engine/translator/frontend/execution_state.hpp"
#include "test/engine/translator/frontend/ir_evaluator.hpp"
#include "test/engine/translator/frontend/translate.hpp"

namespace gimbal::translator::aarch64::test {
namespace {

constexpr u32 nop = 0xD503'201F;

struct Vector {
    const char* row;
    u32 seed;
    u32 words[2];
    u64 digest;
};

constexpr Vector vectors[] = {
#define EXECUTE(row, seed, first, second, digest)                                                                      \
    {                                                                                                                  \
        #row, seed, {first, second}, \
          digest \
},
#include "test/engine/translator/frontend/execution_vectors.inc"
#undef EXECUTE
};

Mode user_mode()
{
    Mode mode;
    mode.el = 0;
    mode.sp_align_check = true;
    return mode;
}

ir::Block translate_vector(const Vector& vector)
{
    if (vector.words[1] == nop) return translate({vector.words[0]}, user_mode());
    return translate({vector.words[0], vector.words[1]}, user_mode());
}

TEST(A64Execution, LeavesTheStateThatTheReferenceLeaves)
{
    for (const Vector& vector : vectors) {
        ExecutionState state = initial_state(vector.seed);
        auto guest = std::make_unique<GuestState>();
        std::memcpy(guest->x, state.x, sizeof(guest->x));
        guest->sp = state.sp;
        guest->nzcv = static_cast<u32>(state.nzcv);
        const ir::Block block = translate_vector(vector);
        IrEvaluator evaluator(*guest, state.memory, memory_address);
        const IrEvaluator::Outcome outcome = evaluator.run(block);
        EXPECT_EQ(outcome.kind, IrEvaluator::Outcome::Kind::jump) << vector.row;
        std::memcpy(state.x, guest->x, sizeof(guest->x));
        state.sp = guest->sp;
        state.nzcv = guest->nzcv;
        EXPECT_EQ(digest(state), vector.digest) << vector.row << std::hex << " word " << vector.words[0] << ' '
                                                << vector.words[1] << " seed " << vector.seed;
    }
}

} // namespace
} // namespace gimbal::translator::aarch64::test
