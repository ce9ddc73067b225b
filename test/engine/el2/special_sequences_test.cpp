// SPDX-License-Identifier: Apache-2.0
#include "engine/el2/access_sequence.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "test/engine/el2/sequence_fixture.hpp"

// Blocks, atomics, byte order, page crossings and everything that may come between two accesses.
namespace gimbal::el2::test {
namespace {

using aarch64::SctlrEl1;

class SpecialSequences : public SequenceTest {};

TEST_F(SpecialSequences, DcZvaWritesZeroesOverItsBlock)
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

TEST_F(SpecialSequences, AtomicsReadAndThenWrite)
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

TEST_F(SpecialSequences, AnAtomicWhoseWriteAbortsChangesNoRegister)
{
    frame.x[1] = buffer;
    const auto before = frame;
    ASSERT_TRUE(fault(0xB822'0023, buffer, false));
    ASSERT_TRUE(done(7));
    EXPECT_FALSE(next(Completion::make_inject(InjectKind::external_abort)));
    EXPECT_EQ(frame, before);
    expect_taken(0x9600'0050);
}

TEST_F(SpecialSequences, CompareAndSwapWritesOnlyWhatItExpected)
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

TEST_F(SpecialSequences, CompareAndSwapOfPairs)
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

TEST_F(SpecialSequences, ExclusivesHaveNoMonitorOnADevice)
{
    frame.x[1] = buffer;
    EXPECT_FALSE(fault(0xC85F'7C23, buffer, false)); // ldxr x3, [x1]
    expect_taken(0x9600'0035);
    guest.taken.clear();
    EXPECT_FALSE(fault(0xC802'7C23, buffer, true)); // stxr w2, x3, [x1]
    expect_taken(0x9600'0075);
    EXPECT_EQ(guest.taken[0].exception.far, buffer);
}

TEST_F(SpecialSequences, BigEndianElementsAreReversedOneByOne)
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

TEST_F(SpecialSequences, WhatIsInMemoryIsDoneThere)
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

TEST_F(SpecialSequences, AFaultInTheOtherPageComesBeforeAnyAccess)
{
    guest.mapping[device - 4096] = 0x4000'0000;
    guest.faults[device + 4096] = fault_status(FaultStatus::permission, 3);
    frame.x[1] = device + 4096 - 8;
    EXPECT_FALSE(fault(0xA900'1023, device + 4096 - 8, true)); // stp x3, x4, [x1]
    expect_taken(0x9600'004F);
    EXPECT_EQ(guest.taken[0].exception.far, device + 4096);
}

TEST_F(SpecialSequences, UnprivilegedFormsLookThroughEl0)
{
    frame.x[1] = device - 3;
    guest.mapping[device - 4096] = 0x4000'0000;
    guest.code[pc] = 0xF840'0823; // ldtr x3, [x1]
    ASSERT_TRUE(decode(abort_at(device, described(false, 3, 3))));
    ASSERT_EQ(guest.translations.size(), 2U);
    EXPECT_TRUE(guest.translations[1].unprivileged);
}

TEST_F(SpecialSequences, WhatChangedMeanwhileRunsAgain)
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

TEST_F(SpecialSequences, TagsInTheAddressAreNoDifference)
{
    frame.x[1] = buffer | u64{0x5A} << 56;
    ASSERT_TRUE(fault(0xA940'1023, buffer, false));
    expect_reads(2, 8);
}

TEST_F(SpecialSequences, InstructionsThatNobodyEmulatesAreAnExternalAbort)
{
    EXPECT_FALSE(fault(0xA540'A000, buffer, false)); // ld1w {z0.s}, p0/z, [x0]
    expect_taken(0x9600'0010);
    guest.taken.clear();
    EXPECT_FALSE(fault(0xD503'201F, buffer, true)); // nop
    expect_taken(0x9600'0050);
}

TEST_F(SpecialSequences, ALookAtTheStateInTheMiddleKeepsTheRest)
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

TEST_F(SpecialSequences, DiscardForgetsTheRest)
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
