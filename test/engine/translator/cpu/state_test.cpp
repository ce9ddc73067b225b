// SPDX-License-Identifier: Apache-2.0
#include <map>

#include "test/engine/translator/cpu/cpu_fixture.hpp"

namespace gimbal::translator::aarch64 {
namespace {

static_assert(StatefulEngine<Cpu>);

class Saver final : public StateVisitor {
public:
    void visit(StateKey key, u64& value) override { saved[{static_cast<u32>(key.group), key.id}] = value; }
    std::map<std::pair<u32, u32>, u64> saved;
};

class Restorer final : public StateVisitor {
public:
    explicit Restorer(const Saver& from) : from_(from) {}
    void visit(StateKey key, u64& value) override { value = from_.saved.at({static_cast<u32>(key.group), key.id}); }

private:
    const Saver& from_;
};

TEST_F(CpuTest, SavedStateGoesOnInAnotherCpu)
{
    // add x5, x5, #1; hvc #0; add x5, x5, #1; hvc #0
    start({0x9100'04A5, hvc_0, 0x9100'04A5, hvc_0});
    state().sp = 0x1234;
    state().v[7] = {11, 12};
    cpu_->write_register(arch::SysReg::fpcr, u64{3} << 22);
    cpu_->write_register(arch::SysReg::fpsr, 0x0800'0010);
    cpu_->write_register(arch::SysReg::sp_el0, 0x5678);
    Saver first;
    cpu_->visit_state(all_state, first);

    Cpu other(*machine_, VcpuId{1});
    Restorer restorer(first);
    other.visit_state(all_state, restorer);
    Saver second;
    other.visit_state(all_state, second);
    EXPECT_EQ(first.saved, second.saved);
    EXPECT_EQ(other.state().common.fp.rounding, fp::Rounding::zero);
    Exit exit = other.run(Completion::make_done(0));
    while (exit.kind == ExitKind::kicked) exit = other.run({});
    EXPECT_EQ(exit.kind, ExitKind::hypercall);
    EXPECT_EQ(other.state().x[5], 2U);
}

TEST_F(CpuTest, ReadingStateChangesNothing)
{
    start({0x9100'04A5, hvc_0, 0x9100'04A5, hvc_0});
    Saver before;
    Saver after;
    cpu_->visit_state(all_state, before);
    cpu_->visit_state(all_state, after);
    EXPECT_EQ(before.saved, after.saved);
    resume(Completion::make_done(0));
    EXPECT_EQ(x(5), 2U);
}

TEST_F(CpuTest, KickIsSeenWithinAPageOfStraightCode)
{
    // 64 KiB of `nop` without a single branch; the kick comes while its first block is being translated.
    constexpr u64 words = 0x4000;
    for (u64 i = 0; i < words; ++i) ASSERT_TRUE(memory_.store<u32>({data + 4 * i}, nop));
    unsigned translated = 0;
    Machine machine(memory_, clock_, timers_,
                    Options{.backend = translator::test::backend_under_test(), .trace_ir = [&](const std::string&) {
                                if (++translated == 1) kicked_->kick();
                            }});
    Cpu cpu(machine, VcpuId{0});
    kicked_ = &cpu;
    cpu.reset({.pc = data, .arguments = {}});
    while (translated == 0) EXPECT_EQ(cpu.run({}).kind, ExitKind::kicked);
    EXPECT_LE(cpu.instructions(), 1024U); // rule 8: the bound, one page of instructions
}

} // namespace
} // namespace gimbal::translator::aarch64
