// SPDX-License-Identifier: Apache-2.0
#include "arch/aarch64/control.hpp"
#include "test/engine/translator/cpu/cpu_fixture.hpp"

// What leaves the CPU, and how answers come back: the contract of vm/completion.hpp.
namespace gimbal::translator::aarch64 {
namespace {

static_assert(VcpuEngine<Cpu>);

TEST_F(CpuTest, RunsUntilHypercallAndResumesBehindIt)
{
    // mov x0, #5; add x1, x0, #7; hvc #0; mov w0, #1; hvc #0
    const Exit exit = start({0xD280'00A0, 0x9100'1C01, hvc_0, 0x5280'0020, hvc_0});
    EXPECT_EQ(exit.kind, ExitKind::hypercall);
    EXPECT_EQ(exit.call.arguments[0], 5U);
    EXPECT_EQ(exit.call.arguments[1], 12U);
    EXPECT_EQ(state().common.pc, code + 12);
    EXPECT_EQ(cpu_->instructions(), 3U);

    const Exit next = resume(Completion::make_done(~u64{0}));
    EXPECT_EQ(next.kind, ExitKind::hypercall);
    EXPECT_EQ(x(0), 1U);
    EXPECT_EQ(cpu_->instructions(), 5U);
}

TEST_F(CpuTest, HypercallInjectUndoesTheAdvance)
{
    put(vectors + 0x200, {hvc_0});
    start({hvc_0});
    const Exit exit = resume(Completion::make_inject(InjectKind::undefined));
    EXPECT_EQ(exit.kind, ExitKind::hypercall);
    EXPECT_EQ(state().el[1].elr, code);
    EXPECT_EQ(state().el[1].esr, 0x0200'0000U);
}

TEST_F(CpuTest, MmioLoadWritesTheRegisterOnceAnswered)
{
    // ldrsb x7, [x1, #1]; hvc #0
    put(code, {0x3980'0427, hvc_0});
    cpu_->reset({
        .pc = code, .arguments = {0, device, 0, 0}
    });
    const Exit exit = resume({});
    ASSERT_EQ(exit.kind, ExitKind::mmio);
    EXPECT_EQ(exit.mmio.gpa.value, device + 1);
    EXPECT_EQ(exit.mmio.size, AccessSize::bytes_1);
    EXPECT_EQ(exit.mmio.direction, Direction::read);
    EXPECT_EQ(state().common.pc, code);
    const Exit next = resume(Completion::make_done(0x80));
    EXPECT_EQ(next.kind, ExitKind::hypercall);
    EXPECT_EQ(x(7), 0xFFFF'FFFF'FFFF'FF80U); // sign-extended at the engine's edge (seed defect A27)
}

TEST_F(CpuTest, MmioPairWithWriteBackIsASequenceCommittedAtItsEnd)
{
    // stp x3, x4, [x1], #16; ldp x3, x4, [x1]; hvc #0
    put(code, {0xA881'1023, 0xA940'1023, hvc_0});
    cpu_->reset({
        .pc = code, .arguments = {0, device, 0, 0x1111}
    });
    x(4) = 0x2222;
    Exit exit = resume({});
    ASSERT_EQ(exit.kind, ExitKind::mmio);
    EXPECT_EQ(exit.mmio.data, 0x1111U);
    EXPECT_EQ(x(1), device);
    exit = resume(Completion::make_done());
    ASSERT_EQ(exit.kind, ExitKind::mmio);
    EXPECT_EQ(exit.mmio.gpa.value, device + 8);
    EXPECT_EQ(exit.mmio.data, 0x2222U);
    EXPECT_EQ(x(1), device);
    exit = resume(Completion::make_done());
    EXPECT_EQ(x(1), device + 16);
    ASSERT_EQ(exit.kind, ExitKind::mmio);
    EXPECT_EQ(exit.mmio.gpa.value, device + 16);
    exit = resume(Completion::make_done(0xA));
    EXPECT_EQ(x(3), 0x1111U);
    exit = resume(Completion::make_done(0xB));
    EXPECT_EQ(exit.kind, ExitKind::hypercall);
    EXPECT_EQ(x(3), 0xAU);
    EXPECT_EQ(x(4), 0xBU);
    EXPECT_EQ(cpu_->instructions(), 3U);
}

TEST_F(CpuTest, MmioAtomicIsAReadThenAWrite)
{
    // ldadd x5, x6, [x1]; hvc #0
    put(code, {0xF825'0026, hvc_0});
    cpu_->reset({
        .pc = code, .arguments = {0, device, 0, 0}
    });
    x(5) = 3;
    Exit exit = resume({});
    ASSERT_EQ(exit.kind, ExitKind::mmio);
    EXPECT_EQ(exit.mmio.direction, Direction::read);
    exit = resume(Completion::make_done(40));
    ASSERT_EQ(exit.kind, ExitKind::mmio);
    EXPECT_EQ(exit.mmio.direction, Direction::write);
    EXPECT_EQ(exit.mmio.data, 43U);
    exit = resume(Completion::make_done());
    EXPECT_EQ(exit.kind, ExitKind::hypercall);
    EXPECT_EQ(x(6), 40U);
}

TEST_F(CpuTest, MmioWithTheZeroRegister)
{
    // ldr xzr, [x1]; str xzr, [x1]; hvc #0
    put(code, {0xF940'003F, 0xF900'003F, hvc_0});
    cpu_->reset({
        .pc = code, .arguments = {0, device, 0, 0}
    });
    Exit exit = resume({});
    ASSERT_EQ(exit.kind, ExitKind::mmio);
    exit = resume(Completion::make_done(~u64{0})); // a load into XZR changes nothing (seed defect V8)
    ASSERT_EQ(exit.kind, ExitKind::mmio);
    EXPECT_EQ(exit.mmio.data, 0U);
    EXPECT_EQ(state().common.pc, code + 4);
    exit = resume(Completion::make_done());
    EXPECT_EQ(exit.kind, ExitKind::hypercall);
}

TEST_F(CpuTest, UnclaimedMmioIsAnExternalAbort)
{
    put(vectors + 0x200, {hvc_0});
    put(code, {0xB940'0022}); // ldr w2, [x1]
    cpu_->reset({
        .pc = code, .arguments = {0, device, 0, 0}
    });
    state().el[1].vbar = vectors;
    resume({});
    const Exit exit = resume(Completion::make_inject(InjectKind::external_abort));
    EXPECT_EQ(exit.kind, ExitKind::hypercall);
    EXPECT_EQ(state().el[1].esr, 0x9600'0010U);
    EXPECT_EQ(state().el[1].far, device);
    EXPECT_EQ(state().el[1].elr, code);
}

TEST_F(CpuTest, CommitAppliesTheAnswerWithoutGoingOn)
{
    put(code, {0xB940'0022, hvc_0}); // ldr w2, [x1]; hvc #0
    cpu_->reset({
        .pc = code, .arguments = {0, device, 0, 0}
    });
    resume({});
    cpu_->commit(Completion::make_done(77));
    EXPECT_EQ(x(2), 77U);
    EXPECT_EQ(state().common.pc, code + 4);
    EXPECT_EQ(resume({}).kind, ExitKind::hypercall);
}

TEST_F(CpuTest, CommitKeepsTheNextBeatForTheNextRun)
{
    put(code, {0xA940'1023, hvc_0}); // ldp x3, x4, [x1]; hvc #0
    cpu_->reset({
        .pc = code, .arguments = {0, device, 0, 0}
    });
    resume({});
    cpu_->commit(Completion::make_done(1)); // a pause in the middle of the pair
    const Exit second = resume({});
    ASSERT_EQ(second.kind, ExitKind::mmio);
    EXPECT_EQ(second.mmio.gpa.value, device + 8);
    EXPECT_EQ(resume(Completion::make_done(2)).kind, ExitKind::hypercall);
    EXPECT_EQ(x(3), 1U);
    EXPECT_EQ(x(4), 2U);
}

TEST_F(CpuTest, DiscardForgetsTheAccess)
{
    put(code, {0xA940'1023, hvc_0}); // ldp x3, x4, [x1]; hvc #0
    cpu_->reset({
        .pc = code, .arguments = {0, device, 0, 0}
    });
    resume({});
    resume(Completion::make_done(1));
    cpu_->commit(Completion::make_discard());
    const Exit again = resume({});
    ASSERT_EQ(again.kind, ExitKind::mmio);
    EXPECT_EQ(again.mmio.gpa.value, device); // from the first beat
}

TEST_F(CpuTest, RetryRunsTheInstructionAgain)
{
    put(code, {0xB940'0022, hvc_0});
    cpu_->reset({
        .pc = code, .arguments = {0, device, 0, 0}
    });
    resume({});
    EXPECT_EQ(resume(Completion::make_retry()).kind, ExitKind::mmio);
    resume(Completion::make_done(5));
    EXPECT_EQ(x(2), 5U);
}

TEST_F(CpuTest, RegistersOfTheVmLeaveAndCompleteOnce)
{
    // mrs x0, id_aa64pfr0_el1; msr cntv_ctl_el0, x1; hvc #0
    put(code, {0xD538'0400, 0xD51B'E321, hvc_0});
    cpu_->reset({
        .pc = code, .arguments = {0, 3, 0, 0}
    });
    Exit exit = resume({});
    ASSERT_EQ(exit.kind, ExitKind::system_register);
    EXPECT_EQ(exit.system_register.encoding, arch::encoding(arch::SysReg::id_aa64pfr0_el1));
    EXPECT_EQ(exit.system_register.direction, Direction::read);
    exit = resume(Completion::make_done(0x1234));
    EXPECT_EQ(x(0), 0x1234U);
    ASSERT_EQ(exit.kind, ExitKind::system_register);
    EXPECT_EQ(exit.system_register.value, 3U);
    EXPECT_EQ(exit.system_register.direction, Direction::write);
    exit = resume(Completion::make_done());
    EXPECT_EQ(exit.kind, ExitKind::hypercall);
    EXPECT_EQ(cpu_->instructions(), 3U);
}

TEST_F(CpuTest, TimerRegistersTrapAtEl0UntilCntkctlAllowsThem)
{
    put(vectors + 0x400, {hvc_0, 0xD69F'03E0}); // eret
    put(code, {0xD53B'E321});                   // mrs x1, cntv_ctl_el0
    cpu_->reset({.pc = code, .arguments = {}});
    state().el[1].vbar = vectors;
    cpu_->set_pstate(0);
    Exit exit = resume({});
    ASSERT_EQ(exit.kind, ExitKind::hypercall);
    EXPECT_EQ(state().el[1].esr, arch::make_sysreg_trap(arch::SysReg::cntv_ctl_el0, 1, true).raw);
    state().el[1].cntkctl = arch::CntkctlEl1::el0vten::mask;
    exit = resume(Completion::make_done());
    EXPECT_EQ(exit.kind, ExitKind::system_register);
}

TEST_F(CpuTest, IdleLeavesUnlessAnInterruptIsPending)
{
    const Exit exit = start({0xD503'207F, hvc_0}); // wfi; hvc #0
    ASSERT_EQ(exit.kind, ExitKind::idle);
    EXPECT_EQ(exit.idle.kind, IdleKind::wait_for_interrupt);
    EXPECT_EQ(resume({}).kind, ExitKind::hypercall);

    put(code, {0xD503'207F, hvc_0});
    cpu_->reset({.pc = code, .arguments = {}});
    cpu_->set_interrupt(InterruptInput::irq, true); // masked, and it still ends WFI
    EXPECT_EQ(resume({}).kind, ExitKind::hypercall);
    cpu_->set_interrupt(InterruptInput::irq, false);
}

TEST_F(CpuTest, WaitForEventKnowsTheMonitorAndTheEventStream)
{
    constexpr u32 wfe = 0xD503'205F;
    constexpr u32 ldxr_x2_x1 = 0xC85F'7C22;
    put(code, {wfe, ldxr_x2_x1, wfe, 0xD503'20BF, wfe, hvc_0}); // ... sevl; wfe; hvc #0
    cpu_->reset({
        .pc = code, .arguments = {0, data, 0, 0}
    });
    clock_.ticks = 1000;
    Exit exit = resume({});
    ASSERT_EQ(exit.kind, ExitKind::idle);
    EXPECT_FALSE(exit.idle.has_deadline);
    EXPECT_FALSE(exit.idle.monitor_armed);
    // Rising edges of bit 4 are at 16, 48, 80, ...
    state().el[1].cntkctl = arch::CntkctlEl1::evnten::mask | u64{4} << 4;
    exit = resume(Completion::make_done());
    ASSERT_EQ(exit.kind, ExitKind::idle);
    EXPECT_TRUE(exit.idle.monitor_armed);
    ASSERT_TRUE(exit.idle.has_deadline);
    EXPECT_EQ(exit.idle.deadline.value, 1008U);
    EXPECT_EQ(resume(Completion::make_done()).kind, ExitKind::hypercall); // SEVL: no wait
}

TEST_F(CpuTest, KickEndsARunInALoop)
{
    put(code, {0x1400'0000}); // b .
    cpu_->reset({.pc = code, .arguments = {}});
    cpu_->kick(); // before run(): never lost
    EXPECT_EQ(cpu_->run({}).kind, ExitKind::kicked);
    cpu_->kick();
    EXPECT_EQ(cpu_->run({}).kind, ExitKind::kicked);
}

TEST_F(CpuTest, NarrowResultsStayNarrowWhenTheirRegisterIsReused)
{
    // str x0, [x19]; cbz x0, .+8; mov w4, #0x11; orr w1, w20, #0x100; movk w4, #0x40, lsl #16; ands w4, w20, w4;
    // b.ne .+8; mov w3, w4; adrp x4, .; add x4, x4, #0x850; mov x2, #56; lsl x0, x3, #3; sub x0, x0, x3;
    // add x0, x4, x0, lsl #4; hvc #0
    put(code, {0xF900'0260, 0xB400'0040, 0x5280'0224, 0x3218'0281, 0x72A0'0804, 0x6A04'0284, 0x5400'0041, 0x2A04'03E3,
               0x9000'0004, 0x9121'4084, 0xD280'0702, 0xD37D'F060, 0xCB03'0000, 0x8B00'1080, hvc_0});
    cpu_->reset({.pc = code, .arguments = {}});
    x(0) = 1;
    x(19) = data;
    x(20) = 0xCC0;
    x(4) = x(3) = 0xFFFF'C091'0000'0000;
    resume({});
    EXPECT_EQ(x(3), 0U);
    EXPECT_EQ(x(4), align_down(code, 4096) + 0x850);
    EXPECT_EQ(x(0), x(4));
}

} // namespace
TEST_F(CpuTest, RetiredBlocksDoNotPileUpWhileTheGuestStaysInside)
{
    // More code than the cache holds, and nothing that makes the vCPU leave it: no branch, no interrupt.
    constexpr u64 bytes = 1 << 20;
    cpu_ = nullptr;
    machine_ = std::make_unique<Machine>(
        memory_, clock_, timers_,
        Options{.backend = translator::test::backend_under_test(), .code_cache_bytes = 64 << 10});
    cpu_ = std::make_unique<Cpu>(*machine_, VcpuId{0});
    for (u64 at = data; at < data + bytes; at += 4) put(at, {nop});
    put(data + bytes, {hvc_0});
    cpu_->reset({.pc = data, .arguments = {}});
    EXPECT_EQ(resume({}).kind, ExitKind::hypercall);
    const CodeCacheStats stats = machine_->code().stats();
    EXPECT_GT(stats.evictions, stats.blocks_translated / 2);
    EXPECT_LT(stats.retired_blocks, stats.blocks_translated / 4);
}

} // namespace gimbal::translator::aarch64
