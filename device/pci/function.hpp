// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/types.hpp"

namespace gimbal {

/// One function on a PCI bus: its configuration space, as far as a conventional function has one.
class PciFunction {
public:
    static constexpr u32 configuration_size = 256;

    /// `offset` is below configuration_size and a multiple of 4. Reading changes nothing.
    virtual u32 read_configuration(u32 offset) = 0;
    /// Only the bits of `mask` are written, whole bytes.
    virtual void write_configuration(u32 offset, u32 value, u32 mask) = 0;

protected:
    ~PciFunction() = default;
};

} // namespace gimbal
