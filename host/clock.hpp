// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ctime>

#include "vm/clock.hpp"

namespace gimbal::host {

/// CLOCK_MONOTONIC in ticks of 16 ns: 62.5 MHz, as the board's CNTFRQ_EL0 says. A power of two of nanoseconds makes
/// both conversions exact, so that a deadline that was converted back and forth is never early; guests know this
/// frequency from QEMU; and 2^64 ticks do not wrap in nine thousand years.
class MonotonicClock final : public Clock {
public:
    static constexpr u64 nanoseconds_per_tick = 16;

    HostTicks now() const override;
    u64 frequency_hz() const override { return 1'000'000'000 / nanoseconds_per_tick; }
};

/// Absolute CLOCK_MONOTONIC time of a moment; what is beyond time_t stays at its end.
timespec to_timespec(HostTicks when);

constexpr double to_seconds(u64 ticks) { return static_cast<double>(ticks) * 16e-9; }

} // namespace gimbal::host
