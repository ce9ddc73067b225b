// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "test/engine/el2/trap_fixture.hpp"

namespace gimbal::el2::test {

/// An instruction whose accesses are answered one by one.
class SequenceTest : public TrapTest {
protected:
    static constexpr u64 buffer = device + 0x100;

    /// Answers reads of `size` bytes at `buffer` on with 1, 2, 3 ...; the last one ends the instruction.
    void expect_reads(unsigned count, unsigned size, u64 from = buffer)
    {
        for (unsigned i = 0; i < count; ++i) {
            expect_access(Direction::read, from + u64{i} * size, size);
            EXPECT_EQ(frame.elr, pc);
            ASSERT_EQ(done(i + 1), i + 1 != count) << i;
        }
        EXPECT_EQ(frame.elr, pc + 4);
    }
    void expect_writes(const std::vector<u64>& values, unsigned size, u64 from = buffer)
    {
        for (usize i = 0; i < values.size(); ++i) {
            expect_access(Direction::write, from + i * size, size, values[i]);
            ASSERT_EQ(done(), i + 1 != values.size());
        }
        EXPECT_EQ(frame.elr, pc + 4);
    }
};

} // namespace gimbal::el2::test
