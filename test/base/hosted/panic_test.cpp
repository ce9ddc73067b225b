// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "base/assert.hpp"

TEST(PanicDeathTest, NamesTheConditionAndThePlaceThenAborts)
{
    EXPECT_DEATH(GIMBAL_ASSERT(1 + 1 == 3), "internal error: 1 \\+ 1 == 3 \\(.*panic_test\\.cpp:[0-9]+\\)");
}

TEST(PanicDeathTest, UnreachableCodeEndsTheProcess) { EXPECT_DEATH(GIMBAL_UNREACHABLE(), "unreachable"); }
