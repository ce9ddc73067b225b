// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "base/bits.hpp"
#include "base/types.hpp"

namespace gimbal::bare {

/// Chooses a CPU for each vCPU as the machine starts; there it stays. Its timer's interrupt, its list registers and
/// what it left in the CPU's registers all belong to that CPU, so moving it would have a price at each wake-up.
template <unsigned max_cpus>
class Placement {
public:
    /// `cpu_count`: not above `max_cpus`.
    explicit Placement(unsigned cpu_count) : cpu_count_(cpu_count) {}

    /// The CPU of `affinity` (one bit each; none set: any) on which the least is placed yet; of equals, the first.
    /// `weight`: how much the vCPU may take of it, in percent. None: there is no such CPU.
    std::optional<unsigned> place(u64 affinity, u32 weight)
    {
        std::optional<unsigned> best;
        for (unsigned cpu = 0; cpu < cpu_count_; ++cpu)
            if ((affinity == 0 || test_bit(affinity, cpu)) && (!best || placed_[cpu] < placed_[*best])) best = cpu;
        if (best) placed_[*best] += weight;
        return best;
    }

private:
    unsigned cpu_count_;
    u64 placed_[max_cpus]{}; // percent
};

} // namespace gimbal::bare
