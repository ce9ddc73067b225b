// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include "device/gicv3/registers.hpp"
#include "test/device/gicv3/list_register_machine.hpp"

namespace gimbal::test {

using aarch64::SysReg;
namespace gicd = gicv3::gicd;
namespace gicr = gicv3::gicr;

/// Three vCPUs on two CPUs, set up as Linux does it.
class Lists : public testing::Test {
protected:
    static constexpr u32 vcpus = 3;
    static constexpr u32 intids = 352;

    static constexpr u32 timer = 27;
    static constexpr u32 physical_timer = 30; // another number, so that the two cannot be confused
    static constexpr u32 physical_spi = 77;

    explicit Lists(const FakeIch& kind = {}) : machine(gicv3::Config{.cpus = vcpus, .intids = intids}, 2, kind)
    {
        machine.lists.map_hardware(Intid{timer}, physical_timer);
        machine.lists.map_hardware(Intid{35}, physical_spi);
        distributor(gicd::ctlr, 3);
        for (u64 bank = 1; bank < intids / 32; ++bank) {
            distributor(0x080 + bank * 4, ~u32{0});
            distributor(0x100 + bank * 4, ~u32{0});
        }
        for (u32 vcpu = vcpus; vcpu-- > 0;) wake(vcpu);
    }
    void wake(u32 vcpu)
    {
        redistributor(vcpu, gicr::waker, 0);
        redistributor(vcpu, gicr::sgi_base + 0x080, ~u32{0});
        redistributor(vcpu, gicr::sgi_base + 0x100, ~u32{0});
        machine.write(vcpu, SysReg::icc_pmr_el1, 0xF8);
        machine.write(vcpu, SysReg::icc_igrpen1_el1, 1);
    }
    void distributor(u64 offset, u64 value, AccessSize size = AccessSize::bytes_4, u32 vcpu = 0)
    {
        machine.write(vcpu, machine.gic.distributor(), offset, size, value);
    }
    void redistributor(u32 vcpu, u64 offset, u64 value, AccessSize size = AccessSize::bytes_4)
    {
        machine.write(vcpu, machine.gic.redistributors(), vcpu * gicr::size + offset, size, value);
    }
    void make_edge(u32 intid)
    {
        const u64 offset = gicd::icfgr + intid / 16 * 4;
        const u64 before = machine.read(0, machine.gic.distributor(), offset, AccessSize::bytes_4);
        distributor(offset, before | u64{2} << (intid % 16 * 2));
    }
    void set_priority(u32 intid, u8 priority) { distributor(gicd::ipriorityr + intid, priority, AccessSize::bytes_1); }
    void route(u32 intid, u32 vcpu) { distributor(gicd::irouter + 8 * u64{intid}, vcpu, AccessSize::bytes_8); }
    void spi(u32 intid, bool level)
    {
        machine.gic.set_spi(Spi{intid - 32}, level);
        machine.settle();
    }
    void edge(u32 intid)
    {
        spi(intid, true);
        spi(intid, false);
    }
    u64 acknowledge(u32 vcpu = 0) { return machine.read(vcpu, SysReg::icc_iar1_el1); }
    void end(u64 intid, u32 vcpu = 0) { machine.write(vcpu, SysReg::icc_eoir1_el1, intid); }
    bool irq(u32 vcpu = 0) { return machine.interface_of(vcpu).virq(); }
    u64 active_word(u32 index)
    {
        return machine.read(0, machine.gic.distributor(), 0x300 + index * 4, AccessSize::bytes_4);
    }
    unsigned listed(u32 vcpu) // how many list registers are in use
    {
        unsigned count = 0;
        for (const u64 lr : machine.interface_of(vcpu).lr) count += lr >> 62 != 0 ? 1 : 0;
        return count;
    }
    bool physical(u32 pintid, u32 vcpu = 0) { return machine.interface_of(vcpu).physical_active[pintid]; }

    ListRegisterMachine machine; // NOLINT(readability-identifier-naming): as the members of the other fixtures
};

} // namespace gimbal::test
