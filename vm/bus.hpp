// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "base/result.hpp"
#include "vm/types.hpp"

namespace gimbal {

/// Why an access has no answer. dispatch turns each into a synchronous external abort (ADE on LoongArch).
enum class BusError : u8 {
    unclaimed,  ///< No device covers every byte of the access.
    bad_access, ///< The device does not take this size, alignment or direction at this offset.
};

enum class BusMapError : u8 {
    empty,    ///< A range of no bytes, or without a device.
    overflow, ///< base + size wraps.
    overlap,  ///< The range meets one that is already there.
    full,     ///< No slot is left.
};

/// Who accesses: what a banked device (a GIC) must know, and nothing more.
struct AccessContext {
    VcpuId vcpu;
};

/// A device as the bus sees it. Called on the accessing vCPU's thread, several at once: a device locks its own state.
class MmioDevice {
public:
    /// `offset` is inside the device's range and naturally aligned to `size`. The value is zero-extended.
    virtual Result<u64, BusError> read(const AccessContext& context, u64 offset, AccessSize size) = 0;
    /// `value` has no bits above `size`.
    virtual Result<void, BusError> write(const AccessContext& context, u64 offset, AccessSize size, u64 value) = 0;

protected:
    ~MmioDevice() = default;
};

/// The access sizes a device takes; the bus makes every other one fit or refuses it.
/// Wider than `largest`: split, lowest address first. Narrower than `smallest`: a read takes its bytes out of the word
/// around it; a write is placed in its byte lanes with zeroes beside it, or refused.
struct AccessLimits {
    AccessSize smallest{AccessSize::bytes_1};
    AccessSize largest{AccessSize::bytes_8};
    bool widen_writes{true};
};

struct MmioRange {
    Gpa base;
    u64 size{}; ///< Bytes.
    MmioDevice* device{};
    AccessLimits limits{};
};

/// Ordered, non-overlapping device ranges. Filled before the VM is finalized, then read from every vCPU thread.
class MmioBus {
public:
    static constexpr unsigned max_ranges = 64;

    Result<void, BusMapError> add(const MmioRange& range);
    std::span<const MmioRange> ranges() const { return {ranges_, range_count_}; }
    const MmioRange* find(Gpa gpa) const; ///< The range that holds the byte at `gpa`, or null.

    /// Accesses that are not naturally aligned are refused (bad_access), as by an interconnect.
    Result<u64, BusError> read(const AccessContext& context, Gpa gpa, AccessSize size) const;
    Result<void, BusError> write(const AccessContext& context, Gpa gpa, AccessSize size, u64 value) const;

private:
    struct Target {
        const MmioRange* range;
        u64 offset;
    };
    Result<Target, BusError> claim(Gpa gpa, AccessSize size) const;

    MmioRange ranges_[max_ranges]{}; // sorted by base
    unsigned range_count_{};
};

} // namespace gimbal
