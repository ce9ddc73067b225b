// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <memory>

#include "test/engine/translator/frontend/execution_vectors.hpp"
#include "test/engine/translator/frontend/ir_evaluator.hpp"

namespace gimbal::translator::aarch64::test {
namespace {

TEST(A64Execution, LeavesTheStateThatTheReferenceLeaves)
{
    for (const ExecutionVector& vector : execution_vectors) {
        ExecutionState state = initial_state(vector.seed);
        auto guest = std::make_unique<GuestState>();
        copy_registers(state, *guest);
        IrEvaluator evaluator(*guest, state.memory, memory_address);
        EXPECT_EQ(evaluator.run(translate_vector(vector)).kind, IrEvaluator::Outcome::Kind::jump) << vector.row;
        copy_registers(*guest, state);
        EXPECT_EQ(digest(state), vector.digest) << vector.row << std::hex << " word " << vector.words[0] << ' '
                                                << vector.words[1] << " seed " << vector.seed;
    }
}

} // namespace
} // namespace gimbal::translator::aarch64::test
