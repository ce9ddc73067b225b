// SPDX-License-Identifier: Apache-2.0
#include "test/device/gicv3/gic_fixture.hpp"

namespace gimbal::test {
namespace {

TEST_F(Gic, IHI0069_GICD_CTLR_OneSecurityStateAndAffinityRoutingAlways)
{
    EXPECT_EQ(distributor.read(gicd::ctlr), 0x50U);
    distributor.write(gicd::ctlr, 0xFFFF'FFAF); // cannot clear ARE or DS, RWP and E1NWF stay 0
    EXPECT_EQ(distributor.read(gicd::ctlr), 0x53U);
}

TEST_F(Gic, IHI0069_GICD_TYPER_TellsTheSize)
{
    EXPECT_EQ(distributor.read(gicd::typer) & 0x1F, 8U);
    EXPECT_EQ(distributor.read(gicd::typer) >> 19 & 0x1F, 9U);
    EXPECT_EQ(distributor.read(gicd::pidr2) >> 4 & 0xF, 3U);
    EXPECT_NE(distributor.read(gicd::iidr), 0U);
}

TEST_F(Gic, IHI0069_DistributorAccessSizes)
{
    EXPECT_TRUE(distributor.refuses(gicd::ctlr, AccessSize::bytes_1));
    EXPECT_TRUE(distributor.refuses(gicd::ctlr, AccessSize::bytes_2));
    EXPECT_TRUE(distributor.refuses(gicd::typer, AccessSize::bytes_8));
    EXPECT_TRUE(distributor.refuses(gicd::ipriorityr + 40, AccessSize::bytes_2));
    EXPECT_TRUE(distributor.refuses(gicd::ipriorityr + 40, AccessSize::bytes_8));
    EXPECT_TRUE(distributor.refuses(gicd::size, AccessSize::bytes_4));
    distributor.write(gicd::ipriorityr + 41, 0xC7, AccessSize::bytes_1);
    EXPECT_EQ(distributor.read(gicd::ipriorityr + 40), 0x0000'C000U);
    distributor.write(gicd::irouter + 8 * 40, 0x0101, AccessSize::bytes_8);
    EXPECT_EQ(distributor.read(gicd::irouter + 8 * 40), 0x0101U);
    distributor.write(gicd::irouter + 8 * 40 + 4, 0xFFFF'FFFF);
    EXPECT_EQ(distributor.read(gicd::irouter + 8 * 40, AccessSize::bytes_8), 0xFF'0000'0101U);
    EXPECT_EQ(distributor.read(gicd::irouter + 8 * 40 + 4), 0xFFU);
}

TEST_F(Gic, IHI0069_GICD_ReservedAndAbsentInterruptsAreRes0)
{
    for (const u64 offset :
         {u64{0x080}, u64{0x100}, u64{0x0A4}, u64{0x17C}, gicd::ipriorityr, gicd::ipriorityr + 300, gicd::icfgr,
          gicd::icfgr + 80, u64{0xF00}, u64{0x0040}, gicd::irouter, gicd::irouter + 8 * 300, u64{0x804}}) {
        distributor.write(offset, 0xFFFF'FFFF);
        EXPECT_EQ(distributor.read(offset), 0U) << std::hex << offset;
    }
    distributor.write(gicd::typer, 0);
    EXPECT_EQ(distributor.read(gicd::typer) & 0x1F, 8U);
}

TEST_F(Gic, IHI0069_GICD_SetAndClearRegistersWorkOnTheSameBits)
{
    distributor.write(0x104, 0x30);
    distributor.write(0x184, 0x10);
    EXPECT_EQ(distributor.read(0x104), 0x20U);
    EXPECT_EQ(distributor.read(0x184), 0x20U);
    distributor.write(0x204, 0x6);
    distributor.write(0x284, 0x2);
    EXPECT_EQ(distributor.read(0x204), 0x4U);
    EXPECT_EQ(distributor.read(0x284), 0x4U);
    distributor.write(0x304, 0xC0);
    distributor.write(0x384, 0x40);
    EXPECT_EQ(distributor.read(0x304), 0x80U);
    EXPECT_EQ(distributor.read(0x384), 0x80U);
    distributor.write(0x084, 0x5);
    EXPECT_EQ(distributor.read(0x084), 0x5U);
    distributor.write(gicd::icfgr + 8, 0xFFFF'FFFF);
    EXPECT_EQ(distributor.read(gicd::icfgr + 8), 0xAAAA'AAAAU); // the lower bit of each pair is reserved
}

TEST_F(Gic, IHI0069_GICD_ISPENDR_ALevelInterruptIsPendingWhileItsLineIsHigh)
{
    gic.set_spi(Spi{4}, true);
    EXPECT_EQ(distributor.read(0x204), 0x10U);
    distributor.write(0x284, 0x10); // the line still holds it
    EXPECT_EQ(distributor.read(0x204), 0x10U);
    gic.set_spi(Spi{4}, false);
    EXPECT_EQ(distributor.read(0x204), 0U);
}

TEST_F(Gic, IHI0069_GICD_ISPENDR_AnEdgeIsLatchedAndRepeatedEdgesAreOne)
{
    make_edge(36);
    gic.set_spi(Spi{4}, true);
    gic.set_spi(Spi{4}, true);
    gic.set_spi(Spi{4}, false);
    EXPECT_EQ(distributor.read(0x204), 0x10U);
    distributor.write(0x284, 0x10);
    EXPECT_EQ(distributor.read(0x204), 0U);
    gic.set_spi(Spi{4}, true);
    EXPECT_EQ(distributor.read(0x204), 0x10U);
}

TEST_F(Gic, IHI0069_GICD_IROUTER_PicksTheCpuByAffinity)
{
    enable_distributor();
    wake(0);
    wake(17);
    gic.set_spi(Spi{0}, true);
    EXPECT_TRUE(inputs.irq[0]); // reset value: affinity 0.0.0.0
    distributor.write(gicd::irouter + 8 * 32, 0x0101, AccessSize::bytes_8);
    EXPECT_FALSE(inputs.irq[0]);
    EXPECT_TRUE(inputs.irq[17]);
    distributor.write(gicd::irouter + 8 * 32, 0x0109, AccessSize::bytes_8); // nobody
    EXPECT_FALSE(inputs.irq[17]);
    gic.set_spi(Spi{0}, false);
    gic.set_spi(Spi{0}, true);
    EXPECT_FALSE(inputs.irq[0] || inputs.irq[17]);
}

TEST_F(Gic, IHI0069_GICD_IROUTER_RoutingModeAnyFindsACpuThatIsAwakeAndTakesTheGroup)
{
    enable_distributor();
    distributor.write(gicd::irouter + 8 * 32, u64{1} << 31, AccessSize::bytes_8);
    gic.set_spi(Spi{0}, true);
    wake(3);
    EXPECT_TRUE(inputs.irq[3]);
    wake(1);
    EXPECT_TRUE(inputs.irq[1]);
    EXPECT_FALSE(inputs.irq[3]); // one of them, not both
    set(SysReg::icc_igrpen1_el1, 0, 1);
    EXPECT_TRUE(inputs.irq[3]);
    EXPECT_EQ(get(SysReg::icc_iar1_el1, 3), 32U);
    gic.set_spi(Spi{0}, false);
    set(SysReg::icc_eoir1_el1, 32, 3);
    EXPECT_FALSE(inputs.irq[1] || inputs.irq[3]);
}

TEST_F(Gic, GroupsThatTheDistributorHasOffAreNotForwarded)
{
    enable_distributor();
    wake();
    distributor.write(gicd::ctlr, 1);
    gic.set_spi(Spi{0}, true);
    EXPECT_FALSE(inputs.irq[0]);
    distributor.write(gicd::ctlr, 2);
    EXPECT_TRUE(inputs.irq[0]);
}

TEST_F(Gic, TheChipKnowsItsLines)
{
    EXPECT_TRUE(gic.has_spi(Spi{255}));
    EXPECT_FALSE(gic.has_spi(Spi{256}));
    gic.set_spi(Spi{256}, true);
    gic.set_spi(Spi{5000}, true);
    gic.set_ppi({cpus}, Intid{27}, true);
    gic.set_ppi({0}, Intid{15}, true);
    gic.set_ppi({0}, Intid{32}, true);
    gic.reset_cpu({cpus});
    for (u64 bank = 0; bank < 9; ++bank) EXPECT_EQ(distributor.read(0x200 + bank * 4), 0U);
    EXPECT_EQ(redistributors.read(sgi_frame(0) + 0x200), 0U);
}

TEST_F(Gic, ResetClearsEverythingButTheInputs)
{
    enable_distributor();
    wake();
    gic.set_spi(Spi{0}, true);
    EXPECT_TRUE(inputs.irq[0]);
    gic.reset();
    EXPECT_FALSE(inputs.irq[0]);
    EXPECT_EQ(distributor.read(gicd::ctlr), 0x50U);
    EXPECT_EQ(distributor.read(0x104), 0U);
    EXPECT_EQ(distributor.read(0x204), 1U);
}

} // namespace
} // namespace gimbal::test
