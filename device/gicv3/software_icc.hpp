// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "device/gicv3/icc_registers.hpp"
#include "vm/interrupt_chip.hpp"

namespace gimbal::gicv3 {

/// The CPU interface in software: the ICC system registers of each vCPU (IHI 0069), for engines that have no list
/// registers. It drives IRQ (Group 1) and FIQ (Group 0). State's lock guards it too.
class SoftwareIcc final : public CpuInterface, public aarch64::IccPort {
public:
    SoftwareIcc(State& state, CpuInterruptSink& sink) : state_(state), sink_(sink)
    {
        for (u32 i = 0; i < max_vcpus; ++i) cpus_[i] = Cpu{};
    }

    void update(VcpuId vcpu) override;
    void update_interrupt(VcpuId vcpu, u32) override { update(vcpu); }
    bool accepts(VcpuId vcpu, Group group) const override;
    void reset(VcpuId vcpu) override;

    Result<u64, RegisterError> read(VcpuId vcpu, aarch64::SysReg reg) override;
    Result<void, RegisterError> write(VcpuId vcpu, aarch64::SysReg reg, u64 value) override;

private:
    struct Cpu {
        IccRegisters registers{};
        bool irq{}; ///< What the sink was told last.
        bool fiq{};
    };

    State& state_;
    CpuInterruptSink& sink_;
    Cpu cpus_[max_vcpus];
};

} // namespace gimbal::gicv3
