// SPDX-License-Identifier: Apache-2.0
//
// What depends on the instruction's own address: branches, ADR, ADRP.
#include <gtest/gtest.h>

#include <memory>

#include "test/engine/translator/frontend/ir_evaluator.hpp"
#include "test/engine/translator/vectors/translate.hpp"

namespace gimbal::translator::aarch64::test {
namespace {

using Kind = IrEvaluator::Outcome::Kind;

constexpr u64 page = 0xFFFF'8000'1234'5000;

class A64Branch : public testing::Test {
protected:
    /// Where `word` at `page_offset` leads.
    u64 target(u32 word, u32 page_offset = 0x100)
    {
        guest_->common.pc_page = page;
        const ir::Block block = translate({word}, Mode{}, page_offset);
        IrEvaluator evaluator(*guest_, {}, 0);
        const IrEvaluator::Outcome outcome = evaluator.run(block);
        EXPECT_EQ(outcome.kind, Kind::jump);
        return outcome.address;
    }

    std::unique_ptr<GuestState> guest_ = std::make_unique<GuestState>();
};

TEST_F(A64Branch, Unconditional)
{
    EXPECT_EQ(target(0x14000004), page + 0x110);              // b #16
    EXPECT_EQ(target(0x17FFFFFF, 0), page - 4);               // b #-4, out of the page
    EXPECT_EQ(target(0x15FFFFFF), page + 0x100 + 0x7FF'FFFC); // b #0x7fffffc
    EXPECT_EQ(target(0x16000000), page + 0x100 - 0x800'0000); // b #-0x8000000
}

TEST_F(A64Branch, BranchWithLink)
{
    EXPECT_EQ(target(0x94000400, 0xFFC), page + 0xFFC + 0x1000); // bl #0x1000
    EXPECT_EQ(guest_->x[30], page + 0x1000);
}

TEST_F(A64Branch, Register)
{
    guest_->x[3] = 0x1'2345'6788;
    EXPECT_EQ(target(0xD61F0060), 0x1'2345'6788U); // br x3
    EXPECT_EQ(target(0xD63F0060), 0x1'2345'6788U); // blr x3
    EXPECT_EQ(guest_->x[30], page + 0x104);
    EXPECT_EQ(target(0xD65F03C0), page + 0x104); // ret
    EXPECT_EQ(target(0xD61F03E0), 0U);           // br xzr
}

TEST_F(A64Branch, LinkRegisterCanBeTheTarget)
{
    guest_->x[30] = 0x4000;
    EXPECT_EQ(target(0xD63F03C0), 0x4000U); // blr x30
    EXPECT_EQ(guest_->x[30], page + 0x104);
}

TEST_F(A64Branch, RegisterHintsTellCallsAndReturns)
{
    const auto hint = [](u32 word) { return static_cast<ir::JumpHint>(translate({word}, Mode{}).insts.back().sub); };
    EXPECT_EQ(hint(0xD61F0060), ir::JumpHint::branch);
    EXPECT_EQ(hint(0xD63F0060), ir::JumpHint::call);
    EXPECT_EQ(hint(0xD65F03C0), ir::JumpHint::ret);
}

TEST_F(A64Branch, ConditionsFollowTheFlags)
{
    for (u32 cond = 0; cond < 16; ++cond) {
        for (u32 flags = 0; flags < 16; ++flags) {
            const bool n = (flags & 8) != 0;
            const bool z = (flags & 4) != 0;
            const bool c = (flags & 2) != 0;
            const bool v = (flags & 1) != 0;
            const bool holds[] = {z,          !z,     c,      !c,           n,           !n,   v,   !v, c && !z,
                                  !(c && !z), n == v, n != v, !z && n == v, z || n != v, true, true};
            guest_->nzcv = flags << 28;
            const u64 expected = holds[cond] ? page + 0x100 - 32 : page + 0x104;
            EXPECT_EQ(target(0x54FFFF00 | cond), expected) << cond << ' ' << flags; // b.cond #-32
        }
    }
}

TEST_F(A64Branch, CompareAndBranch)
{
    guest_->x[1] = u64{1} << 32;
    EXPECT_EQ(target(0x34000041), page + 0x108);             // cbz w1, #8
    EXPECT_EQ(target(0xB4000041), page + 0x104);             // cbz x1, #8
    EXPECT_EQ(target(0x35000041), page + 0x104);             // cbnz w1, #8
    EXPECT_EQ(target(0xB5000041), page + 0x108);             // cbnz x1, #8
    EXPECT_EQ(target(0xB480001F), page + 0x100 - 0x10'0000); // cbz xzr, #-0x100000
}

TEST_F(A64Branch, TestBitAndBranch)
{
    guest_->x[2] = u64{1} << 63 | 1;
    EXPECT_EQ(target(0x36000042), page + 0x104);          // tbz w2, #0, #8
    EXPECT_EQ(target(0x37000042), page + 0x108);          // tbnz w2, #0, #8
    EXPECT_EQ(target(0xB7F80042), page + 0x108);          // tbnz x2, #63, #8
    EXPECT_EQ(target(0xB6F00042), page + 0x108);          // tbz x2, #62, #8
    EXPECT_EQ(target(0xB7FC0002), page + 0x100 - 0x8000); // tbnz x2, #63, #-0x8000
}

TEST_F(A64Branch, AFallThroughGoesOnInTheBlock)
{
    guest_->x[1] = 1;
    guest_->common.pc_page = page;
    const ir::Block block = translate({0xB4000041, 0x91000421, 0x14000000}, Mode{}, 0); // cbz x1; add x1, x1, #1; b #0
    IrEvaluator evaluator(*guest_, {}, 0);
    EXPECT_EQ(evaluator.run(block).address, page + 8);
    EXPECT_EQ(guest_->x[1], 2U);
}

TEST_F(A64Branch, AddressesCountFromTheInstruction)
{
    target(0x10000004, 0xFFC); // adr x4, #0
    EXPECT_EQ(guest_->x[4], page + 0xFFC);
    target(0x70FFFFE4); // adr x4, #-1
    EXPECT_EQ(guest_->x[4], page + 0xFF);
    target(0x90000004); // adrp x4, #0
    EXPECT_EQ(guest_->x[4], page);
    target(0xB0FFFFE4); // adrp x4, #-0x3000
    EXPECT_EQ(guest_->x[4], page - 0x3000);
}

} // namespace
} // namespace gimbal::translator::aarch64::test
