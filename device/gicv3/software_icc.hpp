// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "device/gicv3/state.hpp"
#include "vm/aarch64/trapped_registers.hpp"
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
    bool accepts(VcpuId vcpu, Group group) const override;
    void reset(VcpuId vcpu) override;

    Result<u64, RegisterError> read(VcpuId vcpu, aarch64::SysReg reg) override;
    Result<void, RegisterError> write(VcpuId vcpu, aarch64::SysReg reg, u64 value) override;

private:
    // Group priority is [7:BPR0+1] for Group 0 and [7:BPR1] for Group 1: with five bits, both can reach [7:3].
    static constexpr u8 min_bpr0 = 2;
    static constexpr u8 min_bpr1 = 3;

    struct Cpu {
        u8 pmr{};
        u8 bpr0{min_bpr0};
        u8 bpr1{min_bpr1};
        bool cbpr{};
        bool eoi_mode{}; ///< EOIR drops the priority only; DIR deactivates.
        bool enable[2]{};
        u32 active[2]{}; ///< ICC_AP0R0_EL1, ICC_AP1R0_EL1: one bit per group priority, bit 0 the highest
        bool irq{};      ///< What the sink was told last.
        bool fiq{};
    };

    static u8 group_priority(const Cpu& cpu, u8 priority, Group group);
    static u8 running_priority(const Cpu& cpu);
    static u64 read_bpr1(const Cpu& cpu);
    std::optional<Candidate> pending(VcpuId vcpu) const;
    bool preempts(const Cpu& cpu, const Candidate& candidate) const;
    u64 acknowledge(VcpuId vcpu, Group group);
    u64 highest_pending_intid(VcpuId vcpu, Group group) const;
    void end_of_interrupt(VcpuId vcpu, u64 value, Group group);
    void deactivate(VcpuId vcpu, u64 value);
    void set_group_enable(VcpuId vcpu, Group group, u64 value);
    void set_binary_point(Cpu& cpu, Group group, u64 value);
    void generate_sgi(VcpuId sender, u64 value, bool group1_too);

    State& state_;
    CpuInterruptSink& sink_;
    Cpu cpus_[max_vcpus];
};

} // namespace gimbal::gicv3
