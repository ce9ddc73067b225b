// SPDX-License-Identifier: Apache-2.0
#include "test/device/gicv3/gic_fixture.hpp"

namespace gimbal::test {
namespace {

TEST_F(Gic, IHI0069_GICR_TYPER_HasAffinityNumberAndLast)
{
    EXPECT_EQ(gic.redistributors().size(), cpus * 0x2'0000U);
    EXPECT_EQ(redistributors.read(gicr::typer, AccessSize::bytes_8), 0U);
    const u64 base = 17 * gicr::size + gicr::typer;
    EXPECT_EQ(redistributors.read(base, AccessSize::bytes_8), u64{0x0101} << 32 | 17 << 8);
    EXPECT_EQ(redistributors.read(base), 17U << 8);
    EXPECT_EQ(redistributors.read(base + 4), 0x0101U);
    EXPECT_EQ(redistributors.read(19 * gicr::size + gicr::typer) & 0x10, 0x10U);
    redistributors.write(base, 0, AccessSize::bytes_8);
    EXPECT_EQ(redistributors.read(base + 4), 0x0101U);
}

TEST_F(Gic, IHI0069_GICR_WAKER_AndIdentification)
{
    EXPECT_EQ(redistributors.read(gicr::waker), 6U);
    redistributors.write(gicr::waker, 0);
    EXPECT_EQ(redistributors.read(gicr::waker), 0U);
    redistributors.write(gicr::waker, 2);
    EXPECT_EQ(redistributors.read(gicr::waker), 6U);
    EXPECT_EQ(redistributors.read(gicr::pidr2) >> 4, 3U);
    EXPECT_EQ(redistributors.read(gicr::iidr), distributor.read(gicd::iidr));
    redistributors.write(gicr::ctlr, 1); // no LPIs to enable
    EXPECT_EQ(redistributors.read(gicr::ctlr), 0U);
    EXPECT_EQ(redistributors.read(0x0070), 0U);
}

TEST_F(Gic, IHI0069_RedistributorAccessSizes)
{
    EXPECT_TRUE(redistributors.refuses(gicr::waker, AccessSize::bytes_1));
    EXPECT_TRUE(redistributors.refuses(gicr::waker, AccessSize::bytes_8));
    EXPECT_TRUE(redistributors.refuses(gicr::typer, AccessSize::bytes_2));
    EXPECT_TRUE(redistributors.refuses(sgi_frame(0) + 0x100, AccessSize::bytes_2));
    EXPECT_TRUE(redistributors.refuses(sgi_frame(0) + 0x400, AccessSize::bytes_8));
    const auto beyond = gic.redistributors().read({{0}}, cpus * gicr::size, AccessSize::bytes_4);
    ASSERT_FALSE(beyond.has_value());
    EXPECT_EQ(beyond.error(), BusError::unclaimed);
    EXPECT_FALSE(gic.redistributors().write({{0}}, cpus * gicr::size, AccessSize::bytes_4, 0).has_value());
}

TEST_F(Gic, IHI0069_GICR_SgiFrameIsPerCpu)
{
    redistributors.write(sgi_frame(2) + 0x100, 0x0800'0001);
    redistributors.write(sgi_frame(2) + 0x400 + 27, 0xFF, AccessSize::bytes_1);
    EXPECT_EQ(redistributors.read(sgi_frame(2) + 0x180), 0x0800'0001U);
    EXPECT_EQ(redistributors.read(sgi_frame(2) + 0x418), 0xF800'0000U);
    EXPECT_EQ(redistributors.read(sgi_frame(2) + 0x41B, AccessSize::bytes_1), 0xF8U);
    EXPECT_EQ(redistributors.read(sgi_frame(3) + 0x100), 0U);
    EXPECT_EQ(redistributors.read(sgi_frame(2) + 0x104), 0U);
    redistributors.write(sgi_frame(2) + 0x104, 1);
    EXPECT_EQ(redistributors.read(sgi_frame(2) + 0x104), 0U);
}

TEST_F(Gic, IHI0069_GICR_ICFGR0_SgisAreAlwaysEdge)
{
    EXPECT_EQ(redistributors.read(sgi_frame(0) + 0xC00), 0xAAAA'AAAAU);
    redistributors.write(sgi_frame(0) + 0xC00, 0);
    EXPECT_EQ(redistributors.read(sgi_frame(0) + 0xC00), 0xAAAA'AAAAU);
    EXPECT_EQ(redistributors.read(sgi_frame(0) + 0xC04), 0U);
    redistributors.write(sgi_frame(0) + 0xC04, 0x0080'0000); // INTID 27
    EXPECT_EQ(redistributors.read(sgi_frame(0) + 0xC04), 0x0080'0000U);
}

TEST_F(Gic, ASleepingRedistributorForwardsNothing)
{
    enable_distributor();
    wake();
    redistributors.write(gicr::waker, 2);
    gic.set_ppi({0}, Intid{27}, true);
    EXPECT_FALSE(inputs.irq[0]);
    redistributors.write(gicr::waker, 0);
    EXPECT_TRUE(inputs.irq[0]);
}

TEST_F(Gic, ResetOfOneCpuLeavesTheOthersAlone)
{
    enable_distributor();
    wake(0);
    wake(1);
    gic.set_ppi({0}, Intid{27}, true);
    gic.set_ppi({1}, Intid{27}, true);
    EXPECT_TRUE(inputs.irq[0] && inputs.irq[1]);
    gic.reset_cpu({0});
    EXPECT_FALSE(inputs.irq[0]);
    EXPECT_TRUE(inputs.irq[1]);
    EXPECT_EQ(redistributors.read(sgi_frame(0) + 0x200), 0U);
    EXPECT_EQ(get(SysReg::icc_pmr_el1), 0U);
    wake(0);
    EXPECT_FALSE(inputs.irq[0]); // the level is driven anew by whoever owns it
    gic.set_ppi({0}, Intid{27}, true);
    EXPECT_TRUE(inputs.irq[0]);
}

} // namespace
} // namespace gimbal::test
