// SPDX-License-Identifier: Apache-2.0
#include "engine/el2/access_sequence.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "test/engine/el2/trap_fixture.hpp"

// Instructions whose syndrome says nothing: one test for each form, with words from an assembler.
namespace gimbal::el2::test {
namespace {

using aarch64::SctlrEl1;

class Sequences : public TrapTest {
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

TEST_F(Sequences, A27_PairCommitsOnlyAfterItsLastAccess)
{
    frame.x[1] = buffer;
    const auto before = frame;
    ASSERT_TRUE(fault(0xA8C1'1023, buffer, false)); // ldp x3, x4, [x1], #16
    expect_access(Direction::read, buffer, 8);
    ASSERT_TRUE(done(0x33));
    EXPECT_EQ(frame, before);
    expect_access(Direction::read, buffer + 8, 8);
    EXPECT_FALSE(done(0x44));
    EXPECT_EQ(frame.x[3], 0x33U);
    EXPECT_EQ(frame.x[4], 0x44U);
    EXPECT_EQ(frame.x[1], buffer + 16);
    EXPECT_EQ(frame.elr, pc + 4);
}

TEST_F(Sequences, A27_AnAbortOfTheSecondHalfLeavesRegistersAndBaseAlone)
{
    frame.x[1] = buffer - 16;
    const auto before = frame;
    ASSERT_TRUE(fault(0xA9C1'1023, buffer, false)); // ldp x3, x4, [x1, #16]!
    ASSERT_TRUE(done(1));
    EXPECT_FALSE(next(Completion::make_inject(InjectKind::external_abort)));
    EXPECT_EQ(frame, before);
    expect_taken(0x9600'0010);
    EXPECT_EQ(guest.taken[0].exception.far, buffer + 8);
}

TEST_F(Sequences, StoresOfPairsTakeBothRegisters)
{
    frame.x[1] = buffer + 8;
    ASSERT_TRUE(fault(0x293F'1023, buffer, true)); // stp w3, w4, [x1, #-8]
    expect_writes({frame.x[3] & 0xFFFF'FFFF, frame.x[4] & 0xFFFF'FFFF}, 4);
}

TEST_F(Sequences, LdpswExtendsBothWords)
{
    frame.x[1] = buffer;
    ASSERT_TRUE(fault(0x6940'1023, buffer, false)); // ldpsw x3, x4, [x1]
    ASSERT_TRUE(done(0x8000'0000));
    EXPECT_FALSE(done(5));
    EXPECT_EQ(frame.x[3], 0xFFFF'FFFF'8000'0000U);
    EXPECT_EQ(frame.x[4], 5U);
}

TEST_F(Sequences, WriteBackChangesTheBaseAfterTheAccess)
{
    frame.x[1] = buffer;
    ASSERT_TRUE(fault(0xB800'4423, buffer, true)); // str w3, [x1], #4
    EXPECT_EQ(frame.x[1], buffer);
    expect_writes({frame.x[3] & 0xFFFF'FFFF}, 4);
    EXPECT_EQ(frame.x[1], buffer + 4);
}

TEST_F(Sequences, TheStackPointerIsTheOneInUse)
{
    const u32 word = 0xF81F'0FE3; // str x3, [sp, #-16]!
    guest.sp_el1 = buffer + 16;
    ASSERT_TRUE(fault(word, buffer, true));
    expect_writes({frame.x[3]}, 8);
    EXPECT_EQ(guest.sp_el1, buffer);
    for (const u64 spsr : {u64{4}, el0t}) { // EL1t, EL0t
        frame.elr = pc;
        frame.spsr = spsr;
        frame.sp_el0 = buffer + 32;
        ASSERT_TRUE(fault(word, buffer + 16, true));
        expect_writes({frame.x[3]}, 8, buffer + 16);
        EXPECT_EQ(frame.sp_el0, buffer + 16);
        EXPECT_EQ(guest.sp_el1, buffer);
    }
}

TEST_F(Sequences, VectorRegistersOfEachSize)
{
    frame.x[1] = buffer;
    guest.v[3] = {0x8877'6655'4433'2211, 0xFFEE'DDCC'BBAA'0099};
    ASSERT_TRUE(fault(0x3D80'0023, buffer, true)); // str q3, [x1]
    expect_writes({guest.v[3].lo, guest.v[3].hi}, 8);
    frame.elr = pc;
    ASSERT_TRUE(fault(0x3D00'0023, buffer, true)); // str b3, [x1]
    expect_writes({0x11}, 1);
    frame.elr = pc;
    ASSERT_TRUE(fault(0xBD40'0023, buffer, false)); // ldr s3, [x1]
    expect_reads(1, 4);
    EXPECT_EQ(guest.v[3], (VectorRegister{1, 0}));
    frame.elr = pc;
    ASSERT_TRUE(fault(0x3DC0'0023, buffer, false)); // ldr q3, [x1]
    expect_reads(2, 8);
    EXPECT_EQ(guest.v[3], (VectorRegister{1, 2}));
}

TEST_F(Sequences, VectorPairs)
{
    frame.x[1] = buffer;
    ASSERT_TRUE(fault(0xAC40'1023, buffer, false)); // ldnp q3, q4, [x1]
    expect_reads(4, 8);
    EXPECT_EQ(guest.v[3], (VectorRegister{1, 2}));
    EXPECT_EQ(guest.v[4], (VectorRegister{3, 4}));
}

TEST_F(Sequences, StructuresTakeTurns)
{
    frame.x[1] = buffer;
    ASSERT_TRUE(fault(0x0CDF'4823, buffer, false)); // ld3 {v3.2s-v5.2s}, [x1], #24
    expect_reads(6, 4);
    EXPECT_EQ(guest.v[3], (VectorRegister{0x4'0000'0001, 0}));
    EXPECT_EQ(guest.v[4], (VectorRegister{0x5'0000'0002, 0}));
    EXPECT_EQ(guest.v[5], (VectorRegister{0x6'0000'0003, 0}));
    EXPECT_EQ(frame.x[1], buffer + 24);
}

TEST_F(Sequences, OneRegisterAfterTheOtherAndAroundTheLast)
{
    frame.x[1] = buffer;
    frame.x[2] = 0x1000;
    guest.v[31] = {1, 2};
    guest.v[0] = {3, 4};
    ASSERT_TRUE(fault(0x4C82'AC3F, buffer, true)); // st1 {v31.2d, v0.2d}, [x1], x2
    expect_writes({1, 2, 3, 4}, 8);
    EXPECT_EQ(frame.x[1], buffer + 0x1000);
}

TEST_F(Sequences, SingleLanesLeaveTheOthers)
{
    frame.x[1] = buffer;
    guest.v[3] = guest.v[4] = {0x1111'1111'1111'1111, 0x2222'2222'2222'2222};
    ASSERT_TRUE(fault(0x4D60'5023, buffer, false)); // ld2 {v3.h, v4.h}[6], [x1]
    expect_reads(2, 2);
    EXPECT_EQ(guest.v[3], (VectorRegister{0x1111'1111'1111'1111, 0x2222'0001'2222'2222}));
    EXPECT_EQ(guest.v[4], (VectorRegister{0x1111'1111'1111'1111, 0x2222'0002'2222'2222}));
    frame.elr = pc;
    ASSERT_TRUE(fault(0x4D00'8423, buffer, true)); // st1 {v3.d}[1], [x1]
    expect_writes({0x2222'0001'2222'2222}, 8);
}

TEST_F(Sequences, ReplicatingLoadsFillTheRegister)
{
    frame.x[1] = buffer;
    guest.v[3] = {~u64{0}, ~u64{0}};
    ASSERT_TRUE(fault(0x0D40'CC23, buffer, false)); // ld1r {v3.1d}, [x1]
    expect_reads(1, 8);
    EXPECT_EQ(guest.v[3], (VectorRegister{1, 0}));
    frame.elr = pc;
    ASSERT_TRUE(fault(0x4D40'C423, buffer, false)); // ld1r {v3.8h}, [x1]
    expect_reads(1, 2);
    EXPECT_EQ(guest.v[3], (VectorRegister{0x0001'0001'0001'0001, 0x0001'0001'0001'0001}));
}

TEST_F(Sequences, IndexedAndLiteralForms)
{
    frame.x[1] = buffer + 8;
    frame.x[2] = 0x1234'5678'FFFF'FFFE;
    ASSERT_TRUE(fault(0x3CE2'D823, buffer - 0x18, false)); // ldr q3, [x1, w2, sxtw #4]
    expect_reads(2, 8, buffer - 0x18);
    frame.elr = buffer + 0x1'0000;
    ASSERT_TRUE(fault(0x9CF8'0003, buffer, false)); // ldr q3, . - 0x1'0000
    expect_access(Direction::read, buffer, 8);
}

TEST_F(Sequences, DcZvaWritesZeroesOverItsBlock)
{
    frame.x[3] = buffer + 0x2B;
    ASSERT_TRUE(fault(0xD50B'7423, buffer + 0x2B, true));
    expect_writes(std::vector<u64>(8, 0), 8);
    EXPECT_EQ(frame.x[3], buffer + 0x2B);
    guest.zero_block = 4;
    frame.elr = pc;
    ASSERT_TRUE(fault(0xD50B'7423, buffer + 0x28, true));
    expect_writes({0}, 4, buffer + 0x28);
    guest.zero_block = 2048;
    frame.elr = pc;
    frame.x[3] = device + 0x900;
    ASSERT_TRUE(fault(0xD50B'7423, device + 0x900, true));
    expect_writes(std::vector<u64>(256, 0), 8, device + 0x800);
}

TEST_F(Sequences, AtomicsReadAndThenWrite)
{
    struct Row {
        u32 word;
        u64 found;
        u64 operand;
        u64 stored;
    };
    constexpr Row rows[] = {
        {0xB822'0023, 7,           0xFFFF'FFFF, 6          }, // ldadd w2, w3, [x1]
        {0xB822'1023, 0xFF,        0x0F,        0xF0       }, // ldclr
        {0xB822'2023, 0xFF,        0x0F,        0xF0       }, // ldeor
        {0xB822'3023, 0xF0,        0x0F,        0xFF       }, // ldset
        {0xB822'4023, 0x8000'0000, 1,           1          }, // ldsmax
        {0xB822'5023, 0x8000'0000, 1,           0x8000'0000}, // ldsmin
        {0xB822'6023, 0x8000'0000, 1,           0x8000'0000}, // ldumax
        {0xB822'7023, 0x8000'0000, 1,           1          }, // ldumin
        {0xB822'8023, 5,           6,           6          }, // swp
    };
    for (const Row& row : rows) {
        frame.elr = pc;
        frame.x[1] = buffer;
        frame.x[2] = row.operand | 0xABCD'0000'0000'0000;
        frame.x[3] = 0x5A5A;
        ASSERT_TRUE(fault(row.word, buffer, false));
        expect_access(Direction::read, buffer, 4);
        ASSERT_TRUE(done(row.found));
        expect_access(Direction::write, buffer, 4, row.stored);
        EXPECT_EQ(frame.x[3], 0x5A5AU);
        EXPECT_FALSE(done());
        EXPECT_EQ(frame.x[3], row.found);
        EXPECT_EQ(frame.elr, pc + 4);
    }
}

TEST_F(Sequences, AnAtomicWhoseWriteAbortsChangesNoRegister)
{
    frame.x[1] = buffer;
    const auto before = frame;
    ASSERT_TRUE(fault(0xB822'0023, buffer, false));
    ASSERT_TRUE(done(7));
    EXPECT_FALSE(next(Completion::make_inject(InjectKind::external_abort)));
    EXPECT_EQ(frame, before);
    expect_taken(0x9600'0050);
}

TEST_F(Sequences, CompareAndSwapWritesOnlyWhatItExpected)
{
    frame.x[1] = buffer;
    frame.x[2] = 0x1'0000'0007;
    frame.x[3] = 9;
    ASSERT_TRUE(fault(0x88A2'7C23, buffer, false)); // cas w2, w3, [x1]
    ASSERT_TRUE(done(7));
    expect_access(Direction::write, buffer, 4, 9);
    EXPECT_FALSE(done());
    EXPECT_EQ(frame.x[2], 7U);
    frame.elr = pc;
    ASSERT_TRUE(fault(0x88A2'7C23, buffer, false));
    EXPECT_FALSE(done(8));
    EXPECT_EQ(frame.x[2], 8U);
    EXPECT_EQ(frame.elr, pc + 4);
}

TEST_F(Sequences, CompareAndSwapOfPairs)
{
    frame.x[1] = buffer;
    frame.x[2] = 1;
    frame.x[3] = 2;
    frame.x[4] = 0x44;
    frame.x[5] = 0x55;
    ASSERT_TRUE(fault(0x4822'7C24, buffer, false)); // casp x2, x3, x4, x5, [x1]
    ASSERT_TRUE(done(1));
    ASSERT_TRUE(done(2));
    expect_writes({0x44, 0x55}, 8);
    frame.elr = pc;
    ASSERT_TRUE(fault(0x4822'7C24, buffer, false));
    ASSERT_TRUE(done(1));
    EXPECT_FALSE(done(3));
    EXPECT_EQ(frame.x[2], 1U);
    EXPECT_EQ(frame.x[3], 3U);
}

TEST_F(Sequences, ExclusivesHaveNoMonitorOnADevice)
{
    frame.x[1] = buffer;
    EXPECT_FALSE(fault(0xC85F'7C23, buffer, false)); // ldxr x3, [x1]
    expect_taken(0x9600'0035);
    guest.taken.clear();
    EXPECT_FALSE(fault(0xC802'7C23, buffer, true)); // stxr w2, x3, [x1]
    expect_taken(0x9600'0075);
    EXPECT_EQ(guest.taken[0].exception.far, buffer);
}

TEST_F(Sequences, BigEndianElementsAreReversedOneByOne)
{
    frame.x[1] = buffer;
    frame.x[3] = 0x1122'3344;
    frame.x[4] = 0x5566'7788;
    guest.code[pc] = 0x2900'1023; // stp w3, w4, [x1]
    Trap trap = abort_at(buffer, undescribed(true));
    trap.sctlr = SctlrEl1::ee::mask;
    ASSERT_TRUE(decode(trap));
    expect_writes({0x4433'2211, 0x8877'6655}, 4);
    // A quadword as a whole.
    frame.elr = pc;
    guest.v[3] = {0x8877'6655'4433'2211, 0xFFEE'DDCC'BBAA'0099};
    guest.code[pc] = 0x3D80'0023; // str q3, [x1]
    ASSERT_TRUE(decode(trap));
    expect_writes({0x9900'AABB'CCDD'EEFF, 0x1122'3344'5566'7788}, 8);
}

TEST_F(Sequences, WhatIsInMemoryIsDoneThere)
{
    // stp x3, x4 begins in memory and ends in a device's page.
    guest.mapping[device - 4096] = 0x4000'0000;
    frame.x[1] = device - 8;
    ASSERT_TRUE(fault(0xA900'1023, device, true));
    EXPECT_EQ(guest.peek(0x4000'0FF8, 8), frame.x[3]);
    expect_writes({frame.x[4]}, 8, device);
    // And the other way round: the device is asked first, then memory is read.
    frame.elr = pc;
    frame.x[1] = device + 4096 - 8;
    guest.mapping[device + 4096] = 0x4000'1000;
    guest.poke(0x4000'1000, 0x77);
    ASSERT_TRUE(fault(0xA940'1023, device + 4096 - 8, false));
    expect_reads(1, 8, device + 4096 - 8);
    EXPECT_EQ(frame.x[3], 1U);
    EXPECT_EQ(frame.x[4], 0x77U);
}

TEST_F(Sequences, AFaultInTheOtherPageComesBeforeAnyAccess)
{
    guest.mapping[device - 4096] = 0x4000'0000;
    guest.faults[device + 4096] = fault_status(FaultStatus::permission, 3);
    frame.x[1] = device + 4096 - 8;
    EXPECT_FALSE(fault(0xA900'1023, device + 4096 - 8, true)); // stp x3, x4, [x1]
    expect_taken(0x9600'004F);
    EXPECT_EQ(guest.taken[0].exception.far, device + 4096);
}

TEST_F(Sequences, UnprivilegedFormsLookThroughEl0)
{
    frame.x[1] = device - 3;
    guest.mapping[device - 4096] = 0x4000'0000;
    guest.code[pc] = 0xF840'0823; // ldtr x3, [x1]
    ASSERT_TRUE(decode(abort_at(device, described(false, 3, 3))));
    ASSERT_EQ(guest.translations.size(), 2U);
    EXPECT_TRUE(guest.translations[1].unprivileged);
}

TEST_F(Sequences, WhatChangedMeanwhileRunsAgain)
{
    const auto before = frame;
    EXPECT_FALSE(decode(abort_at(buffer, undescribed(false)))); // nothing to fetch
    EXPECT_FALSE(fault(0xF980'0020, buffer, false));            // prfm, which faults never
    frame.x[1] = buffer + 64;
    EXPECT_FALSE(fault(0xA940'1023, buffer, false)); // an ldp of another address
    frame.x[1] = before.x[1];
    EXPECT_EQ(frame, before);
    EXPECT_TRUE(guest.taken.empty());
}

TEST_F(Sequences, TagsInTheAddressAreNoDifference)
{
    frame.x[1] = buffer | u64{0x5A} << 56;
    ASSERT_TRUE(fault(0xA940'1023, buffer, false));
    expect_reads(2, 8);
}

TEST_F(Sequences, InstructionsThatNobodyEmulatesAreAnExternalAbort)
{
    EXPECT_FALSE(fault(0xA540'A000, buffer, false)); // ld1w {z0.s}, p0/z, [x0]
    expect_taken(0x9600'0010);
    guest.taken.clear();
    EXPECT_FALSE(fault(0xD503'201F, buffer, true)); // nop
    expect_taken(0x9600'0050);
}

TEST_F(Sequences, ALookAtTheStateInTheMiddleKeepsTheRest)
{
    frame.x[1] = buffer;
    const auto before = frame;
    ASSERT_TRUE(fault(0xA940'1023, buffer, false));
    decoder.commit(Completion::make_done(1), frame, guest);
    EXPECT_EQ(frame, before);
    exit = Exit(ExitKind::kicked);
    ASSERT_TRUE(next({}));
    expect_access(Direction::read, buffer + 8, 8);
    ASSERT_TRUE(next({}));
    expect_access(Direction::read, buffer + 8, 8);
    decoder.commit(Completion::make_done(2), frame, guest);
    EXPECT_EQ(frame.x[3], 1U);
    EXPECT_EQ(frame.x[4], 2U);
    EXPECT_FALSE(next({}));
}

TEST_F(Sequences, DiscardForgetsTheRest)
{
    frame.x[1] = buffer;
    const auto before = frame;
    ASSERT_TRUE(fault(0xA940'1023, buffer, false));
    ASSERT_TRUE(done(1));
    EXPECT_FALSE(next(Completion::make_discard()));
    EXPECT_FALSE(done(2));
    EXPECT_EQ(frame, before);
}

} // namespace
} // namespace gimbal::el2::test
