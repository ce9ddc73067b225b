// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <set>

#include "base/assert.hpp"
#include "device/gicv3/gicv3.hpp"
#include "device/gicv3/list_registers.hpp"
#include "test/device/gicv3/fake_ich.hpp"

namespace gimbal::test {

/// vCPUs with list registers on a few fake CPUs: vCPU v runs on CPU v % cpus. A vCPU that is on a CPU is in the guest
/// between the calls below, and leaves it when it is kicked or its maintenance interrupt is up.
class ListRegisterMachine final : public CpuInterruptSink, public gicv3::ListRegisterHost {
public:
    using SysReg = aarch64::SysReg;
    static constexpr unsigned max_cpus = 4;

    struct Port {
        ListRegisterMachine* machine;
        FakeIch& ich() const { return machine->ich[machine->here]; }
        u64 vtr() const { return ich().vtr(); }
        u64 read_lr(unsigned n) const { return ich().lr[checked(n)]; }
        void write_lr(unsigned n, u64 value) const { ich().lr[checked(n)] = value; }
        u32 read_apr(gicv3::Group group, unsigned n) const { return ich().apr[static_cast<unsigned>(group)][n]; }
        void write_apr(gicv3::Group group, unsigned n, u32 value) const
        {
            ich().apr[static_cast<unsigned>(group)][n] = value;
        }
        u64 read_vmcr() const { return ich().vmcr; }
        void write_vmcr(u64 value) const { ich().vmcr = value; }
        void write_hcr(u64 value) const { ich().hcr = value; }
        unsigned checked(unsigned n) const
        {
            GIMBAL_ASSERT(n < ich().count);
            return n;
        }
    };

    ListRegisterMachine(const gicv3::Config& config, unsigned cpus, const FakeIch& kind)
        : cpus_(cpus), ich{kind, kind, kind, kind}, gic(config), lists(gic.state(), *this, *this, Port{this})
    {
        gic.state().attach(lists);
        for (here = 0; here < cpus_; ++here) lists.clear();
        here = 0;
    }

    // The hypervisor's part.
    void set_cpu_interrupt(VcpuId vcpu, InterruptInput input, bool level) noexcept override
    {
        (input == InterruptInput::irq ? irq : fiq)[vcpu.value] = level;
    }
    void kick(VcpuId vcpu) noexcept override
    {
        GIMBAL_ASSERT(in_guest(vcpu.value));
        kicked[vcpu.value] = true;
        ++kicks;
    }
    void set_physical_active(u32 pintid, bool active) noexcept override
    {
        ich[here].physical_active.set(pintid, active);
    }
    bool is_physical_line_high(u32 pintid) noexcept override { return lines.contains(pintid); }

    bool in_guest(u32 vcpu) const { return on_cpu_[vcpu % cpus_] == vcpu && in_guest_[vcpu]; }
    bool on_cpu(u32 vcpu) const { return on_cpu_[vcpu % cpus_] == vcpu; }
    FakeIch& interface_of(u32 vcpu) { return ich[vcpu % cpus_]; }

    void enter(u32 vcpu)
    {
        here = vcpu % cpus_;
        kicked[vcpu] = false;
        in_guest_[vcpu] = true;
        lists.before_entry({vcpu});
    }
    void leave(u32 vcpu)
    {
        here = vcpu % cpus_;
        lists.after_exit({vcpu});
        in_guest_[vcpu] = false;
        ++exits;
        // As the physical interrupt would be taken: after the exit.
        if (ich[here].misr() != 0) lists.maintenance({vcpu});
    }
    void put(u32 vcpu, bool sleeps)
    {
        if (!on_cpu(vcpu)) return;
        leave(vcpu);
        if (sleeps)
            lists.sleep({vcpu});
        else
            lists.put({vcpu});
        on_cpu_[vcpu % cpus_] = nobody;
        asleep[vcpu] = sleeps;
    }
    void run(u32 vcpu)
    {
        if (on_cpu(vcpu)) return;
        const u32 before = on_cpu_[vcpu % cpus_];
        if (before != nobody) put(before, false);
        here = vcpu % cpus_;
        on_cpu_[here] = vcpu;
        asleep[vcpu] = false;
        lists.load({vcpu});
        enter(vcpu);
    }
    /// Until nobody has to leave. What the guest did not do itself must come to rest.
    void settle()
    {
        bool quiet = false;
        for (unsigned turn = 0; !quiet; ++turn) {
            GIMBAL_ASSERT(turn < 64); // or maintenance interrupts come without end
            quiet = true;
            for (unsigned cpu = 0; cpu < cpus_; ++cpu) {
                const u32 vcpu = on_cpu_[cpu];
                if (vcpu == nobody || (!kicked[vcpu] && ich[cpu].misr() == 0)) continue;
                quiet = false;
                leave(vcpu);
                enter(vcpu);
            }
        }
    }
    void settle_all()
    {
        for (unsigned cpu = 0; cpu < cpus_; ++cpu) {
            if (on_cpu_[cpu] == nobody) continue;
            leave(on_cpu_[cpu]);
            enter(on_cpu_[cpu]);
        }
        settle();
    }

    // The guest's part.
    u64 read(u32 vcpu, SysReg reg)
    {
        run(vcpu);
        FakeIch& own = interface_of(vcpu);
        if (!own.traps(reg, false)) return finish(own.read(reg));
        leave(vcpu);
        const auto value = lists.read({vcpu}, reg);
        enter(vcpu);
        GIMBAL_ASSERT(value.has_value());
        return finish(*value);
    }
    void write(u32 vcpu, SysReg reg, u64 value)
    {
        run(vcpu);
        FakeIch& own = interface_of(vcpu);
        if (!own.traps(reg, true)) {
            own.write(reg, value);
        } else {
            leave(vcpu);
            GIMBAL_ASSERT(lists.write({vcpu}, reg, value).has_value());
            enter(vcpu);
        }
        settle();
    }
    u64 read(u32 vcpu, MmioDevice& device, u64 offset, AccessSize size)
    {
        run(vcpu);
        settle_all();
        leave(vcpu);
        const auto value = device.read({{vcpu}}, offset, size);
        enter(vcpu);
        return finish(value ? *value : ~u64{0});
    }
    void write(u32 vcpu, MmioDevice& device, u64 offset, AccessSize size, u64 value)
    {
        run(vcpu);
        leave(vcpu);
        (void)device.write({{vcpu}}, offset, size, value);
        enter(vcpu);
        settle();
    }
    /// The CPU of `vcpu` takes the physical interrupt behind a PPI, if it can fire.
    void fire(u32 vcpu, u32 ppi, u32 pintid)
    {
        run(vcpu);
        if (interface_of(vcpu).physical_active[pintid] || !lines.contains(pintid)) return;
        interface_of(vcpu).physical_active.set(pintid);
        ++exits;
        here = vcpu % cpus_;
        lists.raise_ppi({vcpu}, Intid{ppi}); // for after_exit()
        in_guest_[vcpu] = false;
        enter(vcpu);
        settle();
    }

private:
    static constexpr u32 nobody = ~u32{0};
    u64 finish(u64 value)
    {
        settle();
        return value;
    }

    unsigned cpus_;
    u32 on_cpu_[max_cpus]{nobody, nobody, nobody, nobody};
    bool in_guest_[max_vcpus]{};

public:
    unsigned here{}; ///< The CPU that executes.
    FakeIch ich[max_cpus];
    std::set<u32> lines; ///< Physical inputs that are high.
    bool irq[max_vcpus]{};
    bool fiq[max_vcpus]{};
    bool kicked[max_vcpus]{};
    bool asleep[max_vcpus]{};
    unsigned kicks{};
    unsigned exits{};
    gicv3::Gicv3 gic;
    gicv3::ListRegisters<Port> lists;
};

} // namespace gimbal::test
