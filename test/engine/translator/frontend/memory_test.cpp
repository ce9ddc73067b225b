// SPDX-License-Identifier: Apache-2.0
//
// What a memory access carries beside its data, and what is left when it faults.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>

#include "test/engine/translator/frontend/ir_evaluator.hpp"
#include "test/engine/translator/vectors/translate.hpp"

namespace gimbal::translator::aarch64::test {
namespace {

using Kind = IrEvaluator::Outcome::Kind;

constexpr u64 ram = 0x7000'0000;

std::optional<ir::MemOp> access(u32 word, const Mode& mode = {})
{
    for (const ir::Inst& inst : translate({word}, mode).insts)
        if (inst.op >= ir::Opcode::load && inst.op <= ir::Opcode::atomic_cas) return ir::MemOp::unpack(inst.imm);
    return {};
}

usize alignment_checks(std::initializer_list<u32> words, bool enabled = true)
{
    Mode mode;
    mode.sp_align_check = enabled;
    const ir::Block block = translate(words, mode);
    return static_cast<usize>(
        std::ranges::count_if(block.insts, [](const ir::Inst& inst) { return inst.op == ir::Opcode::call; }));
}

class A64Memory : public testing::Test {
protected:
    A64Memory()
    {
        for (usize n = 0; n < memory_.size(); ++n) memory_[n] = static_cast<u8>(n + 0x10);
        for (u64& x : guest_->x) x = 0xAAAA'AAAA'AAAA'AAAA;
        guest_->x[3] = ram;
    }

    IrEvaluator::Outcome run(u32 word, const Mode& mode = {}, u32 page_offset = 0)
    {
        IrEvaluator evaluator(*guest_, memory_, ram);
        return evaluator.run(translate({word}, mode, page_offset));
    }

    std::unique_ptr<GuestState> guest_ = std::make_unique<GuestState>();
    std::array<u8, 64> memory_{};
};

TEST_F(A64Memory, LiteralsCountFromTheInstruction)
{
    guest_->common.pc_page = ram - 0x800;
    run(0x18000081, {}, 0x800); // ldr w1, #16
    EXPECT_EQ(guest_->x[1], 0x2322'2120U);
    run(0x58FFFFC1, {}, 0x810); // ldr x1, #-8
    EXPECT_EQ(guest_->x[1], 0x1F1E'1D1C'1B1A'1918U);
    memory_[11] = 0x80;
    run(0x98000041, {}, 0x800); // ldrsw x1, #8
    EXPECT_EQ(guest_->x[1], 0xFFFF'FFFF'801A'1918U);
}

TEST_F(A64Memory, AFaultLeavesRegistersAlone)
{
    constexpr u32 words[] = {
        0xA8C10861, // ldp x1, x2, [x3], #16
        0xA9C10861, // ldp x1, x2, [x3, #16]!
        0xF8408461, // ldr x1, [x3], #8
        0xA8810861, // stp x1, x2, [x3], #16
        0xF8620061, // ldaddl x2, x1, [x3]
        0xC8E1FC62, // casal x1, x2, [x3]
        0xC87F0861, // ldxp x1, x2, [x3]
        0xC8017C62, // stxr w1, x2, [x3]
    };
    guest_->x[3] = ram + memory_.size() - 4;
    const auto before = std::to_array(guest_->x);
    for (const u32 word : words) {
        EXPECT_EQ(run(word).kind, Kind::fault) << std::hex << word;
        EXPECT_TRUE(std::ranges::equal(before, guest_->x)) << std::hex << word;
    }
}

TEST_F(A64Memory, APairLoadsBothBeforeItWritesEither)
{
    guest_->x[3] = ram + memory_.size() - 8;
    EXPECT_EQ(run(0xA8C10861).kind, Kind::fault); // ldp x1, x2, [x3], #16
    EXPECT_EQ(guest_->x[1], 0xAAAA'AAAA'AAAA'AAAAU);
    EXPECT_EQ(guest_->x[3], ram + memory_.size() - 8);
}

TEST_F(A64Memory, BigEndianSwapsElementsAndKeepsTheirOrder)
{
    Mode big;
    big.big_endian = true;
    run(0xA9400861, big); // ldp x1, x2, [x3]
    EXPECT_EQ(guest_->x[1], 0x1011'1213'1415'1617U);
    EXPECT_EQ(guest_->x[2], 0x1819'1A1B'1C1D'1E1FU);
    run(0xC87F1464, big); // ldxp x4, x5, [x3]
    EXPECT_EQ(guest_->x[4], guest_->x[1]);
    EXPECT_EQ(guest_->x[5], guest_->x[2]);
    run(0x887F1464, big); // ldxp w4, w5, [x3]
    EXPECT_EQ(guest_->x[4], 0x1011'1213U);
    EXPECT_EQ(guest_->x[5], 0x1415'1617U);
    run(0x887F1464); // the same, little-endian
    EXPECT_EQ(guest_->x[4], 0x1312'1110U);
    EXPECT_EQ(guest_->x[5], 0x1716'1514U);
}

TEST_F(A64Memory, BigEndianPairsCompareAndStoreInOrder)
{
    Mode big;
    big.big_endian = true;
    guest_->x[4] = ram;
    guest_->x[0] = 0x1011'1213;
    guest_->x[1] = 0x1415'1617;
    guest_->x[2] = 0xA0A1'A2A3;
    run(0x08207C82, big); // casp w0, w1, w2, w3, [x4]; w3 is the low word of ram's address
    EXPECT_EQ(guest_->x[0], 0x1011'1213U);
    constexpr u8 expected[] = {0xA0, 0xA1, 0xA2, 0xA3, 0x70, 0, 0, 0, 0x18};
    EXPECT_TRUE(std::ranges::equal(expected, std::span(memory_).first(9)));
}

TEST_F(A64Memory, WriteBackToTheLoadedRegisterLeavesTheAddress)
{
    run(0xF8408C63); // ldr x3, [x3, #8]!
    EXPECT_EQ(guest_->x[3], ram + 8);
    run(0xF8008463); // str x3, [x3], #8
    EXPECT_EQ(guest_->x[3], ram + 16);
    EXPECT_EQ(memory_[8], (ram + 8) & 0xFF);
}

TEST_F(A64Memory, AMisalignedStackPointerIsAnException)
{
    Mode mode;
    mode.sp_align_check = true;
    guest_->sp = ram + 8;
    const IrEvaluator::Outcome outcome = run(0xF94003E1, mode); // ldr x1, [sp]
    EXPECT_EQ(outcome.kind, Kind::event);
    EXPECT_EQ(outcome.payload, 0x9A00'0000U);
    EXPECT_EQ(guest_->x[1], 0xAAAA'AAAA'AAAA'AAAAU);
    guest_->common.unwind = Unwind::none;
    EXPECT_EQ(run(0xF94003E1).kind, Kind::jump);
    EXPECT_EQ(run(0xF98003E0, mode).kind, Kind::jump); // prfm pldl1keep, [sp]
}

TEST_F(A64Memory, TheStackPointerIsCheckedOnceWhileItStaysAligned)
{
    EXPECT_EQ(alignment_checks({0xF94003E1}, false), 0U);
    EXPECT_EQ(alignment_checks({0xF94003E1, 0xF94003E1}), 1U);
    EXPECT_EQ(alignment_checks({0xA9BF0BE1, 0xF94003E1}), 1U);             // stp x1, x2, [sp, #-16]!
    EXPECT_EQ(alignment_checks({0xF94003E1, 0x910043FF, 0xF94003E1}), 1U); // add sp, sp, #16
    EXPECT_EQ(alignment_checks({0xF94003E1, 0xD10083FF, 0xF94003E1}), 1U); // sub sp, sp, #32
    EXPECT_EQ(alignment_checks({0xF94003E1, 0x910023FF, 0xF94003E1}), 2U); // add sp, sp, #8
    EXPECT_EQ(alignment_checks({0xF8408FE1, 0xF94003E1}), 2U);             // ldr x1, [sp, #8]!
    EXPECT_EQ(alignment_checks({0xF94003E1, 0x9100003F, 0xF94003E1}), 2U); // mov sp, x1
}

TEST_F(A64Memory, UnprivilegedAccessesHaveTheRightsOfEl0)
{
    constexpr u32 ldtr = 0xF8400841;
    constexpr u32 sttrb = 0x38000841;
    Mode mode;
    EXPECT_EQ(access(ldtr, mode)->privilege, ir::Privilege::unprivileged);
    EXPECT_EQ(access(sttrb, mode)->privilege, ir::Privilege::unprivileged);
    EXPECT_EQ(access(0xF9400041, mode)->privilege, ir::Privilege::current); // ldr x1, [x2]
    mode.uao = true;
    EXPECT_EQ(access(ldtr, mode)->privilege, ir::Privilege::current);
    mode = {};
    mode.el = 0;
    EXPECT_EQ(access(ldtr, mode)->privilege, ir::Privilege::current);
    mode.el = 2;
    EXPECT_EQ(access(ldtr, mode)->privilege, ir::Privilege::current);
    mode.e2h = mode.tge = true;
    EXPECT_EQ(access(ldtr, mode)->privilege, ir::Privilege::unprivileged);
}

TEST_F(A64Memory, Orders)
{
    using enum ir::Order;
    EXPECT_EQ(access(0xF9400041)->order, plain);           // ldr
    EXPECT_EQ(access(0xC8DFFC41)->order, acquire);         // ldar
    EXPECT_EQ(access(0xC8DF7C41)->order, acquire);         // ldlar
    EXPECT_EQ(access(0xF8BFC041)->order, acquire_pc);      // ldapr
    EXPECT_EQ(access(0xD9400041)->order, acquire_pc);      // ldapur
    EXPECT_EQ(access(0xC89FFC41)->order, release);         // stlr
    EXPECT_EQ(access(0xD9000041)->order, release);         // stlur
    EXPECT_EQ(access(0xC85FFC41)->order, acquire);         // ldaxr
    EXPECT_EQ(access(0xC800FC41)->order, release);         // stlxr
    EXPECT_EQ(access(0xF8200041)->order, plain);           // ldadd
    EXPECT_EQ(access(0xF8A00041)->order, acquire);         // ldadda
    EXPECT_EQ(access(0xF8600041)->order, release);         // ldaddl
    EXPECT_EQ(access(0xF8E00041)->order, acquire_release); // ldaddal
    EXPECT_EQ(access(0xF8A0005F)->order, plain);           // ldadda x0, xzr: nothing is loaded
    EXPECT_EQ(access(0xC8E0FC41)->order, acquire_release); // casal
    EXPECT_EQ(access(0xC8A0FC41)->order, release);         // casl
}

TEST_F(A64Memory, Alignment)
{
    constexpr u32 ldrh = 0x79400041;
    Mode checked;
    checked.align_check = true;
    EXPECT_EQ(access(ldrh)->align, ir::Align::any);
    EXPECT_EQ(access(ldrh, checked)->align, ir::Align::natural);
    EXPECT_EQ(access(0xC8DFFC41)->align, ir::Align::natural); // ldar
    EXPECT_EQ(access(0xD9400041)->align, ir::Align::natural); // ldapur: no FEAT_LSE2
    EXPECT_EQ(access(0xF8200041)->align, ir::Align::natural); // ldadd
    EXPECT_EQ(access(0x887F0861)->align, ir::Align::natural); // ldxp w1, w2
    EXPECT_EQ(access(0x887F0861)->size(), 8U);
    EXPECT_EQ(access(0xC87F0861)->align, ir::Align::check_16); // ldxp x1, x2
    EXPECT_EQ(access(0xC87F0861)->size(), 16U);
    EXPECT_TRUE(access(0xC8E0FC41)->is_write); // a CAS that stores nothing needs write permission too
}

} // namespace
} // namespace gimbal::translator::aarch64::test
