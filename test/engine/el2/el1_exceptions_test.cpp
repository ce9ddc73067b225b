// SPDX-License-Identifier: Apache-2.0
#include "engine/el2/el1_exceptions.hpp"

#include <gtest/gtest.h>

#include <map>

namespace gimbal::el2 {
namespace {

using aarch64::Ec;
using aarch64::Esr;
using aarch64::FaultStatus;
using aarch64::SctlrEl1;
using aarch64::Spsr;
using aarch64::SysReg;

struct FakeRegisters {
    std::map<SysReg, u64> values{
        {SysReg::vbar_el1,  0xFFFF'0000'0000'0800},
        {SysReg::sctlr_el1, SctlrEl1::span::mask },
        {SysReg::esr_el1,   0x1111               },
        {SysReg::far_el1,   0x2222               }
    };
    template <SysReg reg>
    u64 read()
    {
        return values[reg];
    }
    template <SysReg reg>
    void write(u64 value)
    {
        values[reg] = value;
    }
};

aarch64::ContextFrame frame_in(u64 spsr)
{
    aarch64::ContextFrame frame;
    frame.elr = 0x8000;
    frame.spsr = spsr;
    return frame;
}

constexpr u64 el0t = 0;
constexpr u64 el1t = 4;
constexpr u64 el1h = 5;
constexpr u64 a32_user = 0x10;

u64 entered(u64 spsr, El1Vector vector = El1Vector::synchronous)
{
    FakeRegisters registers;
    aarch64::ContextFrame frame = frame_in(spsr);
    take_el1_exception(registers, frame, {aarch64::make_esr(Ec::unknown), 0, false, vector});
    return frame.elr - registers.values[SysReg::vbar_el1];
}

TEST(El1Exceptions, TheVectorFollowsLevelStackPointerAndKind)
{
    EXPECT_EQ(entered(el1t), 0x000U);
    EXPECT_EQ(entered(el1h), 0x200U);
    EXPECT_EQ(entered(el0t), 0x400U);
    EXPECT_EQ(entered(a32_user), 0x600U);
    EXPECT_EQ(entered(el1h, El1Vector::irq), 0x280U);
    EXPECT_EQ(entered(el0t, El1Vector::fiq), 0x500U);
    EXPECT_EQ(entered(a32_user, El1Vector::serror), 0x780U);
}

TEST(El1Exceptions, ReturnStateIsSavedWhole)
{
    FakeRegisters registers;
    const u64 before = 0xF160'0C00 | el0t; // NZCV, DIT, PAN, SS, BTYPE
    aarch64::ContextFrame frame = frame_in(before);
    take_el1_exception(registers, frame, undefined_instruction());
    EXPECT_EQ(registers.values[SysReg::spsr_el1], before);
    EXPECT_EQ(registers.values[SysReg::elr_el1], 0x8000U);
    EXPECT_EQ(registers.values[SysReg::esr_el1], 0x0200'0000U);
    EXPECT_EQ(registers.values[SysReg::far_el1], 0x2222U);
}

TEST(El1Exceptions, HandlerKeepsFlagsAndDitAndMasksEverything)
{
    const Spsr before{0xF1B0'0C00 | el0t}; // NZCV, DIT, UAO, SS, IL, BTYPE
    const Spsr after = el1_handler_state(before, {SctlrEl1::span::mask}, {});
    EXPECT_EQ(after.raw, 0xF100'03C5U);
}

TEST(El1Exceptions, PanIsSetUnlessSpanLeavesIt)
{
    EXPECT_TRUE(Spsr::pan::get(el1_handler_state({el1h}, {0}, {})));
    EXPECT_FALSE(Spsr::pan::get(el1_handler_state({el1h}, {SctlrEl1::span::mask}, {})));
    EXPECT_TRUE(Spsr::pan::get(el1_handler_state({el1h | Spsr::pan::mask}, {SctlrEl1::span::mask}, {})));
}

TEST(El1Exceptions, SsbsComesFromDssbsAndTcoFromTagging)
{
    EXPECT_FALSE(Spsr::ssbs::get(el1_handler_state({el1h | Spsr::ssbs::mask}, {0}, {})));
    EXPECT_TRUE(Spsr::ssbs::get(el1_handler_state({el1h}, {SctlrEl1::dssbs::mask}, {})));
    EXPECT_FALSE(Spsr::tco::get(el1_handler_state({el1h | Spsr::tco::mask}, {0}, {})));
    EXPECT_TRUE(Spsr::tco::get(el1_handler_state({el1h}, {0}, {.memory_tagging = true})));
}

TEST(El1Exceptions, AnAbortsClassFollowsTheLevelItComesFrom)
{
    const Esr abort = aarch64::make_data_abort(true, {.fsc = FaultStatus::external_abort, .wnr = true});
    EXPECT_EQ(el1_syndrome({el0t}, abort).raw, 0x9200'0050U);
    EXPECT_EQ(el1_syndrome({a32_user}, abort).raw, 0x9200'0050U);
    EXPECT_EQ(el1_syndrome({el1h}, abort).raw, 0x9600'0050U);
    const Esr fetch = aarch64::make_instruction_abort(false, FaultStatus::external_abort);
    EXPECT_EQ(Esr::ec::get(el1_syndrome({el0t}, fetch)), Ec::iabt_lower);
    EXPECT_EQ(Esr::ec::get(el1_syndrome({el1t}, fetch)), Ec::iabt_current);
    EXPECT_EQ(Esr::ec::get(el1_syndrome({el1t}, aarch64::make_watchpoint(true, false))), Ec::watchpoint_current);
    EXPECT_EQ(el1_syndrome({el1h}, aarch64::make_svc(1)), aarch64::make_svc(1));
    EXPECT_EQ(Esr::ec::get(el1_syndrome({el1h}, aarch64::make_esr(Ec::pc_alignment))), Ec::pc_alignment);
}

TEST(El1Exceptions, FarIsWrittenOnlyForExceptionsThatHaveOne)
{
    FakeRegisters registers;
    aarch64::ContextFrame frame = frame_in(el1h);
    const Esr abort = aarch64::make_data_abort(true, {.fsc = FaultStatus::external_abort});
    take_el1_exception(registers, frame, {abort, 0xDEAD'0008, true});
    EXPECT_EQ(registers.values[SysReg::far_el1], 0xDEAD'0008U);
}

TEST(El1Exceptions, InterruptsHaveNoSyndrome)
{
    FakeRegisters registers;
    aarch64::ContextFrame frame = frame_in(el1h);
    take_el1_exception(registers, frame, {.esr = {}, .vector = El1Vector::irq});
    EXPECT_EQ(registers.values[SysReg::esr_el1], 0x1111U);
    take_el1_exception(registers, frame, {.esr = aarch64::make_esr(Ec::serror), .vector = El1Vector::serror});
    EXPECT_EQ(registers.values[SysReg::esr_el1], 0xBE00'0000U);
}

} // namespace
} // namespace gimbal::el2
