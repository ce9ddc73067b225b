// SPDX-License-Identifier: Apache-2.0
#include "test/device/gicv3/list_fixture.hpp"

namespace gimbal::test {
namespace {

TEST_F(Lists, A33_AHardwareTimerCostsOneExitAndItsEndIsTheGuests)
{
    machine.run(0);
    const unsigned exits = machine.exits;
    machine.lines.insert(physical_timer);
    machine.fire(0, timer, physical_timer);
    EXPECT_EQ(acknowledge(), timer);
    machine.lines.clear(); // the guest programs the next deadline
    EXPECT_TRUE(physical(physical_timer));
    end(timer);
    EXPECT_FALSE(physical(physical_timer));
    EXPECT_EQ(machine.exits, exits + 1);
    // The line of the model does not outlive the physical one.
    machine.settle_all();
    EXPECT_FALSE(irq());
    machine.lines.insert(physical_timer);
    machine.fire(0, timer, physical_timer);
    EXPECT_EQ(acknowledge(), timer);
}

TEST_F(Lists, A33_ATimerThatFiresAgainAndAgainLooksToTheModelLikeOne)
{
    machine.run(0);
    machine.lines.insert(physical_timer);
    for (unsigned i = 0; i < 3; ++i) {
        machine.fire(0, timer, physical_timer);
        EXPECT_TRUE(irq());
        EXPECT_EQ(acknowledge(), timer);
        if (i == 1) machine.settle_all(); // seen active in between
        end(timer);
        EXPECT_FALSE(irq());
    }
    machine.lines.clear();
    machine.settle_all();
    EXPECT_EQ(listed(0), 0U);
    EXPECT_FALSE(irq());
    EXPECT_FALSE(physical(physical_timer));
}

TEST_F(Lists, A33_ATimerThatTheGuestStopsBeforeItTakesItIsWithdrawn)
{
    machine.run(0);
    machine.lines.insert(physical_timer);
    machine.fire(0, timer, physical_timer);
    EXPECT_TRUE(irq());
    machine.lines.clear();
    machine.settle_all();
    EXPECT_FALSE(irq());
    EXPECT_FALSE(physical(physical_timer));
}

TEST_F(Lists, A33_ATimerOfOneVcpuDoesNotBlockThatOfTheNextOnTheCpu)
{
    machine.run(0);
    machine.lines.insert(physical_timer);
    machine.fire(0, timer, physical_timer);
    EXPECT_EQ(acknowledge(), timer);
    machine.run(2);
    EXPECT_FALSE(physical(physical_timer));
    machine.fire(2, timer, physical_timer);
    EXPECT_TRUE(irq(2));
    machine.run(0); // not acknowledged there: it fires again when vCPU 2 is back
    EXPECT_TRUE(physical(physical_timer));
    EXPECT_FALSE(irq(0));
    end(timer, 0);
    EXPECT_FALSE(physical(physical_timer));
    machine.run(2);
    EXPECT_FALSE(irq(2));
    machine.fire(2, timer, physical_timer);
    EXPECT_TRUE(irq(2));
}

TEST_F(Lists, A33_ATimerThatHasFiredKeepsAVcpuFromSleeping)
{
    machine.run(0);
    machine.lines.insert(physical_timer);
    machine.fire(0, timer, physical_timer);
    machine.put(0, true);
    EXPECT_TRUE(machine.irq[0]);
}

TEST_F(Lists, A34_AnAssignedSpiIsDeactivatedByTheGuestHoweverItDoesSo)
{
    machine.run(0);
    const auto raise = [&] {
        machine.lines.insert(physical_spi);
        machine.leave(0);
        machine.interface_of(0).physical_active.set(physical_spi);
        machine.lists.raise_spi(Intid{35});
        machine.enter(0);
    };
    raise();
    EXPECT_EQ(acknowledge(), 35U);
    machine.lines.clear();
    EXPECT_TRUE(physical(physical_spi));
    end(35);
    EXPECT_FALSE(physical(physical_spi));

    raise();
    EXPECT_EQ(acknowledge(), 35U);
    distributor(0x384, 1U << 3); // GICD_ICACTIVER
    EXPECT_FALSE(physical(physical_spi));
    end(35);

    machine.write(0, SysReg::icc_ctlr_el1, 2);
    raise();
    EXPECT_EQ(acknowledge(), 35U);
    end(35);
    EXPECT_TRUE(physical(physical_spi));
    machine.write(0, SysReg::icc_dir_el1, 35);
    EXPECT_FALSE(physical(physical_spi));
    machine.write(0, SysReg::icc_ctlr_el1, 0);

    distributor(0x184, 1U << 3); // GICD_ICENABLER: it waits, and the physical one stays active meanwhile
    raise();
    EXPECT_FALSE(irq());
    EXPECT_TRUE(physical(physical_spi));
    distributor(0x104, 1U << 3);
    EXPECT_EQ(acknowledge(), 35U);
    end(35);
    EXPECT_FALSE(physical(physical_spi));
}

TEST_F(Lists, A34_WhatIsNotAssignedNeverReachesThePhysicalDistributor)
{
    machine.run(0);
    for (u32 intid = 32; intid < 96; ++intid) spi(intid, true);
    for (u64 bank = 1; bank < 3; ++bank) {
        distributor(0x300 + bank * 4, ~u32{0});
        distributor(0x380 + bank * 4, ~u32{0});
    }
    for (unsigned i = 0; i < 20; ++i) end(acknowledge());
    for (const FakeIch& ich : machine.ich) EXPECT_TRUE(ich.physical_active.none());
}

} // namespace
} // namespace gimbal::test
