// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "base/bits.hpp"
#include "vm/types.hpp"

namespace gimbal::aarch64 {

/// The affinity fields of MPIDR_EL1: Aff3 [39:32], Aff2 [23:16], Aff1 [15:8], Aff0 [7:0] (DDI 0487, D23.2.116).
inline constexpr u64 affinity_mask = 0xff'00ff'ffff;

/// Sixteen CPUs to a cluster: the target list of ICC_SGI1R_EL1 then reaches every CPU without a range selector.
inline constexpr u32 cpus_per_cluster = 16;

constexpr u64 affinity_of(VcpuId vcpu)
{
    return u64{vcpu.value % cpus_per_cluster} | u64{vcpu.value / cpus_per_cluster} << 8;
}

/// MPIDR_EL1: bit 31 is RES1; U and MT are clear.
constexpr u64 mpidr_of(VcpuId vcpu) { return bit(31) | affinity_of(vcpu); }

/// The vCPU with this affinity, ignoring the other bits; none if no VM could have it.
constexpr std::optional<VcpuId> vcpu_of_affinity(u64 affinity)
{
    affinity &= affinity_mask;
    const u64 index = bits(affinity, 8, 8) * cpus_per_cluster + bits(affinity, 0, 8);
    if (bits(affinity, 0, 8) >= cpus_per_cluster || (affinity >> 16) != 0 || index >= max_vcpus) return std::nullopt;
    return VcpuId{static_cast<u32>(index)};
}

} // namespace gimbal::aarch64
