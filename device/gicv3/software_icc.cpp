// SPDX-License-Identifier: Apache-2.0
#include "device/gicv3/software_icc.hpp"

namespace gimbal::gicv3 {

using aarch64::SysReg;

void SoftwareIcc::update(VcpuId vcpu)
{
    Cpu& cpu = cpus_[vcpu.value];
    const std::optional<Candidate> candidate = cpu.registers.signalled(state_, vcpu);
    const bool irq = candidate && candidate->group == Group::group1;
    const bool fiq = candidate && candidate->group == Group::group0;
    // Under the lock, so that the sink hears of changes in the order in which they happen.
    if (irq != cpu.irq) {
        cpu.irq = irq;
        sink_.set_cpu_interrupt(vcpu, InterruptInput::irq, irq);
    }
    if (fiq != cpu.fiq) {
        cpu.fiq = fiq;
        sink_.set_cpu_interrupt(vcpu, InterruptInput::fiq, fiq);
    }
}

bool SoftwareIcc::accepts(VcpuId vcpu, Group group) const
{
    return cpus_[vcpu.value].registers.enable[static_cast<unsigned>(group)];
}

void SoftwareIcc::reset(VcpuId vcpu)
{
    cpus_[vcpu.value].registers = IccRegisters{};
    update(vcpu);
}

Result<u64, RegisterError> SoftwareIcc::read(VcpuId vcpu, SysReg reg)
{
    SpinGuard guard(state_.lock());
    auto value = read_icc(state_, vcpu, cpus_[vcpu.value].registers, reg);
    if (reg == SysReg::icc_iar0_el1 || reg == SysReg::icc_iar1_el1) update(vcpu);
    return value;
}

Result<void, RegisterError> SoftwareIcc::write(VcpuId vcpu, SysReg reg, u64 value)
{
    SpinGuard guard(state_.lock());
    if (generate_sgi(state_, vcpu, reg, value)) return {};
    auto written = write_icc(state_, vcpu, cpus_[vcpu.value].registers, reg, value);
    if (reg == SysReg::icc_igrpen0_el1 || reg == SysReg::icc_igrpen1_el1)
        state_.changed_all(); // 1-of-N interrupts move to a CPU that takes them
    else
        update(vcpu);
    return written;
}

} // namespace gimbal::gicv3
