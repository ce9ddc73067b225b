// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "device/pci/function.hpp"
#include "vm/bus.hpp"

namespace gimbal {

/// The configuration spaces of one bus, each in its 4 KiB (PCI Express Base Specification, "PCI Express Enhanced
/// Configuration Access Mechanism"). Each device has one function; there are no bridges.
class PciEcam final : public MmioDevice {
public:
    static constexpr u32 device_count = 32;
    static constexpr u64 size = u64{1} << 20; ///< One bus.
    static constexpr AccessLimits access_limits{AccessSize::bytes_1, AccessSize::bytes_4, true};

    /// `device` is below device_count. Before the VM is finalized.
    void add(u32 device, PciFunction& function) { functions_[device] = &function; }

    /// What is not there reads all ones and takes writes, as on a bus where nobody answers.
    Result<u64, BusError> read(const AccessContext& context, u64 offset, AccessSize size) override;
    Result<void, BusError> write(const AccessContext& context, u64 offset, AccessSize size, u64 value) override;

private:
    PciFunction* find(u64 offset) const;

    PciFunction* functions_[device_count]{}; // fixed once the VM is finalized
};

} // namespace gimbal
