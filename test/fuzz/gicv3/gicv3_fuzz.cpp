// SPDX-License-Identifier: Apache-2.0
// Three guests' CPUs, their devices and a fresh GICv3.
#include "base/assert.hpp"
#include "device/gicv3/gicv3.hpp"
#include "device/gicv3/software_icc.hpp"
#include "test/fuzz/op_stream.hpp"

namespace {

using namespace gimbal;
using aarch64::SysReg;

constexpr u32 cpus = 3;
constexpr u32 intids = 96;

struct Inputs final : CpuInterruptSink {
    bool irq[max_vcpus]{};
    bool fiq[max_vcpus]{};
    void set_cpu_interrupt(VcpuId vcpu, InterruptInput input, bool level) noexcept override
    {
        (input == InterruptInput::irq ? irq : fiq)[vcpu.value] = level;
    }
};

constexpr SysReg registers[] = {
    SysReg::icc_pmr_el1,   SysReg::icc_iar0_el1,   SysReg::icc_iar1_el1,    SysReg::icc_eoir0_el1,
    SysReg::icc_eoir1_el1, SysReg::icc_hppir0_el1, SysReg::icc_hppir1_el1,  SysReg::icc_bpr0_el1,
    SysReg::icc_bpr1_el1,  SysReg::icc_dir_el1,    SysReg::icc_rpr_el1,     SysReg::icc_ap0r0_el1,
    SysReg::icc_ap1r0_el1, SysReg::icc_ctlr_el1,   SysReg::icc_sre_el1,     SysReg::icc_igrpen0_el1,
    SysReg::icc_sgi0r_el1, SysReg::icc_sgi1r_el1,  SysReg::icc_igrpen1_el1, SysReg::icc_asgi1r_el1,
};

struct Machine {
    gicv3::Gicv3 gic{
        gicv3::Config{.cpus = cpus, .intids = intids}
    };
    Inputs inputs;
    gicv3::SoftwareIcc icc{gic.state(), inputs};

    Machine() { gic.state().attach(icc); }

    u64 get(u32 cpu, SysReg reg) { return *icc.read({cpu}, reg); }

    /// An input that is up must have something to acknowledge, and only one of the two is up.
    void check()
    {
        for (u32 cpu = 0; cpu < cpus; ++cpu) {
            GIMBAL_ASSERT(!(inputs.irq[cpu] && inputs.fiq[cpu]));
            const u64 group1 = get(cpu, SysReg::icc_hppir1_el1);
            const u64 group0 = get(cpu, SysReg::icc_hppir0_el1);
            GIMBAL_ASSERT(group1 == 1023 || group0 == 1023);
            if (inputs.irq[cpu]) GIMBAL_ASSERT(group1 < intids);
            if (inputs.fiq[cpu]) GIMBAL_ASSERT(group0 < intids);
        }
    }
};

void access(MmioDevice& device, test::OpStream& ops, unsigned offset_bytes, u64 offset_mask)
{
    const AccessSize width = ops.take_size();
    const u64 offset = ops.take(offset_bytes) & offset_mask & ~u64{byte_count(width) - 1};
    if ((ops.take(1) & 1) != 0)
        (void)device.write({{0}}, offset, width, ops.take(byte_count(width)));
    else
        (void)device.read({{0}}, offset, width);
}

void access_register(Machine& machine, test::OpStream& ops)
{
    const u32 cpu = static_cast<u32>(ops.take(1) % cpus);
    const SysReg reg = registers[ops.take(1) % std::size(registers)];
    if ((ops.take(1) & 1) != 0) {
        (void)machine.icc.write({cpu}, reg, ops.take(7));
        return;
    }
    const bool acknowledges = reg == SysReg::icc_iar0_el1 || reg == SysReg::icc_iar1_el1;
    const bool was_up = reg == SysReg::icc_iar0_el1 ? machine.inputs.fiq[cpu] : machine.inputs.irq[cpu];
    const auto value = machine.icc.read({cpu}, reg);
    if (acknowledges) GIMBAL_ASSERT((*value < intids) == was_up && (*value < intids || *value == 1023));
}

} // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name.
extern "C" int LLVMFuzzerTestOneInput(const u8* data, usize size)
{
    Machine machine;
    test::OpStream ops(data, size);
    while (!ops.empty()) {
        switch (ops.take(1) % 6) {
        case 0: access(machine.gic.distributor(), ops, 2, 0x1'FFFF); break;
        case 1: access(machine.gic.redistributors(), ops, 3, 0x7'FFFF); break;
        case 2: access_register(machine, ops); break;
        case 3: {
            const Spi spi{static_cast<u32>(ops.take(1))};
            machine.gic.set_spi(spi, (ops.take(1) & 1) != 0);
            break;
        }
        case 4: {
            const VcpuId vcpu{static_cast<u32>(ops.take(1) & 3)};
            const Intid ppi{static_cast<u32>(ops.take(1) & 0x3F)};
            machine.gic.set_ppi(vcpu, ppi, (ops.take(1) & 1) != 0);
            break;
        }
        case 5: machine.gic.reset_cpu({static_cast<u32>(ops.take(1) & 3)}); break;
        }
        machine.check();
    }
    return 0;
}
