// SPDX-License-Identifier: Apache-2.0
#include "test/device/gicv3/list_register_machine.hpp"

#include <gtest/gtest.h>

#include "device/gicv3/registers.hpp"

namespace gimbal::test {
namespace {

using aarch64::SysReg;
namespace gicd = gicv3::gicd;
namespace gicr = gicv3::gicr;

class Lists : public testing::Test {
protected:
    static constexpr u32 cpus = 2;

    Lists()
    {
        machine.write(0, machine.gic.distributor(), gicd::ctlr, AccessSize::bytes_4, 3);
        for (u64 bank = 1; bank < 3; ++bank) {
            machine.write(0, machine.gic.distributor(), 0x080 + bank * 4, AccessSize::bytes_4, ~u32{0});
            machine.write(0, machine.gic.distributor(), 0x100 + bank * 4, AccessSize::bytes_4, ~u32{0});
        }
        for (u32 cpu = 0; cpu < cpus; ++cpu) wake(cpu);
    }
    void wake(u32 cpu)
    {
        auto& redistributors = machine.gic.redistributors();
        const u64 base = cpu * gicr::size;
        machine.write(cpu, redistributors, base + gicr::waker, AccessSize::bytes_4, 0);
        machine.write(cpu, redistributors, base + gicr::sgi_base + 0x080, AccessSize::bytes_4, ~u32{0});
        machine.write(cpu, redistributors, base + gicr::sgi_base + 0x100, AccessSize::bytes_4, ~u32{0});
        machine.write(cpu, SysReg::icc_pmr_el1, 0xF0);
        machine.write(cpu, SysReg::icc_igrpen1_el1, 1);
    }
    void spi(u32 number, bool level)
    {
        machine.gic.set_spi(Spi{number}, level);
        machine.settle();
    }
    u64 acknowledge(u32 cpu = 0) { return machine.read(cpu, SysReg::icc_iar1_el1); }
    void end(u64 intid, u32 cpu = 0) { machine.write(cpu, SysReg::icc_eoir1_el1, intid); }
    bool irq(u32 cpu = 0) { return machine.interface_of(cpu).virq(); }

    ListRegisterMachine machine{
        gicv3::Config{.cpus = cpus, .intids = 96},
        2, FakeIch{}
    };
};

TEST_F(Lists, AcknowledgeAndEndNeedNoExit)
{
    machine.write(1, SysReg::icc_sgi1r_el1, u64{3} << 24 | 1);
    EXPECT_TRUE(irq());
    const unsigned exits = machine.exits;
    EXPECT_EQ(acknowledge(), 3U);
    end(3);
    EXPECT_EQ(acknowledge(), 1023U);
    EXPECT_EQ(machine.exits, exits);
}

} // namespace
} // namespace gimbal::test
