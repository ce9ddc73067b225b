// SPDX-License-Identifier: Apache-2.0
#include "device/pci/ecam.hpp"

#include "base/bits.hpp"

namespace gimbal {
namespace {

// Offset bits: register [11:0], function [14:12], device [19:15].
constexpr unsigned function_shift = 12;
constexpr unsigned device_shift = 15;

constexpr u32 register_of(u64 offset) { return static_cast<u32>(offset & 0xFFC); }
constexpr unsigned shift_of(u64 offset) { return static_cast<unsigned>(offset & 3) * 8; }
constexpr u64 mask_of(AccessSize size) { return low_mask(byte_count(size) * 8); }

} // namespace

PciFunction* PciEcam::find(u64 offset) const
{
    const u64 device = offset >> device_shift;
    if (device >= device_count || bits(offset, function_shift, 3) != 0) return nullptr;
    return register_of(offset) < PciFunction::configuration_size ? functions_[device] : nullptr;
}

Result<u64, BusError> PciEcam::read(const AccessContext&, u64 offset, AccessSize size)
{
    if (size == AccessSize::bytes_8) return fail(BusError::bad_access);
    PciFunction* const function = find(offset);
    if (function == nullptr) return mask_of(size);
    return (u64{function->read_configuration(register_of(offset))} >> shift_of(offset)) & mask_of(size);
}

Result<void, BusError> PciEcam::write(const AccessContext&, u64 offset, AccessSize size, u64 value)
{
    if (size == AccessSize::bytes_8) return fail(BusError::bad_access);
    if (PciFunction* const function = find(offset)) {
        const unsigned shift = shift_of(offset);
        function->write_configuration(register_of(offset), static_cast<u32>(value << shift),
                                      static_cast<u32>(mask_of(size) << shift));
    }
    return {};
}

} // namespace gimbal
