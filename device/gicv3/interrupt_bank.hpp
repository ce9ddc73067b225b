// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/types.hpp"

namespace gimbal::gicv3 {

/// Five priority bits: the low three of every priority are RAZ/WI (IHI 0069, GICD_IPRIORITYR<n>).
inline constexpr u8 priority_mask = 0xF8;
inline constexpr unsigned priority_shift = 3;
inline constexpr u8 idle_priority = 0xFF;

/// The state of 32 interrupts, one bit each: a redistributor's SGIs and PPIs, or one word of SPIs.
struct InterruptBank {
    u32 group{}; ///< 1: Group 1
    u32 enabled{};
    u32 latch{}; ///< Pending by an edge, by software or by an SGI; cleared when acknowledged.
    u32 line{};  ///< The input's level now.
    u32 active{};
    u32 edge{}; ///< 1: edge-triggered, 0: level-sensitive
    u8 priority[32]{};

    /// A level-sensitive interrupt stays pending as long as its line is high.
    u32 pending() const { return latch | (line & ~edge); }
    /// What may be signalled of the groups that are on: pending, enabled, not active.
    u32 ready(bool group0_on, bool group1_on) const
    {
        const u32 groups = (group1_on ? group : 0) | (group0_on ? ~group : 0);
        return pending() & enabled & ~active & groups;
    }
    void set_line(u32 bit, bool level)
    {
        if (level && (line & bit) == 0) latch |= edge & bit;
        line = level ? line | bit : line & ~bit;
    }
};

} // namespace gimbal::gicv3
