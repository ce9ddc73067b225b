// SPDX-License-Identifier: Apache-2.0
#include "bare/options.hpp"

#include <gtest/gtest.h>

namespace gimbal::bare {
namespace {

TEST(Options, the_defaults_break_nothing)
{
    for (const char* line : {"", " ", "console=ttyAMA0 root=/dev/vda", "vhe=off gimbalvhe=off"}) {
        const auto options = read_options(line);
        ASSERT_TRUE(options) << line;
        EXPECT_TRUE(options->use_vhe);
        EXPECT_FALSE(options->test_fault);
    }
}

TEST(Options, vhe_is_on_or_off)
{
    EXPECT_FALSE(read_options("quiet gimbal.vhe=off")->use_vhe);
    EXPECT_TRUE(read_options("gimbal.vhe=off gimbal.vhe=on")->use_vhe);
    for (const char* line : {"gimbal.vhe", "gimbal.vhe=", "gimbal.vhe=maybe", "gimbal.vhe=off="})
        EXPECT_EQ(read_options(line).error(), OptionsError::vhe) << line;
}

TEST(Options, a_test_fault_has_a_cpu_a_turn_and_a_kind)
{
    const auto plain = read_options("gimbal.test-fault=1:200")->test_fault;
    ASSERT_TRUE(plain);
    EXPECT_EQ(plain->cpu, 1U);
    EXPECT_EQ(plain->turns, 200U);
    EXPECT_EQ(plain->kind, FaultKind::load);
    EXPECT_EQ(read_options("gimbal.test-fault=0:1:panic")->test_fault->kind, FaultKind::panic);
    EXPECT_EQ(read_options("gimbal.test-fault=0:1:stack")->test_fault->kind, FaultKind::stack);
    for (const char* value :
         {"", "1", "1:", "1:0", "a:1", "1:b", "64:1", "1:1:fire", "-1:1", "1:1:load:2", "99999999999999999999:1"})
        EXPECT_EQ(read_options((std::string("gimbal.test-fault=") + value).c_str()).error(), OptionsError::test_fault)
            << value;
}

TEST(Options, an_unknown_word_of_ours_is_an_error_and_says_so)
{
    EXPECT_EQ(read_options("gimbal.vhs=off").error(), OptionsError::unknown);
    EXPECT_EQ(read_options("gimbal.").error(), OptionsError::unknown);
    for (const auto error : {OptionsError::unknown, OptionsError::vhe, OptionsError::test_fault})
        EXPECT_NE(StrView(options_error_text(error)).find('g'), StrView::npos);
}

} // namespace
} // namespace gimbal::bare
