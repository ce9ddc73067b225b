// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>

#include "base/types.hpp"

namespace gimbal {

/// A guest physical address, in bytes (an IPA where a second stage translates).
struct Gpa {
    u64 value{};
    friend constexpr auto operator<=>(Gpa, Gpa) = default;
    friend constexpr Gpa operator+(Gpa base, u64 offset) { return {base.value + offset}; }
};

/// vCPUs of one VM at most. Per-vCPU state in vm/ is an array of this size: nothing there allocates.
inline constexpr unsigned max_vcpus = 64;

/// Index of a vCPU inside its VM, 0-based and dense; not its MPIDR.
struct VcpuId {
    u32 value{};
    friend constexpr auto operator<=>(VcpuId, VcpuId) = default;
};

struct VmId {
    u32 value{};
    friend constexpr auto operator<=>(VmId, VmId) = default;
};

/// A GIC interrupt identifier: 0-15 SGI, 16-31 PPI, 32-1019 SPI (GICv3 architecture, IHI 0069).
struct Intid {
    u32 value{};
    friend constexpr auto operator<=>(Intid, Intid) = default;
};

/// A shared peripheral interrupt by its number as device trees write it: INTID minus 32.
struct Spi {
    u32 value{};
    constexpr Intid intid() const { return {value + 32}; }
    friend constexpr auto operator<=>(Spi, Spi) = default;
};

/// A point on the VM's counter, in ticks of CNTFRQ_EL0 (or the LoongArch stable counter).
struct CounterTicks {
    u64 value{};
    friend constexpr auto operator<=>(CounterTicks, CounterTicks) = default;
};

/// A point on the host's own counter, which never stops and is never set; same frequency as CounterTicks.
struct HostTicks {
    u64 value{};
    friend constexpr auto operator<=>(HostTicks, HostTicks) = default;
};

enum class AccessSize : u8 { bytes_1 = 1, bytes_2 = 2, bytes_4 = 4, bytes_8 = 8 };
constexpr unsigned byte_count(AccessSize size) { return static_cast<unsigned>(size); }

enum class Direction : u8 { read, write };

} // namespace gimbal
