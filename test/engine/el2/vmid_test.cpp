// SPDX-License-Identifier: Apache-2.0
#include "engine/el2/vmid.hpp"

#include <array>
#include <atomic>
#include <map>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace gimbal::el2 {
namespace {

TEST(Vmid, A14_EveryVmHasItsOwnAndZeroIsNobodys)
{
    std::array<VmidCpu, 2> cpus;
    VmidAllocator allocator(8, cpus);
    std::array<VmidSlot, 255> vms;
    std::set<u16> seen;
    for (VmidSlot& vm : vms) {
        EXPECT_EQ(vm.vmid(), 0) << "no TLB can hold anything of a VM that never ran";
        seen.insert(allocator.enter(0, vm).vmid);
    }
    EXPECT_EQ(seen.size(), 255u);
    EXPECT_EQ(*seen.begin(), 1);
    EXPECT_EQ(*seen.rbegin(), 255);
    EXPECT_EQ(allocator.generation(), 1u);
}

TEST(Vmid, A14_AnOrdinaryEntryFlushesNothing)
{
    std::array<VmidCpu, 2> cpus;
    VmidAllocator allocator(8, cpus);
    VmidSlot first, second;
    EXPECT_TRUE(allocator.enter(0, first).flush) << "what the TLBs hold at boot is unknown";
    EXPECT_TRUE(allocator.enter(1, first).flush);
    for (int i = 0; i < 1000; ++i) {
        for (unsigned cpu = 0; cpu < 2; ++cpu) {
            const VmidEntry a = allocator.enter(cpu, first);
            const VmidEntry b = allocator.enter(cpu, second);
            EXPECT_EQ(a.vmid, 1);
            EXPECT_EQ(b.vmid, 2);
            EXPECT_FALSE(a.flush || b.flush);
        }
    }
}

TEST(Vmid, ARolloverKeepsWhatRunsAndFlushesEachCpuOnce)
{
    std::array<VmidCpu, 3> cpus;
    VmidAllocator allocator(8, cpus);
    VmidSlot keeper, idle;
    std::vector<VmidSlot> others(600);
    EXPECT_EQ(allocator.enter(0, idle).vmid, 1);
    EXPECT_EQ(allocator.enter(1, keeper).vmid, 2);
    unsigned next = 0;
    while (allocator.generation() == 1) allocator.enter(0, others[next++]);

    EXPECT_EQ(keeper.vmid(), 2) << "CPU 1 is in it";
    EXPECT_EQ(others[next - 1].vmid(), 1) << "the first of the new generation; the idle VM has lost it";
    EXPECT_EQ(allocator.enter(0, others[next++]).vmid, 3) << "2 was kept";
    const VmidEntry again = allocator.enter(1, keeper);
    EXPECT_EQ(again.vmid, 2);
    EXPECT_TRUE(again.flush);
    EXPECT_FALSE(allocator.enter(1, keeper).flush);

    // It stays reserved for the generation, also when no CPU is in it any more.
    allocator.enter(1, others[next++]);
    while (allocator.generation() == 2) {
        const u16 vmid = allocator.enter(2, others[next++]).vmid;
        EXPECT_TRUE(vmid != 2 || allocator.generation() != 2);
    }
    const u16 fresh = allocator.enter(0, idle).vmid;
    EXPECT_EQ(fresh, idle.vmid());
}

TEST(Vmid, WhatWasKeptIsFreeAgainInTheNextGeneration)
{
    std::array<VmidCpu, 2> cpus;
    VmidAllocator allocator(8, cpus);
    VmidSlot keeper;
    std::vector<VmidSlot> others(1000);
    EXPECT_EQ(allocator.enter(1, keeper).vmid, 1);
    std::set<u16> second, third;
    for (VmidSlot& vm : others) {
        const u16 vmid = allocator.enter(0, vm).vmid;
        if (allocator.generation() == 2) {
            second.insert(vmid);
            allocator.forget(keeper); // now no CPU is in anything that is kept
        } else if (allocator.generation() == 3) {
            third.insert(vmid);
        }
    }
    EXPECT_FALSE(second.contains(1));
    EXPECT_TRUE(third.contains(1));
}

// The moment between a CPU's announcement and its look at the generation, while two rollovers pass.
TEST(Vmid, AnAnnouncementAloneDoesNotKeepAnOldVmid)
{
    std::array<VmidCpu, 3> cpus;
    VmidAllocator allocator(8, cpus);
    VmidSlot stale;
    std::vector<VmidSlot> others(600);
    unsigned next = 0;
    const u16 old = allocator.enter(1, stale).vmid;
    allocator.enter(1, others[next++]);
    while (allocator.generation() == 1) allocator.enter(2, others[next++]);
    VmidSlot& heir = others[next - 1];
    ASSERT_EQ(heir.vmid(), old);
    allocator.enter(0, heir);

    cpus[1].running.store(&stale);
    while (allocator.generation() == 2) allocator.enter(2, others[next++]);
    EXPECT_EQ(heir.vmid(), old);
    EXPECT_NE(allocator.enter(1, stale).vmid, old);
}

TEST(Vmid, AnEndedVmIsForgotten)
{
    std::array<VmidCpu, 1> cpus;
    VmidAllocator allocator(8, cpus);
    std::vector<VmidSlot> others(300);
    {
        VmidSlot gone;
        allocator.enter(0, gone);
        allocator.forget(gone);
        EXPECT_EQ(gone.vmid(), 0);
    }
    EXPECT_EQ(cpus[0].running.load(), nullptr);
    for (VmidSlot& vm : others) allocator.enter(0, vm);
    EXPECT_EQ(allocator.generation(), 2u);
}

TEST(Vmid, SixteenBitsHoldOutLonger)
{
    std::array<VmidCpu, 1> cpus;
    VmidAllocator allocator(16, cpus);
    std::vector<VmidSlot> vms(65536);
    for (u32 i = 0; i < 65535; ++i) ASSERT_EQ(allocator.enter(0, vms[i]).vmid, i + 1);
    EXPECT_EQ(allocator.generation(), 1u);
    allocator.enter(0, vms[65535]);
    EXPECT_EQ(allocator.generation(), 2u);
}

/// A CPU's TLB: whose entries it holds under each VMID.
struct ModelTlb {
    std::map<u16, const VmidSlot*> owner;

    /// False: it holds another VM's.
    bool enter(const VmidEntry& entry, const VmidSlot& vm)
    {
        if (entry.flush) owner.clear();
        return owner.emplace(entry.vmid, &vm).first->second == &vm;
    }
};

TEST(Vmid, NoCpuEverUsesAnotherVmsEntries)
{
    for (unsigned seed = 0; seed < 20; ++seed) {
        std::mt19937_64 random(seed);
        std::array<VmidCpu, 5> cpus;
        std::array<ModelTlb, 5> tlbs;
        std::array<const VmidSlot*, 5> in{};
        VmidAllocator allocator(8, cpus);
        std::vector<VmidSlot> vms(400);
        for (int step = 0; step < 20'000; ++step) {
            const auto cpu = static_cast<unsigned>(random() % 5);
            // Mostly a few favourites, so that some stay on a CPU across rollovers.
            VmidSlot& vm = vms[random() % 4 == 0 ? random() % 4 : random() % vms.size()];
            const VmidEntry entry = allocator.enter(cpu, vm);
            in[cpu] = &vm;
            ASSERT_NE(entry.vmid, 0);
            ASSERT_TRUE(tlbs[cpu].enter(entry, vm)) << "seed " << seed << " step " << step;
            for (unsigned a = 0; a < 5; ++a) {
                for (unsigned b = 0; b < a; ++b) {
                    if (in[a] == nullptr || in[b] == nullptr) continue;
                    ASSERT_EQ(in[a] == in[b], in[a]->vmid() == in[b]->vmid()) << "seed " << seed << " step " << step;
                }
            }
        }
        EXPECT_GT(allocator.generation(), 20u);
    }
}

/// Who runs under a VMID now, over all CPUs: a VM's index and how many CPUs are in it.
class Occupancy {
public:
    bool enter(u16 vmid, u32 vm)
    {
        u64 seen = users_[vmid].load(std::memory_order_relaxed);
        do {
            if (seen != 0 && seen >> 32 != vm) return false;
        } while (!users_[vmid].compare_exchange_weak(seen, (u64{vm} << 32 | (seen & 0xFFFF'FFFF)) + 1));
        return true;
    }
    void leave(u16 vmid)
    {
        u64 seen = users_[vmid].load(std::memory_order_relaxed);
        u64 next;
        do next = (seen & 0xFFFF'FFFF) == 1 ? 0 : seen - 1;
        while (!users_[vmid].compare_exchange_weak(seen, next));
    }

private:
    std::array<std::atomic<u64>, 256> users_{};
};

TEST(Vmid, SeveralCpusRollOverTogether)
{
    constexpr unsigned threads = 4;
    std::array<VmidCpu, threads> cpus;
    VmidAllocator allocator(4, cpus); // a rollover every dozen entries
    std::vector<VmidSlot> vms(60);
    Occupancy occupancy;
    std::atomic<u64> faults{};
    std::vector<std::jthread> running;
    for (unsigned cpu = 0; cpu < threads; ++cpu) {
        running.emplace_back([&, cpu] {
            std::mt19937_64 random(cpu);
            ModelTlb tlb;
            for (int step = 0; step < 20'000; ++step) {
                const auto index = static_cast<u32>(random() % (random() % 3 == 0 ? 6 : vms.size()));
                VmidSlot& vm = vms[index];
                const VmidEntry entry = allocator.enter(cpu, vm);
                if (!tlb.enter(entry, vm)) ++faults;
                if (!occupancy.enter(entry.vmid, index + 1)) ++faults;
                // In the guest: an invalidation for this VM must reach this CPU.
                for (u64 turn = random() % 8; turn > 0; --turn) {
                    if (vm.vmid() != entry.vmid) ++faults;
                }
                occupancy.leave(entry.vmid);
            }
        });
    }
    running.clear();
    EXPECT_EQ(faults.load(), 0u);
    EXPECT_GT(allocator.generation(), 500u);
}

} // namespace
} // namespace gimbal::el2
