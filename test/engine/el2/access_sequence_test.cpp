// SPDX-License-Identifier: Apache-2.0
#include "engine/el2/access_sequence.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "test/engine/el2/sequence_fixture.hpp"

// Instructions whose syndrome says nothing: one test for each form, with words from an assembler.
namespace gimbal::el2::test {
namespace {

class Sequences : public SequenceTest {};

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

} // namespace
} // namespace gimbal::el2::test
