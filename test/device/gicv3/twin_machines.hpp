// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "device/gicv3/registers.hpp"
#include "device/gicv3/software_icc.hpp"
#include "test/device/gicv3/list_register_machine.hpp"
#include "test/fuzz/op_stream.hpp"

namespace gimbal::test {

/// The same guest on two machines: on one the CPU interface is SoftwareIcc, on the other list registers of a fake GIC.
/// Whatever the guest does, it must read the same and be interrupted by the same.
class TwinMachines {
public:
    using SysReg = aarch64::SysReg;
    static constexpr u32 vcpus = 5;
    static constexpr u32 intids = 96;

    TwinMachines(unsigned cpus, const FakeIch& kind) : lists(config, cpus, kind) { gic_.state().attach(icc_); }

    /// Distributor on, all interrupts enabled, all CPUs awake and taking both groups.
    void start()
    {
        mmio_write(0, true, gicv3::gicd::ctlr, AccessSize::bytes_4, 3);
        for (u64 index = 1; index < intids / 32; ++index)
            mmio_write(0, true, 0x100 + index * 4, AccessSize::bytes_4, ~u32{0});
        for (u32 vcpu = 0; vcpu < vcpus; ++vcpu) {
            mmio_write(vcpu, false, vcpu * gicv3::gicr::size + gicv3::gicr::waker, AccessSize::bytes_4, 0);
            mmio_write(vcpu, false, sgi_frame(vcpu) + 0x100, AccessSize::bytes_4, ~u32{0});
            set(vcpu, SysReg::icc_pmr_el1, 0xF8);
            set(vcpu, SysReg::icc_igrpen0_el1, 1);
            set(vcpu, SysReg::icc_igrpen1_el1, 1);
        }
    }

    /// One operation and the comparison. False: they differ, and `difference` says where.
    bool step(OpStream& ops)
    {
        const auto kind = static_cast<unsigned>(ops.take(1) % 16);
        const u32 vcpu = static_cast<u32>(ops.take(1) % vcpus);
        switch (kind) {
        case 0: get(vcpu, readable[ops.take(1) % std::size(readable)]); break;
        case 1: write_some_register(vcpu, ops); break;
        case 2:
        case 3:
        case 4: acknowledge(vcpu, ops.take(1) % 4 == 0 ? 0 : 1); break;
        case 5:
        case 6:
        case 7: end_last(vcpu); break;
        case 8: end_any(vcpu, ops); break;
        case 9:
        case 10: drive_spi(ops); break;
        case 11: drive_ppi(vcpu, ops); break;
        case 12:
        case 13: write_some_word(vcpu, ops); break;
        case 14: read_some_word(vcpu, ops); break;
        case 15: move(vcpu, ops); break;
        }
        compare_inputs();
        return difference.empty();
    }

    std::string difference;
    ListRegisterMachine lists;

private:
    static constexpr gicv3::Config config{.cpus = vcpus, .intids = intids};
    static constexpr SysReg readable[] = {
        SysReg::icc_hppir0_el1, SysReg::icc_hppir1_el1, SysReg::icc_rpr_el1,     SysReg::icc_pmr_el1,
        SysReg::icc_bpr0_el1,   SysReg::icc_bpr1_el1,   SysReg::icc_ap0r0_el1,   SysReg::icc_ap1r0_el1,
        SysReg::icc_ctlr_el1,   SysReg::icc_sre_el1,    SysReg::icc_igrpen0_el1, SysReg::icc_igrpen1_el1,
    };
    static u64 sgi_frame(u32 vcpu) { return vcpu * gicv3::gicr::size + gicv3::gicr::sgi_base; }

    struct Inputs final : CpuInterruptSink {
        bool irq[max_vcpus]{};
        bool fiq[max_vcpus]{};
        void set_cpu_interrupt(VcpuId vcpu, InterruptInput input, bool level) noexcept override
        {
            (input == InterruptInput::irq ? irq : fiq)[vcpu.value] = level;
        }
    };

    void differ(const char* what, u32 vcpu, u64 software, u64 listed)
    {
        if (difference.empty())
            difference = std::string(what) + " of vCPU " + std::to_string(vcpu) + ": software " +
                         std::to_string(software) + ", list registers " + std::to_string(listed);
    }
    u64 get(u32 vcpu, SysReg reg)
    {
        const u64 software = *icc_.read({vcpu}, reg);
        const u64 listed = lists.read(vcpu, reg);
        if (software != listed) differ(aarch64::sysreg_name(reg), vcpu, software, listed);
        return software;
    }
    void set(u32 vcpu, SysReg reg, u64 value)
    {
        GIMBAL_ASSERT(icc_.write({vcpu}, reg, value).has_value());
        lists.write(vcpu, reg, value);
    }
    void mmio_write(u32 vcpu, bool distributor, u64 offset, AccessSize size, u64 value)
    {
        (void)device(gic_, distributor).write({{vcpu}}, offset, size, value);
        lists.write(vcpu, device(lists.gic, distributor), offset, size, value);
    }
    static MmioDevice& device(gicv3::Gicv3& chip, bool distributor)
    {
        if (distributor) return chip.distributor();
        return chip.redistributors();
    }

    void acknowledge(u32 vcpu, unsigned group)
    {
        const u64 intid = get(vcpu, group == 0 ? SysReg::icc_iar0_el1 : SysReg::icc_iar1_el1);
        if (intid < intids) taken_[vcpu].push_back({static_cast<u32>(intid), group});
    }
    void end_last(u32 vcpu)
    {
        if (taken_[vcpu].empty()) return;
        const Taken last = taken_[vcpu].back();
        taken_[vcpu].pop_back();
        end(vcpu, last.intid, last.group);
        if ((get(vcpu, SysReg::icc_ctlr_el1) & 2) != 0) set(vcpu, SysReg::icc_dir_el1, last.intid);
    }
    void end_any(u32 vcpu, OpStream& ops)
    {
        const u32 intid = static_cast<u32>(ops.take(1) % (intids + 8));
        const u32 special = 1020 + intid % 4;
        switch (ops.take(1) % 4) {
        case 0: end(vcpu, intid, 0); break;
        case 1: end(vcpu, intid, 1); break;
        case 2: end(vcpu, special, 1); break;
        case 3: set(vcpu, SysReg::icc_dir_el1, intid); break;
        }
    }
    /// What another CPU has acknowledged must not be ended here: the manual leaves the outcome open.
    void end(u32 vcpu, u32 intid, unsigned group)
    {
        if (intid >= 32 && intid < intids && lists.gic.state().holder(intid).value != vcpu) return;
        set(vcpu, group == 0 ? SysReg::icc_eoir0_el1 : SysReg::icc_eoir1_el1, intid);
    }

    void write_some_register(u32 vcpu, OpStream& ops)
    {
        const u64 value = ops.take(1);
        switch (ops.take(1) % 12) {
        case 0: set(vcpu, SysReg::icc_pmr_el1, value); break;
        case 1: set(vcpu, SysReg::icc_bpr0_el1, value); break;
        case 2: set(vcpu, SysReg::icc_bpr1_el1, value); break;
        case 3: set(vcpu, SysReg::icc_ctlr_el1, value & 3); break;
        case 4: set(vcpu, SysReg::icc_igrpen0_el1, value & 1); break;
        case 5: set(vcpu, SysReg::icc_igrpen1_el1, value & 1); break;
        case 6: set(vcpu, SysReg::icc_ap0r0_el1, value << 8 & 0x8100); break;
        case 7: set(vcpu, SysReg::icc_ap1r0_el1, value << 12 & 0x18'0000); break;
        case 8: set(vcpu, SysReg::icc_sgi0r_el1, value << 24 | (value & 0x1F)); break;
        case 9: set(vcpu, SysReg::icc_asgi1r_el1, value << 24 | (value & 0x1F)); break;
        case 10: set(vcpu, SysReg::icc_sgi1r_el1, u64{1} << 40 | (value & 0xF) << 24); break;
        case 11: set(vcpu, SysReg::icc_sgi1r_el1, (value & 0xF) << 24 | 1U << (value >> 4)); break;
        }
    }

    void drive_spi(OpStream& ops)
    {
        const u64 chosen = ops.take(1);
        const Spi spi{static_cast<u32>(chosen % (chosen < 0xC0 ? 8 : intids - 32))}; // some again and again
        const bool level = ops.take(1) % 2 != 0;
        gic_.set_spi(spi, level);
        lists.gic.set_spi(spi, level);
        lists.settle();
    }
    void drive_ppi(u32 vcpu, OpStream& ops)
    {
        const Intid ppi{static_cast<u32>(16 + ops.take(1) % 4)};
        const bool level = ops.take(1) % 2 != 0;
        gic_.set_ppi({vcpu}, ppi, level);
        lists.gic.set_ppi({vcpu}, ppi, level);
        lists.settle();
    }

    /// A register of the distributor or of some redistributor, with a bias to those that matter.
    u64 some_offset(OpStream& ops, bool& distributor, AccessSize& size)
    {
        distributor = ops.take(1) % 2 == 0;
        const u64 frame = distributor ? 0 : sgi_frame(static_cast<u32>(ops.take(1) % vcpus));
        const u64 index = distributor ? 1 + ops.take(1) % (intids / 32 - 1) : 0;
        size = AccessSize::bytes_4;
        switch (ops.take(1) % 16) {
        case 0: return distributor ? gicv3::gicd::ctlr : frame - gicv3::gicr::sgi_base + gicv3::gicr::waker;
        case 1: return frame + gicv3::gicd::icfgr + index * 8 + ops.take(1) % 2 * 4;
        case 2:
        case 3: size = AccessSize::bytes_1; return frame + gicv3::gicd::ipriorityr + index * 32 + ops.take(1) % 32;
        case 4:
        case 5:
            size = AccessSize::bytes_8;
            return distributor ? gicv3::gicd::irouter + 8 * (32 + ops.take(1) % (intids - 32)) : frame + 0x80;
        default: return frame + (1 + ops.take(1) % 7) * 0x80 + index * 4;
        }
    }
    void write_some_word(u32 vcpu, OpStream& ops)
    {
        bool distributor = false;
        AccessSize size{};
        const u64 offset = some_offset(ops, distributor, size);
        u64 value = u64{1} << (ops.take(1) % 32); // one interrupt more or less
        if (distributor && offset == gicv3::gicd::ctlr) value = ops.take(1) | 2;
        if (distributor && offset >= gicv3::gicd::irouter) value = ops.take(1) % (vcpus + 1) | (ops.take(1) & 1) << 31;
        if (size == AccessSize::bytes_1) value = ops.take(1);
        if (ops.take(1) % 8 == 0) value = ops.take(4);
        // Another vCPU that runs may have acknowledged or ended an interrupt that this one makes active or inactive;
        // only an exit tells (docs/el2.md).
        if ((offset & 0xFFFF) >= 0x300 && (offset & 0xFFFF) < 0x400) lists.settle_all();
        mmio_write(vcpu, distributor, offset, size, value);
    }
    void read_some_word(u32 vcpu, OpStream& ops)
    {
        bool distributor = false;
        AccessSize size{};
        const u64 offset = some_offset(ops, distributor, size);
        const auto software = device(gic_, distributor).read({{vcpu}}, offset, size);
        const u64 listed = lists.read(vcpu, device(lists.gic, distributor), offset, size);
        if ((software ? *software : ~u64{0}) != listed) differ("a memory-mapped register", vcpu, *software, listed);
    }

    void move(u32 vcpu, OpStream& ops)
    {
        switch (ops.take(1) % 4) {
        case 0: lists.put(vcpu, false); break;
        case 1: lists.put(vcpu, true); break;
        case 2: lists.run(vcpu); break;
        case 3:
            if (ops.take(1) % 4 != 0) break;
            lists.put(vcpu, true); // CPU_ON resets a vCPU that is off
            gic_.reset_cpu({vcpu});
            lists.gic.reset_cpu({vcpu});
            taken_[vcpu].clear();
            break;
        }
        lists.settle();
    }

    void compare_inputs()
    {
        for (u32 vcpu = 0; vcpu < vcpus; ++vcpu) {
            if (lists.on_cpu(vcpu)) {
                const FakeIch& own = lists.interface_of(vcpu);
                if (inputs_.irq[vcpu] != own.virq()) differ("IRQ", vcpu, inputs_.irq[vcpu], own.virq());
                if (inputs_.fiq[vcpu] != own.vfiq()) differ("FIQ", vcpu, inputs_.fiq[vcpu], own.vfiq());
            } else if (lists.asleep[vcpu]) {
                if (inputs_.irq[vcpu] != lists.irq[vcpu])
                    differ("wake by IRQ", vcpu, inputs_.irq[vcpu], lists.irq[vcpu]);
                if (inputs_.fiq[vcpu] != lists.fiq[vcpu])
                    differ("wake by FIQ", vcpu, inputs_.fiq[vcpu], lists.fiq[vcpu]);
            }
        }
    }

    struct Taken {
        u32 intid;
        unsigned group;
    };
    gicv3::Gicv3 gic_{config};
    Inputs inputs_;
    gicv3::SoftwareIcc icc_{gic_.state(), inputs_};
    std::vector<Taken> taken_[vcpus];
};

} // namespace gimbal::test
