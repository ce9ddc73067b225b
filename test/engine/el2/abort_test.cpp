// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "engine/el2/trap.hpp"
#include "engine/el2/walk_level.hpp"
#include "test/engine/el2/trap_fixture.hpp"

namespace gimbal::el2::test {
namespace {

using aarch64::SctlrEl1;

class Aborts : public TrapTest {
protected:
    static Trap fetch_abort(FaultStatus status, u64 va, u64 page, bool s1ptw = false)
    {
        return {aarch64::make_instruction_abort(true, status, s1ptw), va, (page >> 12) << 4, 0};
    }
};
class DescribedAccesses : public TrapTest {};

TEST_F(DescribedAccesses, A26_TheAddressIsThePageOfHpfarAndTheOffsetOfFar)
{
    Trap trap = abort_at(0xFFFF'8000'1234'5678, described(false, 2, 5));
    trap.hpfar = 0x000F'1234'5678'9000 >> 8;
    ASSERT_TRUE(decode(trap));
    expect_access(Direction::read, 0x000F'1234'5678'9678, 4);
}

TEST_F(DescribedAccesses, A27_LoadsAreWidenedBySizeSignAndDestination)
{
    struct Row {
        u8 sas;
        bool sse;
        bool sf;
        u64 raw;
        u64 result;
    };
    constexpr u64 high = 0xFFFF'FFFF'0000'0000; // What a device must not have put there
    const Row rows[] = {
        {0, false, false, high | 0xF0,           0xF0                 },
        {0, true,  false, 0xF0,                  0xFFFF'FFF0          },
        {0, true,  true,  0xF0,                  0xFFFF'FFFF'FFFF'FFF0},
        {1, true,  false, 0x8001,                0xFFFF'8001          },
        {1, true,  true,  0x8001,                0xFFFF'FFFF'FFFF'8001},
        {2, false, false, high | 0x8000'0000,    0x8000'0000          },
        {2, true,  true,  0x8000'0000,           0xFFFF'FFFF'8000'0000},
        {3, false, true,  0x8000'0000'0000'0001, 0x8000'0000'0000'0001},
    };
    for (const Row& row : rows) {
        frame.elr = pc;
        ASSERT_TRUE(decode(abort_at(device + 8, described(false, row.sas, 7, row.sf, row.sse))));
        expect_access(Direction::read, device + 8, 1U << row.sas);
        EXPECT_EQ(frame.elr, pc);
        EXPECT_FALSE(done(row.raw));
        EXPECT_EQ(frame.x[7], row.result);
        EXPECT_EQ(frame.elr, pc + 4);
    }
}

TEST_F(DescribedAccesses, StoresCarryAsManyBytesAsTheyWrite)
{
    frame.x[3] = 0x1122'3344'5566'7788;
    const u64 values[] = {0x88, 0x7788, 0x5566'7788, 0x1122'3344'5566'7788};
    for (u8 sas = 0; sas < 4; ++sas) {
        ASSERT_TRUE(decode(abort_at(device + 8, described(true, sas, 3))));
        expect_access(Direction::write, device + 8, 1U << sas, values[sas]);
        EXPECT_FALSE(done());
        EXPECT_EQ(frame.x[3], 0x1122'3344'5566'7788U);
    }
    EXPECT_EQ(guest.fetches, 0U);
}

TEST_F(DescribedAccesses, A3_Register31ReadsZeroAndForgetsWrites)
{
    ASSERT_TRUE(decode(abort_at(device + 8, described(true, 3, 31))));
    expect_access(Direction::write, device + 8, 8, 0);
    EXPECT_FALSE(done());
    const auto before = frame;
    ASSERT_TRUE(decode(abort_at(device + 8, described(false, 3, 31))));
    EXPECT_FALSE(done(99));
    EXPECT_TRUE(std::equal(std::begin(frame.x), std::end(frame.x), std::begin(before.x)));
}

TEST_F(DescribedAccesses, A28_WhatNobodyClaimsIsAnExternalAbortAtTheInstruction)
{
    ASSERT_TRUE(decode(abort_at(device + 8, described(true, 2, 1))));
    EXPECT_FALSE(next(Completion::make_inject(InjectKind::external_abort)));
    expect_taken(0x9600'0050);
    EXPECT_EQ(guest.taken[0].exception.far, device + 8);
    guest.taken.clear();
    frame.spsr = el0t;
    ASSERT_TRUE(decode(abort_at(device + 8, described(false, 2, 1))));
    EXPECT_FALSE(next(Completion::make_inject(InjectKind::external_abort)));
    expect_taken(0x9200'0010);
}

TEST_F(DescribedAccesses, ARetriedAccessLeavesEverythingAsItWas)
{
    const auto before = frame;
    ASSERT_TRUE(decode(abort_at(device + 8, described(false, 2, 1))));
    EXPECT_FALSE(next(Completion::make_retry()));
    EXPECT_EQ(frame, before);
    EXPECT_FALSE(done(5));
    EXPECT_EQ(frame, before);
}

TEST_F(DescribedAccesses, UnalignedOnesAreMadeByteByByte)
{
    frame.x[3] = 0x4433'2211;
    ASSERT_TRUE(decode(abort_at(device + 0x11, described(true, 2, 3, false))));
    for (unsigned i = 0; i < 4; ++i) {
        expect_access(Direction::write, device + 0x11 + i, 1, 0x11 * (i + 1));
        EXPECT_EQ(frame.elr, pc);
        EXPECT_EQ(done(), i != 3);
    }
    EXPECT_EQ(frame.elr, pc + 4);
}

TEST_F(DescribedAccesses, BigEndianGuestsHaveTheirBytesReversed)
{
    Trap trap = abort_at(device + 8, described(true, 2, 3, false));
    trap.sctlr = SctlrEl1::ee::mask;
    frame.x[3] = 0x1122'3344;
    ASSERT_TRUE(decode(trap));
    expect_access(Direction::write, device + 8, 4, 0x4433'2211);
    EXPECT_FALSE(done());
    trap = abort_at(device + 8, described(false, 1, 3, true, true));
    trap.sctlr = SctlrEl1::ee::mask;
    ASSERT_TRUE(decode(trap));
    EXPECT_FALSE(done(0x0180));
    EXPECT_EQ(frame.x[3], 0xFFFF'FFFF'FFFF'8001U);
    // EL0 has a byte order of its own.
    frame.spsr = el0t;
    frame.x[3] = 0x1122'3344;
    trap = abort_at(device + 8, described(true, 2, 3, false));
    trap.sctlr = SctlrEl1::ee::mask;
    ASSERT_TRUE(decode(trap));
    expect_access(Direction::write, device + 8, 4, 0x1122'3344);
    trap.sctlr = SctlrEl1::e0e::mask;
    ASSERT_TRUE(decode(trap));
    expect_access(Direction::write, device + 8, 4, 0x4433'2211);
}

TEST_F(DescribedAccesses, FirstBytesOfAPageAreAnAccessOfTheirOwnIfNothingNormalIsInFront)
{
    const Trap trap = abort_at(device, described(false, 2, 3));
    guest.faults[device - 4096] = fault_status(FaultStatus::translation, 3);
    ASSERT_TRUE(decode(trap));
    expect_access(Direction::read, device, 4);
    EXPECT_EQ(guest.fetches, 0U);
    guest.faults.clear();
    guest.device_memory = true;
    ASSERT_TRUE(decode(trap));
    expect_access(Direction::read, device, 4);
    EXPECT_EQ(guest.fetches, 0U);
}

TEST_F(DescribedAccesses, A27_AnAccessThatRunsOverFromMemoryIsNotTakenForOneOfThePagesFirstBytes)
{
    // ldr x3, [x1] begins three bytes before the page that faults, in memory.
    guest.mapping[device - 4096] = 0x4000'0000;
    guest.poke(0x4000'0FF8, 0xCCBB'AA00'0000'0000);
    guest.code[pc] = 0xF940'0023;
    frame.x[1] = device - 3;
    ASSERT_TRUE(decode(abort_at(device, described(false, 3, 3))));
    for (unsigned i = 0; i < 5; ++i) {
        expect_access(Direction::read, device + i, 1);
        EXPECT_EQ(done(i + 1), i != 4);
    }
    EXPECT_EQ(frame.x[3], 0x0504'0302'01CC'BBAAU);
    // The same fault by ldr x3, [x2] that does begin there.
    frame.elr = pc + 8;
    guest.code[pc + 8] = 0xF940'0043;
    frame.x[2] = device;
    ASSERT_TRUE(decode(abort_at(device, described(false, 3, 3))));
    expect_access(Direction::read, device, 8);
}

TEST_F(DescribedAccesses, AArch32ProgramsReachDevicesByDescribedAccessesOnly)
{
    frame.spsr = aarch32_user;
    ASSERT_TRUE(decode(abort_at(device + 8, described(false, 2, 1, false))));
    expect_access(Direction::read, device + 8, 4);
    EXPECT_FALSE(done(6));
    EXPECT_EQ(frame.x[1], 6U);
    frame.elr = pc;
    EXPECT_FALSE(decode(abort_at(device + 8, undescribed(true))));
    expect_taken(0x9200'0050);
    EXPECT_EQ(guest.fetches, 0U);
}

TEST_F(Aborts, A24_AFetchFromAHoleIsTheGuestsAbort)
{
    ASSERT_TRUE(decode(fetch_abort(fault_status(FaultStatus::translation, 2), pc, 0x0A00'0000)));
    EXPECT_EQ(exit.kind, ExitKind::stage2_fault);
    EXPECT_EQ(exit.stage2_fault.gpa.value, 0x0A00'0000U);
    EXPECT_EQ(exit.stage2_fault.access, GuestAccess::execute);
    EXPECT_FALSE(next(Completion::make_inject(InjectKind::external_abort)));
    expect_taken(0x8600'0010);
    EXPECT_EQ(guest.taken[0].exception.far, pc);
}

TEST_F(Aborts, A26_PermissionFaultsAskTheGuestsMappingForTheAddress)
{
    guest.mapping[0x7000] = 0x0010'0000;
    Trap trap = abort_at(0x7123, {.fsc = fault_status(FaultStatus::permission, 3), .wnr = true});
    trap.hpfar = 0xBAD0;
    ASSERT_TRUE(decode(trap));
    EXPECT_EQ(exit.kind, ExitKind::stage2_fault);
    EXPECT_EQ(exit.stage2_fault.gpa.value, 0x0010'0123U);
    EXPECT_EQ(exit.stage2_fault.access, GuestAccess::write);
    ASSERT_EQ(guest.translations.size(), 1U);
    EXPECT_EQ(guest.translations[0].direction, Direction::write);
    EXPECT_FALSE(next(Completion::make_inject(InjectKind::external_abort)));
    expect_taken(0x9600'0050);
    // A mapping that has gone meanwhile: the guest runs into that itself.
    guest.faults[0x7000] = fault_status(FaultStatus::translation, 3);
    EXPECT_FALSE(decode(trap));
    EXPECT_EQ(guest.taken.size(), 1U);
}

TEST_F(Aborts, AddressesBeyondStageTwoAreHolesToo)
{
    ASSERT_TRUE(decode(abort_at(device + 4, {.fsc = FaultStatus::address_size, .isv = true, .sas = 2, .srt = 1})));
    expect_access(Direction::read, device + 4, 4);
}

TEST_F(Aborts, CacheMaintenanceOfWhatIsNotMemoryIsDone)
{
    EXPECT_FALSE(decode(abort_at(device, {.fsc = fault_status(FaultStatus::translation, 3), .wnr = true, .cm = true})));
    EXPECT_EQ(frame.elr, pc + 4);
    EXPECT_FALSE(decode(abort_at(device, {.fsc = fault_status(FaultStatus::permission, 3), .wnr = true, .cm = true})));
    EXPECT_EQ(frame.elr, pc + 8);
    EXPECT_TRUE(guest.taken.empty());
}

TEST_F(Aborts, TlbConflictsAreFlushedAndTriedAgain)
{
    const auto before = frame;
    EXPECT_FALSE(decode(abort_at(device, {.fsc = FaultStatus::tlb_conflict})));
    EXPECT_FALSE(decode(fetch_abort(FaultStatus::tlb_conflict, pc, 0)));
    EXPECT_EQ(guest.tlb_flushes, 2U);
    EXPECT_EQ(frame, before);
}

TEST_F(Aborts, AClearedAccessFlagMeansThatOurTablesAreBroken)
{
    ASSERT_TRUE(decode(abort_at(device, {.fsc = fault_status(FaultStatus::access_flag, 3)})));
    EXPECT_EQ(exit.kind, ExitKind::fatal);
    EXPECT_EQ(exit.fatal.reason, FatalReason::host_error);
}

TEST_F(Aborts, ErrorsOfTheMachineAreTheGuestsWithItsSyndrome)
{
    for (const FaultStatus status : {FaultStatus::external_abort, FaultStatus::ecc, FaultStatus::alignment,
                                     fault_status(FaultStatus::external_abort_on_walk, 2),
                                     FaultStatus::unsupported_exclusive, FaultStatus::lockdown}) {
        guest.taken.clear();
        EXPECT_FALSE(decode(abort_at(device, {.fsc = status, .wnr = true, .ea = true})));
        const aarch64::DataAbortIss seen{.fsc = status, .wnr = true, .ea = true};
        expect_taken(aarch64::make_data_abort(false, seen).raw);
    }
    guest.taken.clear();
    EXPECT_FALSE(decode(abort_at(0x1234, {.fsc = FaultStatus::external_abort, .fnv = true})));
    EXPECT_FALSE(guest.taken[0].exception.has_far);
}

TEST_F(Aborts, ATableWithoutMemoryIsAnExternalAbortOfTheWalkAtItsLevel)
{
    // 39-bit addresses: level 1 at 0x4000_0000, whose entry 1 leads to a level 2 table in a hole.
    guest.stage_one = {.tcr = 25 | u64{25} << 16 | u64{2} << 30, .ttbr0 = 0x4000'0000, .ttbr1 = 0x0B00'0000};
    guest.poke(0x4000'0008, 0x0A00'0003);
    const u64 va = 0x4020'3000;
    Trap trap = abort_at(va, {.fsc = fault_status(FaultStatus::translation, 3), .wnr = true, .s1ptw = true});
    trap.hpfar = 0x0A00'0000 >> 8;
    EXPECT_FALSE(decode(trap));
    expect_taken(0x9600'0056); // level 2, a write
    EXPECT_EQ(guest.taken[0].exception.far, va);
    guest.taken.clear();
    // The first table itself, seen by a fetch from the upper half.
    EXPECT_FALSE(
        decode(fetch_abort(fault_status(FaultStatus::translation, 1), 0xFFFF'FFC0'0000'0000, 0x0B00'0000, true)));
    expect_taken(0x8600'0015);
}

TEST_F(Aborts, TheLevelOfAWalkIsFoundForEveryDepth)
{
    guest.stage_one = {.tcr = 16, .ttbr0 = 0x4000'0000, .ttbr1 = 0};
    for (unsigned level = 0; level < 3; ++level)
        guest.poke(0x4000'0000 + level * 4096, 0x4000'0003 + (level + 1) * 4096);
    for (unsigned level = 0; level < 4; ++level)
        EXPECT_EQ(stage_one_level(0, {0x4000'0000 + level * 4096}, guest), level);
    // Tables that have changed: where the walk ends now.
    guest.poke(0x4000'1000, 0);
    EXPECT_EQ(stage_one_level(0, {0x4000'3000}, guest), 1U);
    guest.stage_one.ttbr0 = 0x0900'0000;
    EXPECT_EQ(stage_one_level(0, {0x4000'3000}, guest), 0U);
    for (const u64 size : {u64{0}, u64{63}}) {
        guest.stage_one.tcr = size;
        EXPECT_LE(stage_one_level(~u64{0} >> 9, {0x1000}, guest), 3U);
    }
}

} // namespace
} // namespace gimbal::el2::test
