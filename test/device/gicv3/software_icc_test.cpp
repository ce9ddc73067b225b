// SPDX-License-Identifier: Apache-2.0
#include "test/device/gicv3/gic_fixture.hpp"

namespace gimbal::test {
namespace {

class Icc : public Gic {
protected:
    Icc()
    {
        enable_distributor();
        wake(0);
    }
    void set_priority(u32 intid, u8 priority)
    {
        distributor.write(gicd::ipriorityr + intid, priority, AccessSize::bytes_1);
    }
};

TEST_F(Icc, IHI0069_ICC_IAR1_EL1_AcknowledgeAndEnd)
{
    gic.set_spi(Spi{1}, true);
    EXPECT_TRUE(inputs.irq[0]);
    EXPECT_EQ(get(SysReg::icc_hppir1_el1), 33U);
    EXPECT_EQ(get(SysReg::icc_iar1_el1), 33U);
    EXPECT_FALSE(inputs.irq[0]);
    EXPECT_EQ(get(SysReg::icc_rpr_el1), 0xA0U);
    EXPECT_EQ(distributor.read(0x304), 2U);
    gic.set_spi(Spi{1}, false);
    set(SysReg::icc_eoir1_el1, 33);
    EXPECT_EQ(get(SysReg::icc_rpr_el1), 0xFFU);
    EXPECT_EQ(distributor.read(0x304), 0U);
    EXPECT_FALSE(inputs.irq[0]);
}

TEST_F(Icc, ALineThatIsStillHighIsSignalledAgainAfterEoi)
{
    gic.set_spi(Spi{1}, true);
    EXPECT_EQ(get(SysReg::icc_iar1_el1), 33U);
    set(SysReg::icc_eoir1_el1, 33);
    EXPECT_TRUE(inputs.irq[0]);
    EXPECT_EQ(get(SysReg::icc_iar1_el1), 33U);
}

TEST_F(Icc, AnEdgeWhileActiveIsDeliveredAfterwards)
{
    make_edge(40);
    gic.set_spi(Spi{8}, true);
    EXPECT_EQ(get(SysReg::icc_iar1_el1), 40U);
    gic.set_spi(Spi{8}, false);
    gic.set_spi(Spi{8}, true);
    EXPECT_FALSE(inputs.irq[0]);
    set(SysReg::icc_eoir1_el1, 40);
    EXPECT_EQ(get(SysReg::icc_iar1_el1), 40U);
    set(SysReg::icc_eoir1_el1, 40);
    EXPECT_EQ(get(SysReg::icc_iar1_el1), 1023U);
}

TEST_F(Icc, IHI0069_Priority_ThenIntidDecides)
{
    set_priority(40, 0x80);
    gic.set_spi(Spi{1}, true);
    gic.set_spi(Spi{2}, true);
    gic.set_spi(Spi{8}, true);
    EXPECT_EQ(get(SysReg::icc_iar1_el1), 40U);
    set(SysReg::icc_eoir1_el1, 40);
    gic.set_spi(Spi{8}, false);
    EXPECT_EQ(get(SysReg::icc_hppir1_el1), 33U);
    EXPECT_EQ(get(SysReg::icc_iar1_el1), 33U);
    EXPECT_EQ(get(SysReg::icc_ap1r0_el1), 1U << 20);
    set(SysReg::icc_ap1r0_el1, 0); // as a power-down sequence writes it back
    EXPECT_EQ(get(SysReg::icc_rpr_el1), 0xFFU);
}

TEST_F(Icc, IHI0069_Priority_EqualOnesGoByIntid)
{
    gic.set_spi(Spi{2}, true);
    gic.set_spi(Spi{1}, true);
    gic.set_ppi({0}, Intid{27}, true);
    EXPECT_EQ(get(SysReg::icc_iar1_el1), 27U);
    gic.set_ppi({0}, Intid{27}, false);
    set(SysReg::icc_eoir1_el1, 27);
    EXPECT_EQ(get(SysReg::icc_iar1_el1), 33U);
}

TEST_F(Icc, IHI0069_Preemption_NeedsAHigherGroupPriority)
{
    gic.set_spi(Spi{1}, true);
    EXPECT_EQ(get(SysReg::icc_iar1_el1), 33U);
    set_priority(34, 0x98);
    gic.set_spi(Spi{2}, true);
    EXPECT_TRUE(inputs.irq[0]);
    EXPECT_EQ(get(SysReg::icc_iar1_el1), 34U);
    EXPECT_EQ(get(SysReg::icc_rpr_el1), 0x98U);
    gic.set_spi(Spi{2}, false);
    set(SysReg::icc_eoir1_el1, 34);
    EXPECT_EQ(get(SysReg::icc_rpr_el1), 0xA0U);
    set(SysReg::icc_bpr1_el1, 6); // group priority is [7:6]: 0x98 and 0xA0 are the same
    set_priority(35, 0x98);
    gic.set_spi(Spi{3}, true);
    EXPECT_FALSE(inputs.irq[0]);
    EXPECT_EQ(get(SysReg::icc_iar1_el1), 1023U);
    EXPECT_EQ(get(SysReg::icc_hppir1_el1), 35U); // HPPIR asks neither the mask nor the running priority
}

TEST_F(Icc, IHI0069_ICC_PMR_EL1_MasksFromItsValueUpwards)
{
    gic.set_spi(Spi{1}, true);
    set(SysReg::icc_pmr_el1, 0xA0);
    EXPECT_FALSE(inputs.irq[0]);
    EXPECT_EQ(get(SysReg::icc_iar1_el1), 1023U);
    set(SysReg::icc_pmr_el1, 0xAF); // five bits
    EXPECT_EQ(get(SysReg::icc_pmr_el1), 0xA8U);
    EXPECT_TRUE(inputs.irq[0]);
}

TEST_F(Icc, IHI0069_ICC_BPR1_EL1_BinaryPointsHaveAMinimumAndCbprSharesThem)
{
    EXPECT_EQ(get(SysReg::icc_bpr0_el1), 2U);
    EXPECT_EQ(get(SysReg::icc_bpr1_el1), 3U);
    set(SysReg::icc_bpr0_el1, 0);
    set(SysReg::icc_bpr1_el1, 0);
    EXPECT_EQ(get(SysReg::icc_bpr0_el1), 2U);
    EXPECT_EQ(get(SysReg::icc_bpr1_el1), 3U);
    set(SysReg::icc_bpr0_el1, 5);
    set(SysReg::icc_ctlr_el1, 1);
    EXPECT_EQ(get(SysReg::icc_bpr1_el1), 6U);
    set(SysReg::icc_bpr1_el1, 4);
    EXPECT_EQ(get(SysReg::icc_bpr1_el1), 6U);
    set(SysReg::icc_bpr0_el1, 7);
    EXPECT_EQ(get(SysReg::icc_bpr1_el1), 7U);
    set(SysReg::icc_ctlr_el1, 0);
    EXPECT_EQ(get(SysReg::icc_bpr1_el1), 3U);
}

TEST_F(Icc, IHI0069_ICC_CTLR_EL1_AndSre)
{
    EXPECT_EQ(get(SysReg::icc_ctlr_el1), 0x400U);
    set(SysReg::icc_ctlr_el1, ~u64{0});
    EXPECT_EQ(get(SysReg::icc_ctlr_el1), 0x403U);
    set(SysReg::icc_sre_el1, 0);
    EXPECT_EQ(get(SysReg::icc_sre_el1), 7U);
    EXPECT_EQ(get(SysReg::icc_igrpen0_el1), 0U);
    EXPECT_EQ(get(SysReg::icc_igrpen1_el1), 1U);
}

TEST_F(Icc, IHI0069_ICC_DIR_EL1_SplitPriorityDropAndDeactivation)
{
    set(SysReg::icc_ctlr_el1, 2);
    make_edge(33);
    gic.set_spi(Spi{1}, true);
    EXPECT_EQ(get(SysReg::icc_iar1_el1), 33U);
    set(SysReg::icc_eoir1_el1, 33);
    EXPECT_EQ(get(SysReg::icc_rpr_el1), 0xFFU);
    EXPECT_EQ(distributor.read(0x304), 2U);
    set(SysReg::icc_dir_el1, 1023); // special: ignored
    set(SysReg::icc_dir_el1, 33);
    EXPECT_EQ(distributor.read(0x304), 0U);
    set(SysReg::icc_ctlr_el1, 0);
    distributor.write(0x304, 2);
    set(SysReg::icc_dir_el1, 33); // EOImode 0: no effect
    EXPECT_EQ(distributor.read(0x304), 2U);
}

TEST_F(Icc, IHI0069_ICC_EOIR1_EL1_SixteenBitsOfTheIntidCount)
{
    gic.set_spi(Spi{1}, true);
    EXPECT_EQ(get(SysReg::icc_iar1_el1), 33U);
    gic.set_spi(Spi{1}, false);
    set(SysReg::icc_eoir1_el1, 0xFF'0000 | 33);
    EXPECT_EQ(distributor.read(0x304), 0U);
    EXPECT_EQ(get(SysReg::icc_rpr_el1), 0xFFU);
}

TEST_F(Icc, Group0ComesAsFiqAndThroughItsOwnRegisters)
{
    distributor.write(0x084, 0xFFFF'FFFD); // 33 to Group 0
    gic.set_spi(Spi{1}, true);
    EXPECT_FALSE(inputs.fiq[0]);
    set(SysReg::icc_igrpen0_el1, 1);
    EXPECT_TRUE(inputs.fiq[0]);
    EXPECT_FALSE(inputs.irq[0]);
    EXPECT_EQ(get(SysReg::icc_iar1_el1), 1023U);
    EXPECT_EQ(get(SysReg::icc_hppir1_el1), 1023U);
    EXPECT_EQ(get(SysReg::icc_hppir0_el1), 33U);
    EXPECT_EQ(get(SysReg::icc_iar0_el1), 33U);
    EXPECT_EQ(get(SysReg::icc_ap0r0_el1), 1U << 20);
    set(SysReg::icc_eoir1_el1, 33); // the wrong group's register drops nothing
    EXPECT_EQ(get(SysReg::icc_rpr_el1), 0xA0U);
    gic.set_spi(Spi{1}, false);
    set(SysReg::icc_eoir0_el1, 33);
    EXPECT_EQ(get(SysReg::icc_rpr_el1), 0xFFU);
    set(SysReg::icc_ap0r0_el1, 5);
    EXPECT_EQ(get(SysReg::icc_ap0r0_el1), 5U);
    set(SysReg::icc_ap0r0_el1, 0);
}

TEST_F(Icc, EoirOfASpecialOrUnknownIntidChangesNothingElse)
{
    gic.set_spi(Spi{1}, true);
    EXPECT_EQ(get(SysReg::icc_iar1_el1), 33U);
    set(SysReg::icc_eoir1_el1, 1023);
    set(SysReg::icc_eoir1_el1, 0xFF'FFFF);
    EXPECT_EQ(get(SysReg::icc_rpr_el1), 0xA0U);
    set(SysReg::icc_eoir1_el1, 900); // drops, deactivates nothing
    EXPECT_EQ(get(SysReg::icc_rpr_el1), 0xFFU);
    EXPECT_EQ(distributor.read(0x304), 2U);
    set(SysReg::icc_ctlr_el1, 2);
    set(SysReg::icc_dir_el1, 900);
    EXPECT_EQ(distributor.read(0x304), 2U);
}

TEST_F(Icc, IHI0069_ICC_SGI1R_EL1_ReachesItsTargetList)
{
    wake(1);
    wake(17);
    set(SysReg::icc_sgi1r_el1, u64{3} << 24 | 0b10);
    EXPECT_TRUE(inputs.irq[1]);
    EXPECT_FALSE(inputs.irq[0] || inputs.irq[17]);
    EXPECT_EQ(get(SysReg::icc_iar1_el1, 1), 3U);
    set(SysReg::icc_sgi1r_el1, u64{3} << 24 | u64{1} << 16 | 0b10); // Aff1 = 1
    EXPECT_TRUE(inputs.irq[17]);
    set(SysReg::icc_sgi1r_el1, u64{1} << 48 | 1);   // Aff3 = 1: nobody
    set(SysReg::icc_sgi1r_el1, u64{200} << 16 | 1); // Aff1 = 200: nobody
    EXPECT_FALSE(inputs.irq[0]);
    set(SysReg::icc_sgi1r_el1, u64{1} << 44 | 1); // RS is RES0: ICC_CTLR_EL1.RSS is 0
    EXPECT_TRUE(inputs.irq[0]);
}

TEST_F(Icc, IHI0069_ICC_SGI1R_EL1_IrmSendsToAllButTheSender)
{
    for (u32 cpu = 0; cpu < cpus; ++cpu) wake(cpu);
    set(SysReg::icc_sgi1r_el1, u64{1} << 40 | u64{15} << 24, 5);
    for (u32 cpu = 0; cpu < cpus; ++cpu) EXPECT_EQ(inputs.irq[cpu], cpu != 5) << cpu;
    EXPECT_EQ(get(SysReg::icc_iar1_el1, 4), 15U);
}

TEST_F(Icc, IHI0069_ForwardingAnSgi_OnlySgi1rReachesGroup1)
{
    set(SysReg::icc_sgi0r_el1, u64{3} << 24 | 1);
    set(SysReg::icc_asgi1r_el1, u64{3} << 24 | 1);
    EXPECT_EQ(redistributors.read(sgi_frame(0) + 0x200), 0U);
    set(SysReg::icc_sgi1r_el1, u64{3} << 24 | 1);
    EXPECT_EQ(redistributors.read(sgi_frame(0) + 0x200), 8U);
    EXPECT_EQ(get(SysReg::icc_iar1_el1), 3U);
    EXPECT_EQ(redistributors.read(sgi_frame(0) + 0x200), 0U);
}

TEST_F(Icc, IHI0069_ForwardingAnSgi_EachRegisterReachesGroup0)
{
    set(SysReg::icc_igrpen0_el1, 1);
    redistributors.write(sgi_frame(0) + 0x080, 0xFFFF'FFF7); // SGI 3 to Group 0
    for (const SysReg reg : {SysReg::icc_sgi0r_el1, SysReg::icc_sgi1r_el1, SysReg::icc_asgi1r_el1}) {
        set(reg, u64{3} << 24 | 1);
        EXPECT_TRUE(inputs.fiq[0]);
        EXPECT_EQ(get(SysReg::icc_iar0_el1), 3U);
        set(SysReg::icc_eoir0_el1, 3);
    }
}

TEST_F(Icc, RegistersThatDoNotExistWithFivePriorityBitsAreUndefined)
{
    for (const SysReg reg : {SysReg::icc_ap0r1_el1, SysReg::icc_ap1r3_el1, SysReg::icc_nmiar1_el1, SysReg::sctlr_el1}) {
        EXPECT_EQ(icc.read({0}, reg).error(), RegisterError::undefined);
        EXPECT_EQ(icc.write({0}, reg, 0).error(), RegisterError::undefined);
    }
    EXPECT_FALSE(icc.read({0}, SysReg::icc_eoir1_el1).has_value());
    EXPECT_FALSE(icc.write({0}, SysReg::icc_iar1_el1, 0).has_value());
}

TEST_F(Icc, DisablingAGroupTakesTheInputDown)
{
    gic.set_spi(Spi{1}, true);
    EXPECT_TRUE(inputs.irq[0]);
    set(SysReg::icc_igrpen1_el1, 0);
    EXPECT_FALSE(inputs.irq[0]);
    EXPECT_EQ(get(SysReg::icc_hppir1_el1), 1023U);
    set(SysReg::icc_igrpen1_el1, 1);
    EXPECT_TRUE(inputs.irq[0]);
}

} // namespace
} // namespace gimbal::test
