// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "device/gicv3/gicv3.hpp"
#include "device/gicv3/registers.hpp"
#include "device/gicv3/software_icc.hpp"
#include "test/device/fakes.hpp"

namespace gimbal::test {

using aarch64::SysReg;
namespace gicd = gicv3::gicd;
namespace gicr = gicv3::gicr;

struct FakeCpuInputs final : CpuInterruptSink {
    bool irq[max_vcpus]{};
    bool fiq[max_vcpus]{};
    void set_cpu_interrupt(VcpuId vcpu, InterruptInput input, bool level) noexcept override
    {
        (input == InterruptInput::irq ? irq : fiq)[vcpu.value] = level;
    }
};

/// Twenty CPUs, so that there are two clusters; driven as Linux drives it.
class Gic : public testing::Test {
protected:
    static constexpr u32 cpus = 20;

    Gic() { gic.state().attach(icc); }

    u64 get(SysReg reg, u32 cpu = 0)
    {
        const auto value = icc.read({cpu}, reg);
        EXPECT_TRUE(value.has_value());
        return value ? *value : ~u64{0};
    }
    void set(SysReg reg, u64 value, u32 cpu = 0) { EXPECT_TRUE(icc.write({cpu}, reg, value).has_value()); }
    u64 sgi_frame(u32 cpu) const { return cpu * gicr::size + gicr::sgi_base; }

    /// What a driver does before it takes Group 1 interrupts.
    void wake(u32 cpu = 0)
    {
        redistributors.write(cpu * gicr::size + gicr::waker, 0);
        redistributors.write(sgi_frame(cpu) + 0x080, 0xFFFF'FFFF);
        redistributors.write(sgi_frame(cpu) + 0x100, 0xFFFF'FFFF);
        for (u64 i = 0; i < 32; i += 4) redistributors.write(sgi_frame(cpu) + 0x400 + i, 0xA0A0'A0A0);
        set(SysReg::icc_pmr_el1, 0xF0, cpu);
        set(SysReg::icc_igrpen1_el1, 1, cpu);
    }
    void enable_distributor()
    {
        distributor.write(gicd::ctlr, 3);
        for (u64 bank = 1; bank < 9; ++bank) {
            distributor.write(0x080 + bank * 4, 0xFFFF'FFFF);
            distributor.write(0x100 + bank * 4, 0xFFFF'FFFF);
        }
        for (u64 intid = 32; intid < 288; ++intid) distributor.write(0x400 + intid, 0xA0, AccessSize::bytes_1);
    }
    void make_edge(u32 intid)
    {
        const u64 offset = gicd::icfgr + intid / 16 * 4;
        distributor.write(offset, distributor.read(offset) | u64{2} << (intid % 16 * 2));
    }

    gicv3::Gicv3 gic{
        gicv3::Config{.cpus = cpus, .intids = 288}
    };
    FakeCpuInputs inputs;
    gicv3::SoftwareIcc icc{gic.state(), inputs};
    Driver distributor{gic.distributor()};
    Driver redistributors{gic.redistributors()};
};

} // namespace gimbal::test
