// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <utility>

#include "engine/el2/trap.hpp"
#include "test/engine/el2/fake_guest.hpp"

namespace gimbal::el2::test {

/// One vCPU that has just trapped at `pc`, at EL1h unless a test changes frame.spsr.
class TrapTest : public ::testing::Test {
protected:
    static constexpr u64 pc = 0x4000'8000;
    static constexpr u64 device = 0x0900'0000;
    static constexpr u64 el0t = 0;
    static constexpr u64 el1h = 5;
    static constexpr u64 aarch32_user = 0x10;

    TrapTest()
    {
        frame.elr = pc;
        frame.spsr = el1h;
        for (unsigned i = 0; i < 31; ++i) frame.x[i] = 0x0101'0101'0101'0101 * (u64{i} + 1);
    }

    /// A stage 2 abort at `va`, mapped to itself.
    static Trap abort_at(u64 va, const aarch64::DataAbortIss& iss)
    {
        return {aarch64::make_data_abort(true, iss), va, (va >> 12) << 4, 0};
    }
    static aarch64::DataAbortIss undescribed(bool write)
    {
        return {.fsc = fault_status(FaultStatus::translation, 1), .wnr = write};
    }
    static aarch64::DataAbortIss described(bool write, u8 sas, u8 srt, bool sf = true, bool sse = false)
    {
        return {.fsc = fault_status(FaultStatus::translation, 1),
                .wnr = write,
                .isv = true,
                .sas = sas,
                .sse = sse,
                .srt = srt,
                .sf = sf};
    }

    bool decode(const Trap& trap) { return decoder.decode(trap, frame, guest, exit); }
    bool next(const Completion& answer) { return decoder.next(answer, frame, guest, exit); }
    bool done(u64 value = 0) { return next(Completion::make_done(value)); }

    /// `word` at the PC faults at `va`.
    bool fault(u32 word, u64 va, bool write)
    {
        guest.code[frame.elr] = word;
        return decode(abort_at(va, undescribed(write)));
    }
    void expect_access(Direction direction, u64 gpa, unsigned size, u64 data = 0)
    {
        ASSERT_EQ(exit.kind, ExitKind::mmio);
        EXPECT_EQ(exit.mmio.direction, direction);
        EXPECT_EQ(exit.mmio.gpa.value, gpa);
        EXPECT_EQ(byte_count(exit.mmio.size), size);
        EXPECT_EQ(exit.mmio.data, direction == Direction::write ? data : 0);
    }
    void expect_taken(u64 syndrome)
    {
        ASSERT_EQ(guest.taken.size(), 1U);
        EXPECT_EQ(guest.taken[0].syndrome, syndrome);
        EXPECT_EQ(guest.taken[0].elr, pc);
        EXPECT_FALSE(decoder.waits_for_answer());
    }

public:
    aarch64::ContextFrame frame;
    FakeGuest guest;
    TrapDecoder decoder;
    Exit exit;
};

} // namespace gimbal::el2::test
