// SPDX-License-Identifier: Apache-2.0
// Two CPUs that really run at the same time: nothing is lost between an injection and the entry into the guest.
#include "device/gicv3/list_registers.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "device/gicv3/gicv3.hpp"
#include "device/gicv3/registers.hpp"
#include "test/device/gicv3/fake_ich.hpp"

namespace gimbal::test {
namespace {

using aarch64::SysReg;

thread_local FakeIch* this_cpu = nullptr;

struct ThreadPort {
    u64 vtr() const { return FakeIch{}.vtr(); }
    u64 read_lr(unsigned n) const { return this_cpu->lr[n]; }
    void write_lr(unsigned n, u64 value) const { this_cpu->lr[n] = value; }
    u32 read_apr(gicv3::Group group, unsigned n) const { return this_cpu->apr[static_cast<unsigned>(group)][n]; }
    void write_apr(gicv3::Group group, unsigned n, u32 value) const
    {
        this_cpu->apr[static_cast<unsigned>(group)][n] = value;
    }
    u64 read_vmcr() const { return this_cpu->vmcr; }
    void write_vmcr(u64 value) const { this_cpu->vmcr = value; }
    void write_hcr(u64 value) const { this_cpu->hcr = value; }
};

constexpr u32 ppi = 20;
constexpr u32 edges = 2000;
constexpr u32 rounds = 2000;

struct TwoCpus final : gicv3::ListRegisterHost, CpuInterruptSink {
    void kick(VcpuId vcpu) noexcept override { kicked[vcpu.value] = true; }
    void set_physical_active(u32, bool) noexcept override {}
    bool is_physical_line_high(u32) noexcept override { return true; }
    void set_cpu_interrupt(VcpuId, InterruptInput, bool) noexcept override {}

    TwoCpus() { gic.state().attach(lists); }

    /// Takes interrupts until all have come. Each SGI is answered by one to the other CPU.
    void run(u32 vcpu)
    {
        FakeIch ich;
        this_cpu = &ich;
        lists.clear();
        lists.load({vcpu});
        ich.vmcr = 0xF0U << 24 | 3U << 18 | 2U << 21 | 2; // PMR, BPR1, BPR0, VENG1: what the driver's set-up writes
        lists.maintenance({vcpu});
        if (vcpu == 0) send(1);
        while (taken[vcpu] < edges || answered[vcpu] < rounds) {
            kicked[vcpu] = false;
            lists.before_entry({vcpu});
            while (!ich.virq() && ich.misr() == 0 && !kicked[vcpu] &&
                   !(taken[vcpu] == edges && answered[vcpu] == rounds))
                std::this_thread::yield();
            const u64 intid = ich.read(SysReg::icc_iar1_el1);
            ich.write(SysReg::icc_eoir1_el1, intid);
            lists.after_exit({vcpu});
            if (ich.misr() != 0) lists.maintenance({vcpu});
            if (intid == ppi) ++taken[vcpu];
            if (intid != 1) continue;
            // vCPU 0 has begun, so that vCPU 1's last answer is the last one.
            if (++answered[vcpu] < rounds || vcpu == 1) send(1 - vcpu, vcpu);
        }
        lists.put({vcpu});
    }
    void send(u32 target, u32 sender = 0)
    {
        (void)lists.write({sender}, SysReg::icc_sgi1r_el1, u64{1} << 24 | u64{1} << target);
    }

    gicv3::Gicv3 gic{
        gicv3::Config{.cpus = 2, .intids = 64}
    };
    gicv3::ListRegisters<ThreadPort> lists{gic.state(), *this, *this};
    std::atomic<bool> kicked[2]{};
    std::atomic<u32> taken[2]{};
    std::atomic<u32> answered[2]{};
};

TEST(ListRegistersThreads, NoInjectionIsLost)
{
    TwoCpus machine;
    auto& distributor = machine.gic.distributor();
    ASSERT_TRUE(distributor.write({{0}}, gicv3::gicd::ctlr, AccessSize::bytes_4, 3).has_value());
    for (u32 vcpu = 0; vcpu < 2; ++vcpu) {
        auto& redistributors = machine.gic.redistributors();
        const u64 base = vcpu * gicv3::gicr::size;
        const u64 frame = base + gicv3::gicr::sgi_base;
        (void)redistributors.write({{vcpu}}, base + gicv3::gicr::waker, AccessSize::bytes_4, 0);
        (void)redistributors.write({{vcpu}}, frame + 0x080, AccessSize::bytes_4, ~u32{0});
        (void)redistributors.write({{vcpu}}, frame + 0x100, AccessSize::bytes_4, ~u32{0});
        (void)redistributors.write({{vcpu}}, frame + gicv3::gicd::icfgr + 4, AccessSize::bytes_4, ~u32{0});
    }
    std::thread one([&] { machine.run(1); });
    std::thread zero([&] { machine.run(0); });
    for (u32 i = 0; i < edges; ++i) {
        for (u32 vcpu = 0; vcpu < 2; ++vcpu) {
            machine.gic.set_ppi({vcpu}, Intid{ppi}, true);
            machine.gic.set_ppi({vcpu}, Intid{ppi}, false);
        }
        // An edge that comes before the last one was acknowledged would be one with it.
        for (u32 vcpu = 0; vcpu < 2; ++vcpu)
            while (machine.taken[vcpu] <= i) std::this_thread::yield();
    }
    zero.join();
    one.join();
    EXPECT_EQ(machine.taken[0], edges);
    EXPECT_EQ(machine.taken[1], edges);
}

} // namespace
} // namespace gimbal::test
