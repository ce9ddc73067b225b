// SPDX-License-Identifier: Apache-2.0
#include "arch/aarch64/context_frame.hpp"

#include <gtest/gtest.h>

#include <string>

#include "generated/arch/aarch64/offsets.h"

namespace gimbal::aarch64 {
namespace {

TEST(ContextFrame, A1_LayoutIs272BytesInTheOrderThatTheAssemblyKnows)
{
    EXPECT_EQ(sizeof(ContextFrame), 272U);
    EXPECT_EQ(offsetof(ContextFrame, x), 0U);
    EXPECT_EQ(offsetof(ContextFrame, sp_el0), 248U);
    EXPECT_EQ(offsetof(ContextFrame, elr), 256U);
    EXPECT_EQ(offsetof(ContextFrame, spsr), 264U);
}

TEST(ContextFrame, A1_GeneratedOffsetsAreTheTypesOwn)
{
    EXPECT_EQ(usize{CONTEXT_FRAME_X}, offsetof(ContextFrame, x));
    EXPECT_EQ(usize{CONTEXT_FRAME_SP_EL0}, offsetof(ContextFrame, sp_el0));
    EXPECT_EQ(usize{CONTEXT_FRAME_ELR}, offsetof(ContextFrame, elr));
    EXPECT_EQ(usize{CONTEXT_FRAME_SPSR}, offsetof(ContextFrame, spsr));
    EXPECT_EQ(usize{CONTEXT_FRAME_SIZE}, sizeof(ContextFrame));
}

TEST(ContextFrame, A2_StartsAtEl1hWithEverythingMasked)
{
    ContextFrame frame;
    EXPECT_EQ(frame.spsr, 0x3C5U);
    for (unsigned i = 0; i < 31; ++i) EXPECT_EQ(frame.gpr(i), 0U);
    EXPECT_EQ(frame.elr, 0U);
    EXPECT_EQ(frame.sp_el0, 0U);
    frame.set_argument(7);
    EXPECT_EQ(frame.x[0], 7U);
    frame.set_return_value(9);
    EXPECT_EQ(frame.x[0], 9U);
}

TEST(ContextFrame, A3_Register31IsZeroAndIgnoresWrites)
{
    ContextFrame frame;
    const ContextFrame before = frame;
    frame.set_gpr(31, ~u64{0});
    EXPECT_EQ(frame, before);
    EXPECT_EQ(frame.gpr(31), 0U);
    for (unsigned i = 0; i < 31; ++i) frame.set_gpr(i, i + 100);
    for (unsigned i = 0; i < 31; ++i) EXPECT_EQ(frame.gpr(i), i + 100);
    EXPECT_EQ(frame.sp_el0, 0U);
}

TEST(ContextFrameDeathTest, A3_AnIndexAbove31IsAFaultOfTheCaller)
{
    ContextFrame frame;
    EXPECT_DEATH((void)frame.gpr(32), "internal error");
    EXPECT_DEATH(frame.set_gpr(32, 0), "internal error");
}

TEST(ContextFrame, A4_BootEntrySetsElrAndTheFourArguments)
{
    ContextFrame frame;
    for (unsigned i = 0; i < 31; ++i) frame.set_gpr(i, 5);
    frame.set_boot_entry(0x4020'0000, 0x4800'0000);
    EXPECT_EQ(frame.exception_pc(), 0x4020'0000U);
    EXPECT_EQ(frame.x[0], 0x4800'0000U);
    EXPECT_EQ(frame.x[1] | frame.x[2] | frame.x[3], 0U);
    frame.set_exception_pc(0x1234);
    EXPECT_EQ(frame.elr, 0x1234U);
}

TEST(ContextFrame, FormatNamesEveryRegisterAndNeverOverruns)
{
    ContextFrame frame;
    frame.x[30] = 0xDEAD'BEEF;
    frame.elr = 0x4000'0000;
    char buffer[context_frame_text_size];
    const std::string text(buffer, format(frame, buffer));
    EXPECT_NE(text.find("x30: 00000000deadbeef\n"), std::string::npos);
    EXPECT_NE(text.find("spsr: 00000000000003c5\n"), std::string::npos);
    EXPECT_NE(text.find("elr: 0000000040000000   sp_el0: 0000000000000000\n"), std::string::npos);
    EXPECT_LT(text.size(), sizeof(buffer));

    char small[10] = {};
    small[9] = '#';
    EXPECT_EQ(format(frame, std::span(small, 9)), 9U);
    EXPECT_EQ(small[9], '#');
    EXPECT_EQ(format(frame, {}), 0U);
}

} // namespace
} // namespace gimbal::aarch64
