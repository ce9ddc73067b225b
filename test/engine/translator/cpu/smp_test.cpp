// SPDX-License-Identifier: Apache-2.0
#include <thread>

#include "test/engine/translator/cpu/cpu_fixture.hpp"

// Several CPUs of one machine, each on its own thread, and how soon one of them leaves.
namespace gimbal::translator::aarch64 {
namespace {

constexpr u32 sev = 0xD503'209F;
constexpr u32 ret = 0xD65F'03C0;

constexpr u32 branch(i64 from, i64 to) { return 0x1400'0000 | (static_cast<u32>((to - from) / 4) & 0x03FF'FFFF); }
constexpr u32 branch_link(i64 from, i64 to) { return branch(from, to) | 0x8000'0000; }

class Smp : public CpuTest {
protected:
    /// One CPU on its own thread, from `pc` to its first hypercall; x0..x3 are given.
    std::jthread run(Cpu& cpu, u64 pc, u64 x0 = 0, u64 x1 = 0, u64 x2 = 0)
    {
        cpu.reset({
            .pc = pc, .arguments = {x0, x1, x2, 0}
        });
        return std::jthread([&cpu] {
            Exit exit = cpu.run({});
            while (exit.kind == ExitKind::kicked) exit = cpu.run({});
            EXPECT_EQ(exit.kind, ExitKind::hypercall)
                << static_cast<int>(exit.fatal.reason) << " " << std::hex << exit.fatal.detail;
        });
    }
    void fill(u64 at, const std::vector<u32>& words)
    {
        for (usize i = 0; i < words.size(); ++i) ASSERT_TRUE(memory_.store<u32>({at + 4 * i}, words[i]));
    }
};

/// Rule 8, told by instructions and not by time. SEV runs a hook on the vCPU's own thread, which kicks it at a known
/// place; then the guest does what its shape says until it leaves.
class KickLatency : public Smp {
protected:
    static constexpr u64 bound = 1024 + 64; ///< a page of instructions, and the block that SEV is in

    void measure(const std::vector<u32>& words)
    {
        fill(data, words);
        Cpu* kicked = nullptr;
        unsigned events = 0;
        u64 at_kick = 0;
        Machine machine(memory_, clock_, timers_,
                        Options{.backend = translator::test::backend_under_test(), .wake = [&](VcpuId) {
                                    // By then every block is translated and linked.
                                    if (++events != 5) return;
                                    at_kick = kicked->instructions();
                                    kicked->kick();
                                }});
        Cpu cpu(machine, VcpuId{0});
        Cpu listener(machine, VcpuId{1});
        kicked = &cpu;
        cpu.reset({.pc = data, .arguments = {}});
        while (events < 5) EXPECT_EQ(cpu.run({}).kind, ExitKind::kicked);
        EXPECT_EQ(events, 5U);
        EXPECT_LE(cpu.instructions() - at_kick, bound);
    }
};

TEST_F(KickLatency, BackwardBranch) { measure({sev, nop, branch(8, 0)}); }

TEST_F(KickLatency, StraightCodeAcrossPages)
{
    std::vector<u32> words(8 * 1024, nop);
    words.front() = sev;
    words.back() = branch(4 * (8 * 1024 - 1), 0);
    measure(words);
}

TEST_F(KickLatency, ForwardBranchesOnly)
{
    std::vector<u32> words;
    words.push_back(sev);
    while (words.size() < 8 * 1024 - 1) {
        words.push_back(branch(0, 8));
        words.push_back(nop);
    }
    words.push_back(branch(4 * static_cast<i64>(words.size()), 0));
    measure(words);
}

TEST_F(KickLatency, CallsAndReturns)
{
    // 500 calls of a function that returns at once, and from the start again.
    std::vector<u32> words{sev};
    for (i64 i = 1; i <= 500; ++i) words.push_back(branch_link(4 * i, 4 * 600));
    words.push_back(branch(4 * static_cast<i64>(words.size()), 0));
    words.resize(600, nop);
    words.push_back(ret);
    measure(words);
}

TEST_F(KickLatency, IndirectBranches)
{
    std::vector<u32> words{sev};
    while (words.size() < 8 * 1024 - 1) {
        words.push_back(0x1000'0040); // adr x0, .+8
        words.push_back(0xD61F'0000); // br x0
    }
    words.push_back(branch(4 * static_cast<i64>(words.size()), 0));
    measure(words);
}

TEST_F(Smp, MaintenanceOfTwoCpusThatWaitForEachOtherCompletes)
{
    // x0 rounds of: tlbi vmalle1is ; dsb ish ; subs x0, x0, #1 ; b.ne
    put(code, {0xD508'831F, 0xD503'3B9F, 0xF100'0400, 0x54FF'FFA1, hvc_0});
    std::vector<std::unique_ptr<Cpu>> cpus;
    for (u32 id = 1; id < 4; ++id) cpus.push_back(std::make_unique<Cpu>(*machine_, VcpuId{id}));
    std::vector<std::jthread> threads;
    for (const auto& cpu : cpus) threads.push_back(run(*cpu, code, 3000));
    threads.clear();
    for (const auto& cpu : cpus) EXPECT_EQ(cpu->state().x[0], 0U);
}

TEST_F(Smp, ExclusivesAndAtomicsLoseNoUpdate)
{
    // x0 rounds of an exclusive increment of [x1], an LSE one of [x1, #64], and a pair's of [x1, #128]
    put(code, {
                  0xC85F'7C24, // ldxr x4, [x1]
                  0x9100'0484, // add x4, x4, #1
                  0xC803'7C24, // stxr w3, x4, [x1]
                  0x35FF'FFA3, // cbnz w3, .-12
                  0x9101'0022, // add x2, x1, #64
                  0xD280'0024, // mov x4, #1
                  0xF824'0045, // ldadd x4, x5, [x2]
                  0x9102'0022, // add x2, x1, #128
                  0xC87F'1444, // ldxp x4, x5, [x2]
                  0x9100'0484, // add x4, x4, #1
                  0x9100'08A5, // add x5, x5, #2
                  0xC823'1444, // stxp w3, x4, x5, [x2]
                  0x35FF'FF83, // cbnz w3, .-16
                  0xF100'0400, // subs x0, x0, #1
                  0x54FF'FE41, // b.ne code
                  hvc_0,
              });
    constexpr u64 rounds = 5000;
    constexpr u32 count = 4;
    std::vector<std::unique_ptr<Cpu>> cpus;
    for (u32 id = 1; id <= count; ++id) cpus.push_back(std::make_unique<Cpu>(*machine_, VcpuId{id}));
    std::vector<std::jthread> threads;
    for (const auto& cpu : cpus) threads.push_back(run(*cpu, code, rounds, data));
    // The host writes beside the guest's words, in the same line.
    for (u64 i = 0; i < rounds; ++i) ASSERT_TRUE(memory_.store<u64>({data + 8}, i));
    threads.clear();
    EXPECT_EQ(peek<u64>(data), count * rounds);
    EXPECT_EQ(peek<u64>(data + 64), count * rounds);
    EXPECT_EQ(peek<u64>(data + 128), count * rounds);
    EXPECT_EQ(peek<u64>(data + 136), 2 * count * rounds);
}

TEST_F(Smp, AHostsWriteBetweenLoadAndStoreExclusiveIsNotLost)
{
    put(code, {0xC85F'7C24, hvc_0, 0xC803'7C24, hvc_0}); // ldxr x4, [x1] ; hvc ; stxr w3, x4, [x1] ; hvc
    cpu_->reset({
        .pc = code, .arguments = {0, data}
    });
    poke(data, 1);
    EXPECT_EQ(resume({}).kind, ExitKind::hypercall);
    poke(data, 2);
    EXPECT_EQ(resume(Completion::make_done()).kind, ExitKind::hypercall);
    EXPECT_EQ(x(3), 1U);
    EXPECT_EQ(peek<u64>(data), 2U);
}

TEST_F(Smp, TranslationExecutionEvictionAndInvalidationTogether)
{
    // 512 functions, each in a page of its own: add x3, x3, #k ; ret. The caller sums them up, x0 times over. The cache
    // holds a fraction; one CPU invalidates everything all the time, and the host writes over the code what is there.
    constexpr u64 functions = 512;
    const auto function = [](u64 i) { return data + i * 4096 + (i % 16) * 256; };
    const auto add = [](u64 i) { return 0x9100'0063 | static_cast<u32>(i) << 10; };
    for (u64 i = 0; i < functions; ++i) put(function(i), {add(i), ret});
    std::vector<u32> caller;
    for (u64 i = 0; i < functions; ++i)
        caller.push_back(branch_link(static_cast<i64>(code + 4 * i), static_cast<i64>(function(i))));
    caller.insert(caller.end(), {0xF100'0400, branch(0, 8), hvc_0}); // subs ; then a b.ne is patched in
    caller[functions + 1] = 0x5400'0001 | (static_cast<u32>(-static_cast<i64>(functions + 1)) & 0x7FFFF) << 5;
    fill(code, caller);
    constexpr u64 invalidator = code + 0x4000;
    put(invalidator, {0xD508'751F, 0xD503'3B9F, 0xF100'0400, 0x54FF'FFA1, hvc_0}); // ic iallu ; dsb ish ; loop

    cpu_ = nullptr;
    machine_ = std::make_unique<Machine>(
        memory_, clock_, timers_,
        Options{.backend = translator::test::backend_under_test(), .code_cache_bytes = 64 << 10});
    constexpr u64 rounds = 20;
    std::vector<std::unique_ptr<Cpu>> cpus;
    for (u32 id = 0; id < 4; ++id) cpus.push_back(std::make_unique<Cpu>(*machine_, VcpuId{id}));
    std::vector<std::jthread> threads;
    for (u32 id = 0; id < 3; ++id) threads.push_back(run(*cpus[id], code, rounds));
    threads.push_back(run(*cpus[3], invalidator, 500));
    for (unsigned round = 0; round < 20; ++round)
        for (u64 i = 0; i < functions; ++i) ASSERT_TRUE(memory_.store<u32>({function(i)}, add(i)));
    threads.clear();
    for (u32 id = 0; id < 3; ++id)
        EXPECT_EQ(cpus[id]->state().x[3], rounds * functions * (functions - 1) / 2) << "CPU " << id;
    EXPECT_GT(machine_->code().stats().evictions, 0U);
}

TEST_F(Smp, AnEventIsUsedUpByTheWaitItEnds)
{
    Cpu other(*machine_, VcpuId{1});
    constexpr u32 wfe = 0xD503'205F;
    EXPECT_EQ(start({wfe, wfe, wfe, hvc_0}).kind, ExitKind::idle);
    other.send_event();
    EXPECT_EQ(resume(Completion::make_done()).kind, ExitKind::idle); // the second waits again
    EXPECT_EQ(resume(Completion::make_done()).kind, ExitKind::idle); // it ended without one, and so does the third
    other.send_event();
    EXPECT_EQ(resume(Completion::make_done()).kind, ExitKind::hypercall);
}

} // namespace
} // namespace gimbal::translator::aarch64
