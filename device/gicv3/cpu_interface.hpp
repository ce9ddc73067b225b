// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "vm/types.hpp"

namespace gimbal::gicv3 {

enum class Group : u8 { group0, group1 };

/// The CPU side of the interrupt controller: ICC registers in software, or list registers. It pulls what it presents
/// from State. Every call comes with State's lock held.
class CpuInterface {
public:
    /// What this CPU should be shown may have changed.
    virtual void update(VcpuId vcpu) = 0;
    /// The same, and all that may have changed is whether this one interrupt is pending.
    virtual void update_interrupt(VcpuId vcpu, u32 intid) = 0;
    /// The CPU takes interrupts of this group: asked to pick a target for 1-of-N SPIs.
    virtual bool accepts(VcpuId vcpu, Group group) const = 0;
    /// Power-on reset of the CPU's registers.
    virtual void reset(VcpuId vcpu) = 0;

protected:
    ~CpuInterface() = default;
};

} // namespace gimbal::gicv3
