// SPDX-License-Identifier: Apache-2.0
#include "arch/aarch64/pstate.hpp"
#include "test/engine/translator/cpu/cpu_fixture.hpp"

// Exceptions, debug and self-modifying code on one CPU with the MMU off.
namespace gimbal::translator::aarch64 {
namespace {

constexpr u32 svc_3 = 0xD400'0061;
constexpr u32 eret = 0xD69F'03E0;

TEST_F(CpuTest, SvcFromEl0AndBack)
{
    put(vectors + 0x400, {hvc_0, eret});
    put(code, {svc_3, 0x9100'04A5, svc_3}); // svc #3; add x5, x5, #1; svc #3
    cpu_->reset({.pc = code, .arguments = {}});
    state().el[1].vbar = vectors;
    cpu_->set_pstate(0); // EL0t
    Exit exit = resume({});
    ASSERT_EQ(exit.kind, ExitKind::hypercall);
    EXPECT_EQ(state().el[1].esr, 0x5600'0003U);
    EXPECT_EQ(state().el[1].elr, code + 4);
    EXPECT_EQ(state().el[1].spsr, 0U);
    EXPECT_EQ(cpu_->pstate() & 0x3CF, 0x3C5U);
    exit = resume(Completion::make_done(0));
    ASSERT_EQ(exit.kind, ExitKind::hypercall);
    EXPECT_EQ(x(5), 1U);
    EXPECT_EQ(state().el[1].elr, code + 12);
}

TEST_F(CpuTest, StackPointersAreBankedByLevel)
{
    // msr spsel, #0; mov sp, x1; hvc #0
    put(code, {0xD500'40BF, 0x9100'003F, hvc_0});
    cpu_->reset({
        .pc = code, .arguments = {0, 0x1000, 0, 0}
    });
    state().sp = 0x2000;
    resume({});
    EXPECT_EQ(state().sp, 0x1000U);
    cpu_->set_pstate(arch::reset_spsr.raw);
    EXPECT_EQ(state().sp, 0x2000U);
    EXPECT_EQ(state().el[0].sp, 0x1000U);
}

TEST_F(CpuTest, UnallocatedWordIsUndefined)
{
    put(vectors + 0x200, {hvc_0});
    const Exit exit = start({0x0000'0000});
    EXPECT_EQ(exit.kind, ExitKind::hypercall);
    EXPECT_EQ(state().el[1].esr, 0x0200'0000U);
    EXPECT_EQ(state().el[1].elr, code);
}

TEST_F(CpuTest, InterruptIsTakenWhenUnmasked)
{
    put(vectors + 0x280, {hvc_0});
    put(code, {nop, 0xD503'42FF, nop, 0x1400'0000}); // nop; msr daifclr, #2; nop; b .
    cpu_->reset({.pc = code, .arguments = {}});
    state().el[1].vbar = vectors;
    cpu_->set_interrupt(InterruptInput::irq, true);
    const Exit exit = resume({});
    EXPECT_EQ(exit.kind, ExitKind::hypercall);
    EXPECT_EQ(state().el[1].elr, code + 8); // right after the mask is cleared
    EXPECT_EQ(state().el[1].spsr & 0x3C0, 0x340U);
}

TEST_F(CpuTest, MisalignedProgramCounter)
{
    put(vectors + 0x200, {hvc_0});
    put(code, {0xD61F'0020}); // br x1
    cpu_->reset({
        .pc = code, .arguments = {0, code + 2, 0, 0}
    });
    state().el[1].vbar = vectors;
    resume({});
    EXPECT_EQ(state().el[1].esr >> 26, 0x22U);
    EXPECT_EQ(state().el[1].far, code + 2);
    EXPECT_EQ(state().el[1].elr, code + 2);
}

TEST_F(CpuTest, FetchFromNowhereIsAnAbortInTheGuest)
{
    put(vectors + 0x200, {hvc_0});
    put(code, {0xD61F'0020}); // br x1
    cpu_->reset({
        .pc = code, .arguments = {0, device, 0, 0}
    });
    state().el[1].vbar = vectors;
    const Exit exit = resume({}); // seed defect A24: a host panic there
    EXPECT_EQ(exit.kind, ExitKind::hypercall);
    EXPECT_EQ(state().el[1].esr, 0x8600'0010U);
    EXPECT_EQ(state().el[1].far, device);
}

TEST_F(CpuTest, ModifiedCodeRunsAfterMaintenance)
{
    const u64 routine = code + 0x400;
    put(routine, {0x5280'0020, 0xD65F'03C0}); // mov w0, #1; ret
    // blr x2; hvc #0; str w3, [x2]; ic ivau, x2; dsb ish; isb; blr x2; hvc #0
    put(code, {0xD63F'0040, hvc_0, 0xB900'0043, 0xD50B'7522, 0xD503'3B9F, 0xD503'3FDF, 0xD63F'0040, hvc_0});
    cpu_->reset({
        .pc = code, .arguments = {0, 0, routine, 0x5280'0040}
    }); // w3: mov w0, #2
    Exit exit = resume({});
    ASSERT_EQ(exit.kind, ExitKind::hypercall);
    EXPECT_EQ(x(0), 1U);
    resume(Completion::make_done());
    EXPECT_EQ(x(0), 2U);
}

TEST_F(CpuTest, SingleStepStopsAfterEachInstruction)
{
    put(vectors + 0x400, {hvc_0, eret});
    put(code, {0x9100'04A5, 0x9100'04A5, 0x9100'04A5}); // add x5, x5, #1 three times
    cpu_->reset({.pc = code, .arguments = {}});
    state().el[1].vbar = vectors;
    state().os_lock = 0;
    state().mdscr = 1;                      // SS
    cpu_->set_pstate(arch::Spsr::ss::mask); // EL0t, SS = 1
    Exit exit = resume({});
    ASSERT_EQ(exit.kind, ExitKind::hypercall);
    EXPECT_EQ(x(5), 1U);
    EXPECT_EQ(state().el[1].esr, 0xCB00'0022U);
    EXPECT_EQ(state().el[1].elr, code + 4);
    EXPECT_EQ(state().el[1].spsr & arch::Spsr::ss::mask, 0U);
    state().el[1].spsr |= arch::Spsr::ss::mask; // the debugger steps again
    resume(Completion::make_done());
    EXPECT_EQ(x(5), 2U);
    EXPECT_EQ(state().el[1].elr, code + 8);
}

TEST_F(CpuTest, BreakpointStopsBeforeTheInstruction)
{
    put(vectors + 0x400, {hvc_0});
    put(code, {0x9100'04A5, 0x9100'04A5, 0x9100'04A5});
    cpu_->reset({.pc = code, .arguments = {}});
    state().el[1].vbar = vectors;
    state().os_lock = 0;
    state().mdscr = 1 << 15; // MDE
    state().dbgbvr[2] = code + 8;
    state().dbgbcr[2] = 1 | 2 << 1 | 0xF << 5; // enabled at EL0
    cpu_->set_pstate(0);
    resume({});
    EXPECT_EQ(x(5), 2U);
    EXPECT_EQ(state().el[1].esr, 0xC200'0022U);
    EXPECT_EQ(state().el[1].elr, code + 8);
}

TEST_F(CpuTest, WatchpointReportsTheAccess)
{
    put(vectors + 0x400, {hvc_0});
    put(code, {0xF940'0022, 0xF900'0022}); // ldr x2, [x1]; str x2, [x1]
    cpu_->reset({
        .pc = code, .arguments = {0, data, 0, 0}
    });
    state().el[1].vbar = vectors;
    state().os_lock = 0;
    state().mdscr = 1 << 15;
    state().dbgwvr[1] = data;
    state().dbgwcr[1] = 1 | 2 << 1 | 2 << 3 | 0x10 << 5; // EL0, stores, byte 4
    cpu_->set_pstate(0);
    resume({});
    EXPECT_EQ(state().el[1].esr, 0xD200'0062U);
    EXPECT_EQ(state().el[1].far, data);
    EXPECT_EQ(state().el[1].elr, code + 4);
}

TEST_F(CpuTest, StoreExclusiveFailsAfterAnException)
{
    put(vectors + 0x200, {eret});
    // ldxr x2, [x1]; svc #3; stxr w3, x4, [x1]; hvc #0
    put(code, {0xC85F'7C22, svc_3, 0xC803'7C24, hvc_0});
    cpu_->reset({
        .pc = code, .arguments = {0, data, 0, 9}
    });
    state().el[1].vbar = vectors;
    resume({});
    EXPECT_EQ(x(3), 1U);
}

} // namespace
} // namespace gimbal::translator::aarch64
