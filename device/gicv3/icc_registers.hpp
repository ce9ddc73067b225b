// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "device/gicv3/state.hpp"
#include "vm/aarch64/trapped_registers.hpp"

namespace gimbal::gicv3 {

/// The ICC registers of one CPU, and what accesses to them mean (IHI 0069), with State behind them. Used by every port
/// that emulates some of them; how the CPU hears of an interrupt is the port's.
struct IccRegisters {
    // Group priority is [7:BPR0+1] for Group 0 and [7:BPR1] for Group 1: with five bits, both can reach [7:3].
    static constexpr u8 min_bpr0 = 2;
    static constexpr u8 min_bpr1 = 3;

    u8 pmr{};
    u8 bpr0{min_bpr0};
    u8 bpr1{min_bpr1};
    bool cbpr{};
    bool eoi_mode{}; ///< EOIR drops the priority only; DIR deactivates.
    bool enable[2]{};
    u32 active[2]{}; ///< ICC_AP0R0_EL1, ICC_AP1R0_EL1: one bit per group priority, bit 0 the highest

    u8 running_priority() const;
    bool preempts(const Candidate& candidate) const;
    /// What the CPU is signalled now, if anything.
    std::optional<Candidate> signalled(const State& state, VcpuId vcpu) const;
};

/// Both with State's lock held. The caller looks at the CPU again afterwards: IAR, EOIR and others change what it is
/// shown; when an enable has changed, at all CPUs (State::changed_all), because 1-of-N interrupts may move.
Result<u64, RegisterError> read_icc(State& state, VcpuId vcpu, IccRegisters& cpu, aarch64::SysReg reg);
Result<void, RegisterError> write_icc(State& state, VcpuId vcpu, IccRegisters& cpu, aarch64::SysReg reg, u64 value);

/// ICC_SGI1R_EL1, ICC_SGI0R_EL1 and ICC_ASGI1R_EL1, which touch no register of the sender: false if `reg` is another
/// one. With State's lock held.
bool generate_sgi(State& state, VcpuId sender, aarch64::SysReg reg, u64 value);

} // namespace gimbal::gicv3
