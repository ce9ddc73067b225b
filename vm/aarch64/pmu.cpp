// SPDX-License-Identifier: Apache-2.0
#include "vm/aarch64/pmu.hpp"

namespace gimbal::aarch64 {

namespace {

// PMCR_EL0
constexpr u64 pmcr_e = 1U << 0;     // enable
constexpr u64 pmcr_c = 1U << 2;     // cycle counter reset, reads as zero
constexpr u64 pmcr_writable = 0x69; // LC, DP, X, E
constexpr u64 cycle_counter = 1U << 31;
constexpr u64 selects_cycle_counter = 31;
constexpr u64 filter_writable = 0xfc00'0000; // P, U, NSK, NSU, NSH, M

} // namespace

bool Pmu::counting() const { return (pmcr_ & pmcr_e) != 0 && (enabled_ & cycle_counter) != 0; }

void Pmu::settle(CounterTicks now)
{
    const u64 before = base_;
    base_ = cycles(now);
    since_ = now;
    if (base_ < before) overflow_ |= cycle_counter;
}

Result<u64, RegisterError> Pmu::read(SysReg reg, CounterTicks now)
{
    settle(now);
    // Only the registers of the PMU come here, so what is not listed is an event counter that does not exist.
    if (reg == SysReg::pmcr_el0) return pmcr_;
    if (reg == SysReg::pmcntenset_el0 || reg == SysReg::pmcntenclr_el0) return enabled_;
    if (reg == SysReg::pmintenset_el1 || reg == SysReg::pmintenclr_el1) return interrupt_;
    if (reg == SysReg::pmovsset_el0 || reg == SysReg::pmovsclr_el0) return overflow_;
    if (reg == SysReg::pmselr_el0) return selector_;
    if (reg == SysReg::pmceid0_el0 || reg == SysReg::pmceid1_el0) return 0; // no event is implemented
    if (reg == SysReg::pmccntr_el0) return base_;
    if (reg == SysReg::pmuserenr_el0) return userenr_;
    if (reg == SysReg::pmccfiltr_el0) return filter_;
    if (reg == SysReg::pmxevtyper_el0 && selector_ == selects_cycle_counter) return filter_;
    return fail(RegisterError::undefined);
}

Result<void, RegisterError> Pmu::write(SysReg reg, u64 value, CounterTicks now)
{
    settle(now);
    return write_control(reg, value);
}

Result<void, RegisterError> Pmu::write_control(SysReg reg, u64 value)
{
    if (reg == SysReg::pmcr_el0) {
        pmcr_ = value & pmcr_writable;
        if ((value & pmcr_c) != 0) base_ = 0;
    } else if (reg == SysReg::pmcntenset_el0) {
        enabled_ |= value & cycle_counter;
    } else if (reg == SysReg::pmcntenclr_el0) {
        enabled_ &= ~value;
    } else if (reg == SysReg::pmintenset_el1) {
        interrupt_ |= value & cycle_counter;
    } else if (reg == SysReg::pmintenclr_el1) {
        interrupt_ &= ~value;
    } else if (reg == SysReg::pmovsset_el0) {
        overflow_ |= value & cycle_counter;
    } else if (reg == SysReg::pmovsclr_el0) {
        overflow_ &= ~value;
    } else if (reg == SysReg::pmselr_el0) {
        selector_ = value & 0x1f;
    } else if (reg == SysReg::pmccntr_el0) {
        base_ = value;
    } else if (reg == SysReg::pmuserenr_el0) {
        userenr_ = value & 0xf;
    } else if (reg == SysReg::pmccfiltr_el0 || (reg == SysReg::pmxevtyper_el0 && selector_ == selects_cycle_counter)) {
        filter_ = value & filter_writable;
    } else if (reg != SysReg::pmswinc_el0) { // a software increment of no counter has no effect
        return fail(RegisterError::undefined);
    }
    return {};
}

} // namespace gimbal::aarch64
