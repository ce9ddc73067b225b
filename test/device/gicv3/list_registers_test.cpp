// SPDX-License-Identifier: Apache-2.0
#include "test/device/gicv3/list_fixture.hpp"

namespace gimbal::test {
namespace {

TEST_F(Lists, AcknowledgeAndEndNeedNoExit)
{
    machine.write(1, SysReg::icc_sgi1r_el1, u64{3} << 24 | 1);
    EXPECT_FALSE(machine.on_cpu(2));
    machine.run(0);
    EXPECT_TRUE(irq());
    const unsigned exits = machine.exits;
    EXPECT_EQ(acknowledge(), 3U);
    end(3);
    EXPECT_EQ(acknowledge(), 1023U);
    EXPECT_EQ(machine.exits, exits);
}

TEST_F(Lists, A32_InterruptNumbersAbove255StayWhole)
{
    machine.run(0);
    spi(300, true);
    EXPECT_EQ(acknowledge(), 300U);
    spi(300, false);
    end(300);
    EXPECT_EQ(active_word(9), 0U);
}

TEST_F(Lists, A32_WhatFindsNoListRegisterWaitsInTheModelAndComesInOrder)
{
    machine.run(0);
    for (u32 intid = 64; intid < 128; ++intid) {
        make_edge(intid);
        set_priority(intid, static_cast<u8>((intid * 7 % 16) * 8));
    }
    for (u32 intid = 64; intid < 128; ++intid) edge(intid);
    EXPECT_EQ(listed(0), 4U);
    unsigned last = 0;
    for (unsigned i = 0; i < 64; ++i) {
        const u64 intid = acknowledge();
        ASSERT_NE(intid, 1023U) << i;
        const auto priority = static_cast<unsigned>(machine.read(0, SysReg::icc_rpr_el1));
        EXPECT_GE(priority, last);
        last = priority;
        end(intid);
    }
    EXPECT_EQ(acknowledge(), 1023U);
}

TEST_F(Lists, A32_APendingInterruptIsListedOnce)
{
    machine.run(0);
    make_edge(64);
    edge(64);
    edge(64);
    EXPECT_EQ(listed(0), 1U);
    EXPECT_EQ(acknowledge(), 64U);
    end(64);
    EXPECT_EQ(acknowledge(), 1023U);
}

TEST_F(Lists, A32_MoreNestedInterruptsThanListRegistersAreEmulated)
{
    machine.run(0);
    for (u32 i = 0; i < 9; ++i) {
        make_edge(64 + i);
        set_priority(64 + i, static_cast<u8>(0xF0 - 8 * i));
        edge(64 + i);
        ASSERT_EQ(acknowledge(), 64 + i);
    }
    EXPECT_EQ(active_word(2), 0x1FFU);
    for (u32 i = 9; i-- > 0;) {
        EXPECT_EQ(machine.read(0, SysReg::icc_rpr_el1), 0xF0U - 8 * i);
        end(64 + i);
    }
    EXPECT_EQ(active_word(2), 0U);
    EXPECT_EQ(machine.interface_of(0).hcr & (1U << 11 | 1U << 12), 0U); // by hardware again
}

TEST_F(Lists, ALineThatIsHighAfterEoiComesAgainAndALoweredOneCostsNoExit)
{
    machine.run(0);
    spi(64, true);
    EXPECT_EQ(acknowledge(), 64U);
    unsigned exits = machine.exits;
    end(64);
    EXPECT_EQ(machine.exits, exits + 1); // the maintenance interrupt
    EXPECT_EQ(acknowledge(), 64U);
    // As a driver does it: the device's register is written, which takes an exit anyway, and its line falls.
    machine.leave(0);
    machine.gic.set_spi(Spi{32}, false);
    machine.enter(0);
    exits = machine.exits;
    end(64);
    EXPECT_EQ(machine.exits, exits);
    EXPECT_FALSE(irq());
}

TEST_F(Lists, AMaintenanceInterruptAskedForInVainIsSilenced)
{
    machine.run(0);
    machine.gic.set_ppi({0}, Intid{20}, true);
    machine.settle();
    EXPECT_EQ(acknowledge(), 20U);
    machine.settle_all(); // active, and its end is to be heard of
    machine.kicks = 0;
    machine.gic.set_ppi({0}, Intid{20}, false);
    EXPECT_EQ(machine.kicks, 0U); // not worth an exit
    end(20);
    EXPECT_EQ(machine.interface_of(0).misr(), 0U);
    EXPECT_FALSE(irq());
}

TEST_F(Lists, AnEdgeWhileActiveFollowsWithoutAnExit)
{
    machine.run(0);
    make_edge(64);
    edge(64);
    EXPECT_EQ(acknowledge(), 64U);
    edge(64);
    const unsigned exits = machine.exits;
    end(64);
    EXPECT_EQ(acknowledge(), 64U);
    end(64);
    EXPECT_EQ(acknowledge(), 1023U);
    EXPECT_EQ(machine.exits, exits);
}

TEST_F(Lists, InjectionIntoARunningVcpuCostsOneKick)
{
    machine.run(1);
    machine.kicks = 0;
    machine.gic.set_ppi({1}, Intid{20}, true);
    machine.gic.set_ppi({1}, Intid{21}, true); // it has not left yet
    EXPECT_EQ(machine.kicks, 1U);
    machine.settle();
    EXPECT_EQ(acknowledge(1), 20U);
    redistributor(1, gicr::sgi_base + 0x180, 1U << 22);
    machine.kicks = 0;
    machine.gic.set_ppi({1}, Intid{22}, true); // disabled: nothing to see
    machine.gic.set_ppi({1}, Intid{22}, false);
    machine.gic.set_ppi({2}, Intid{20}, true); // not on a CPU
    EXPECT_EQ(machine.kicks, 0U);
}

TEST_F(Lists, AWaitingVcpuIsWokenAndOneThatSleepsKnowsWhatIsPending)
{
    machine.run(0);
    machine.put(0, true);
    EXPECT_FALSE(machine.irq[0]);
    machine.gic.set_ppi({0}, Intid{20}, true);
    EXPECT_TRUE(machine.irq[0]);
    EXPECT_EQ(acknowledge(0), 20U);
    machine.put(0, true); // active is not pending
    EXPECT_FALSE(machine.irq[0]);
    machine.run(0);
    end(20);
    machine.write(0, SysReg::icc_pmr_el1, 0);
    machine.put(0, true); // masked by priority
    EXPECT_FALSE(machine.irq[0]);
    machine.write(0, SysReg::icc_pmr_el1, 0xF8);
    machine.put(0, false);
    machine.lists.sleep({0});
    EXPECT_TRUE(machine.irq[0]);
}

TEST_F(Lists, WhatAVcpuHasSleptThroughIsNotSaidToBePendingWhileItRuns)
{
    machine.run(0);
    machine.put(0, true);
    machine.gic.set_ppi({0}, Intid{20}, true);
    EXPECT_TRUE(machine.irq[0]);
    machine.run(0);
    EXPECT_FALSE(machine.irq[0]);
    machine.put(0, true); // not taken meanwhile
    EXPECT_TRUE(machine.irq[0]);
}

TEST_F(Lists, IHI0069_GICD_IROUTER_AnotherEdgeGoesToTheNewCpuAfterTheOldOneIsDone)
{
    machine.run(0);
    machine.run(1);
    make_edge(64);
    edge(64);
    EXPECT_EQ(acknowledge(0), 64U);
    route(64, 1);
    edge(64);
    EXPECT_FALSE(irq(1)); // active on vCPU 0
    end(64, 0);
    EXPECT_TRUE(irq(1));
    EXPECT_EQ(acknowledge(1), 64U);
}

TEST_F(Lists, AnInterruptIsInOneListRegisterOfAllCpus)
{
    machine.run(0);
    machine.run(1);
    spi(64, true);
    EXPECT_EQ(listed(0), 1U);
    // vCPU 1 takes it over, but vCPU 0 has not left yet.
    machine.leave(1);
    (void)machine.gic.distributor().write({{1}}, gicd::irouter + 8 * 64, AccessSize::bytes_8, 1);
    machine.enter(1);
    EXPECT_EQ(listed(1), 0U);
    EXPECT_TRUE(machine.kicked[0]);
    machine.settle();
    EXPECT_EQ(listed(0), 0U);
    EXPECT_EQ(acknowledge(1), 64U);
}

TEST_F(Lists, AGuestOfBothGroupsGetsGroup0AsFiq)
{
    machine.run(0);
    redistributor(0, gicr::sgi_base + 0x080, ~u32{1U << 20});
    machine.gic.set_ppi({0}, Intid{20}, true);
    machine.settle();
    EXPECT_FALSE(irq());
    EXPECT_FALSE(machine.interface_of(0).vfiq()); // Group 0 is off
    machine.write(0, SysReg::icc_igrpen0_el1, 1);
    EXPECT_TRUE(machine.interface_of(0).vfiq());
    EXPECT_EQ(machine.read(0, SysReg::icc_iar0_el1), 20U);
}

TEST_F(Lists, ResetTakesEverythingFromTheGuest)
{
    machine.run(0);
    spi(64, true);
    machine.gic.set_ppi({0}, Intid{20}, true);
    machine.settle();
    EXPECT_EQ(acknowledge(), 20U);
    machine.leave(0);
    machine.gic.reset_cpu({0});
    machine.enter(0);
    EXPECT_EQ(listed(0), 0U);
    EXPECT_EQ(machine.read(0, SysReg::icc_rpr_el1), 0xFFU);
    EXPECT_EQ(machine.read(0, SysReg::icc_pmr_el1), 0U);
    wake(0);
    EXPECT_EQ(acknowledge(), 64U); // the SPI's line is the device's
}

FakeIch with_preemption_bits(unsigned bits)
{
    FakeIch kind;
    kind.preemption_bits = bits;
    return kind;
}

struct ListsOfSevenBits : Lists {
    ListsOfSevenBits() : Lists(with_preemption_bits(7)) {}
};

TEST_F(ListsOfSevenBits, EmulationKeepsTheActivePriorities)
{
    machine.run(0);
    machine.write(0, SysReg::icc_bpr1_el1, 1);
    for (u32 i = 0; i < 9; ++i) {
        make_edge(64 + i);
        set_priority(64 + i, static_cast<u8>(0xF0 - 8 * i));
        edge(64 + i);
        ASSERT_EQ(acknowledge(), 64 + i);
    }
    for (u32 i = 9; i-- > 0;) {
        EXPECT_EQ(machine.read(0, SysReg::icc_rpr_el1), 0xF0U - 8 * i);
        end(64 + i);
    }
    EXPECT_EQ(machine.read(0, SysReg::icc_rpr_el1), 0xFFU);
    EXPECT_EQ(machine.read(0, SysReg::icc_bpr1_el1), 1U);
}

} // namespace
} // namespace gimbal::test
