// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "vm/types.hpp"

namespace gimbal {

/// The host's monotonic counter. Read from every vCPU thread.
class Clock {
public:
    virtual HostTicks now() const = 0;
    /// Ticks per second, constant: what CNTFRQ_EL0 reads, so at most 2^32 - 1.
    virtual u64 frequency_hz() const = 0;

protected:
    ~Clock() = default;
};

/// Rounded up, so that a wait is never shorter than asked for. `microseconds` up to a second.
constexpr u64 ticks_in_microseconds(u64 frequency_hz, u64 microseconds)
{
    return (frequency_hz * microseconds + 999'999) / 1'000'000;
}

} // namespace gimbal
