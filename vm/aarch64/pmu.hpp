// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "arch/aarch64/sysreg.hpp"
#include "base/result.hpp"
#include "vm/trapped_registers.hpp"

namespace gimbal::aarch64 {

/// A PMUv3 without event counters (PMCR_EL0.N = 0; DDI 0487): the cycle counter, at the rate of the VM's counter,
/// and the registers that go with it. Event-counter registers are undefined, as they are when N is 0.
/// The overflow flag is computed when it is looked at; no overflow interrupt is wired.
class Pmu {
public:
    Result<u64, RegisterError> read(SysReg reg, CounterTicks now);
    Result<void, RegisterError> write(SysReg reg, u64 value, CounterTicks now);

private:
    bool counting() const;
    u64 cycles(CounterTicks now) const { return counting() ? base_ + (now.value - since_.value) : base_; }
    void settle(CounterTicks now); // folds the time that has passed into base_, before a change of the controls
    Result<void, RegisterError> write_control(SysReg reg, u64 value);

    u64 pmcr_{};
    u64 enabled_{};   // PMCNTENSET: bit 31 only
    u64 interrupt_{}; // PMINTENSET: bit 31 only
    u64 overflow_{};  // PMOVSSET: bit 31 only
    u64 userenr_{};
    u64 selector_{};
    u64 filter_{};
    u64 base_{};
    CounterTicks since_{};
};

} // namespace gimbal::aarch64
