// SPDX-License-Identifier: Apache-2.0
#include "arch/aarch64/control.hpp"
#include "test/engine/translator/cpu/cpu_fixture.hpp"

// What the self-reporting images found, each as its smallest case.
namespace gimbal::translator::aarch64 {
namespace {

class PrivilegedTest : public CpuTest {
protected:
    void begin(std::initializer_list<u32> words, u64 pstate, u64 sctlr_extra = 0)
    {
        put(code, words);
        put(vectors + 0x200, {hvc_0});
        put(vectors + 0x400, {hvc_0});
        cpu_->reset({
            .pc = code, .arguments = {0, data, 0, 0}
        });
        state().el[1].vbar = vectors;
        state().el[1].sctlr |= sctlr_extra;
        cpu_->set_pstate(pstate);
    }
    void step(u64 pstate)
    {
        state().os_lock = 0;
        state().mdscr = arch::MdscrEl1::ss::mask;
        cpu_->set_pstate(pstate);
        resume({});
    }
    static constexpr u64 stepping_el0 = u64{1} << 21;
};

TEST_F(PrivilegedTest, ScxtnumWritesAreTrappedAtEl0)
{
    begin({0xD51B'D0E0}, 0, arch::SctlrEl1::tscxt::mask); // msr scxtnum_el0, x0
    resume({});
    EXPECT_EQ(state().el[1].esr, 0x623E'F400U);
}

TEST_F(PrivilegedTest, ABranchIsOneStep)
{
    begin({0x1400'0002, nop, nop}, 0); // b .+8
    step(stepping_el0);
    EXPECT_EQ(state().el[1].esr, 0xCB00'0022U);
    EXPECT_EQ(state().el[1].elr, code + 8);
}

TEST_F(PrivilegedTest, AConditionalBranchIsOneStepEitherWay)
{
    begin({0xB400'0040, nop, nop}, 0); // cbz x0, .+8
    step(stepping_el0);
    EXPECT_EQ(state().el[1].elr, code + 8);
    begin({0xB500'0040, nop, nop}, 0); // cbnz x0, .+8
    step(stepping_el0);
    EXPECT_EQ(state().el[1].elr, code + 4);
}

TEST_F(PrivilegedTest, ASteppedLoadExclusiveSaysSo)
{
    begin({0xC85F'7C22, nop}, 0); // ldxr x2, [x1]
    step(stepping_el0);
    EXPECT_EQ(state().el[1].esr, 0xCB00'0062U);
}

TEST_F(PrivilegedTest, AnAtomicMeetsAWatchpointForLoads)
{
    begin({0xF822'0023, nop}, 0); // ldadd x2, x3, [x1]
    state().os_lock = 0;
    state().mdscr = arch::MdscrEl1::mde::mask;
    state().dbgwvr[0] = data;
    state().dbgwcr[0] = 1 | 2 << 1 | 1 << 3 | 0xFF << 5; // EL0, loads, all bytes
    cpu_->set_pstate(0);
    resume({});
    EXPECT_EQ(state().el[1].esr, 0xD200'0022U);
    EXPECT_EQ(state().el[1].elr, code);
}

} // namespace
} // namespace gimbal::translator::aarch64
