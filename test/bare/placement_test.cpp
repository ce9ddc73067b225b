// SPDX-License-Identifier: Apache-2.0
#include "bare/placement.hpp"

#include <gtest/gtest.h>

namespace gimbal::bare {
namespace {

constexpr u64 any = 0;

TEST(Placement, vcpus_spread_over_all_cpus)
{
    Placement<8> placement(3);
    for (const unsigned expected : {0U, 1U, 2U, 0U, 1U}) EXPECT_EQ(placement.place(any, 100), expected);
}

TEST(Placement, an_affinity_is_kept)
{
    Placement<8> placement(4);
    for (const unsigned expected : {1U, 3U, 1U, 3U}) EXPECT_EQ(placement.place(0b1010, 100), expected);
    EXPECT_EQ(placement.place(any, 100), 0U) << "the others go where there is room";
    EXPECT_EQ(placement.place(any, 100), 2U);
}

TEST(Placement, cpus_that_the_board_lacks_are_left_out)
{
    Placement<8> placement(2);
    EXPECT_EQ(placement.place(0b110, 100), 1U);
    EXPECT_EQ(placement.place(u64{1} << 63 | 0b100, 100), std::nullopt);
}

TEST(Placement, a_small_budget_takes_little_room)
{
    Placement<8> placement(2);
    EXPECT_EQ(placement.place(any, 100), 0U);
    EXPECT_EQ(placement.place(any, 20), 1U);
    EXPECT_EQ(placement.place(any, 20), 1U);
    EXPECT_EQ(placement.place(any, 100), 1U);
    EXPECT_EQ(placement.place(any, 20), 0U);
}

} // namespace
} // namespace gimbal::bare
