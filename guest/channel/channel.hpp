// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/types.hpp"

namespace gimbal::channel {

/// One end of a channel between VMs, as the kernel's uio_pci_generic shows it: the memory through the PCI function's
/// resource 2, the doorbell through resource 0, the interrupt through /dev/uioN.
class End {
public:
    /// The first such device that the driver is bound to. False: there is none, or it cannot be used; says why.
    bool open();

    u8* memory() const { return memory_; }
    usize memory_size() const { return memory_size_; }
    void ring();
    /// Returns when `is_done()` is true; sleeps until the other end rings if it is not. No ring is missed: what comes
    /// between the look and the sleep ends the sleep. False: the device is gone.
    template <class Condition>
    bool wait(const Condition& is_done)
    {
        while (true) {
            if (!listen()) return false;
            if (is_done()) return true;
            if (!sleep()) return false;
        }
    }
    u64 rung() const { return rung_; }
    u64 interrupts() const { return interrupts_; }

private:
    bool listen();
    bool sleep();

    int configuration_{-1};
    int events_{-1};
    volatile u32* registers_{};
    u8* memory_{};
    usize memory_size_{};
    u64 rung_{};
    u64 interrupts_{};
};

} // namespace gimbal::channel
