// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "bare/aarch64/registers.hpp"
#include "bare/tree_walk.hpp"
#include "vm/clock.hpp"

namespace gimbal::bare {

/// CNTPCT_EL0 of whichever CPU: one counter on the whole board.
class CounterClock final : public Clock {
public:
    HostTicks now() const override { return {read_register<aarch64::SysReg::cntpct_el0>()}; }
    u64 frequency_hz() const override { return read_register<aarch64::SysReg::cntfrq_el0>(); }
};

/// The time of day: read once from the board's PL031 (DDI 0224), if it has one, and counted from there. Without one it
/// is 1970 when the hypervisor starts.
class BoardClock {
public:
    /// `registers`: mapped as Device memory.
    BoardClock(const Clock& clock, std::optional<Region> registers)
        : clock_(clock), started_(clock.now().value / clock.frequency_hz())
    {
        constexpr u64 rtcdr = 0;
        if (registers) at_start_ = *reinterpret_cast<const volatile u32*>(registers->base + rtcdr);
    }
    u64 seconds() const { return at_start_ + clock_.now().value / clock_.frequency_hz() - started_; }
    /// When seconds() reaches `when`.
    HostTicks moment_of(u64 when) const
    {
        const u64 now = seconds();
        return {(clock_.now().value / clock_.frequency_hz() + (when > now ? when - now : 0)) * clock_.frequency_hz()};
    }

private:
    const Clock& clock_;
    u64 started_; // seconds of the counter
    u64 at_start_{};
};

} // namespace gimbal::bare
