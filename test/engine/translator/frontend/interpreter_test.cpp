// SPDX-License-Identifier: Apache-2.0
//
// The execution vectors again, through the interpreter.
#include <gtest/gtest.h>

#include <memory>

#include "test/engine/translator/frontend/execution_vectors.hpp"
#include "test/engine/translator/vectors/block_runner.hpp"

namespace gimbal::translator::aarch64::test {
namespace {

class A64Interpreter : public testing::TestWithParam<bool> {
protected:
    /// Runs the vector from its initial state and returns the state left.
    ExecutionState run(const ExecutionVector& vector)
    {
        ExecutionState state = initial_state(vector.seed);
        auto guest = std::make_unique<GuestState>();
        copy_registers(state, *guest);
        std::memcpy(runner_.memory(), state.memory, memory_bytes);
        runner_.run(translate_vector(vector), *guest, GetParam());
        copy_registers(*guest, state);
        std::memcpy(state.memory, runner_.memory(), memory_bytes);
        return state;
    }
    BlockRunner runner_{memory_address};
};

TEST_P(A64Interpreter, LeavesTheStateThatTheReferenceLeaves)
{
    for (const ExecutionVector& vector : execution_vectors)
        EXPECT_EQ(digest(run(vector)), vector.digest) << vector.row << std::hex << " word " << vector.words[0] << ' '
                                                      << vector.words[1] << " seed " << vector.seed;
}

INSTANTIATE_TEST_SUITE_P(Fusing, A64Interpreter, testing::Bool());

} // namespace
} // namespace gimbal::translator::aarch64::test
