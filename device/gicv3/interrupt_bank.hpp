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
    // Only with list registers. While an interrupt is listed, no other CPU is shown it; `active` and `shown` are what
    // its list register said when it was last read.
    u32 listed{}; ///< In a list register of some CPU.
    u32 shown{};  ///< Of these: pending there because of a latch, which moved. A new edge sets `latch` anew.
    u8 priority[32]{};

    /// A level-sensitive interrupt stays pending as long as its line is high.
    u32 pending() const { return latch | shown | (line & ~edge); }
    /// Of the groups that are on: pending and enabled.
    u32 deliverable(bool group0_on, bool group1_on) const
    {
        const u32 groups = (group1_on ? group : 0) | (group0_on ? ~group : 0);
        return pending() & enabled & groups;
    }
    /// What may be signalled now: nor is it active or in a list register.
    u32 ready(bool group0_on, bool group1_on) const { return deliverable(group0_on, group1_on) & ~(active | listed); }
    void set_line(u32 bit, bool level)
    {
        if (level && (line & bit) == 0) latch |= edge & bit;
        line = level ? line | bit : line & ~bit;
    }
};

} // namespace gimbal::gicv3
