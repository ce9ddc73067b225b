// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/field.hpp"

namespace gimbal::aarch64 {

struct MpidrEl1 {
    u64 raw{};
    using aff0 = Field<MpidrEl1, 0, 8, u8>;
    using aff1 = Field<MpidrEl1, 8, 8, u8>;
    using aff2 = Field<MpidrEl1, 16, 8, u8>;
    using mt = Field<MpidrEl1, 24, 1, bool>;
    using u = Field<MpidrEl1, 30, 1, bool>;
    using res1 = Field<MpidrEl1, 31, 1, bool>;
    using aff3 = Field<MpidrEl1, 32, 8, u8>;
    static constexpr u64 affinity_mask = aff0::mask | aff1::mask | aff2::mask | aff3::mask;

    constexpr u64 affinity() const { return raw & affinity_mask; }
    friend constexpr bool operator==(MpidrEl1, MpidrEl1) = default;
};

/// Cores per cluster: what one ICC_SGI1R_EL1 target list reaches without the range selector.
inline constexpr u32 cores_per_cluster = 16;

/// The MPIDR of the vCPU with this index (below 65536): clusters of 16, bit 31 set.
constexpr MpidrEl1 mpidr_of_index(u32 index)
{
    const u64 aff0 = index % cores_per_cluster;
    const u64 aff1 = (index / cores_per_cluster) & 0xFF;
    const u64 aff2 = (index / (cores_per_cluster * 256)) & 0xFF;
    return {MpidrEl1::res1::mask | aff2 << 16 | aff1 << 8 | aff0};
}

/// The inverse of mpidr_of_index(); the caller checks the index against its number of vCPUs. Affinities that no vCPU
/// has (Aff0 above 15, Aff3 not zero) give an index above every vCPU's.
constexpr u32 index_of_affinity(u64 affinity)
{
    const MpidrEl1 mpidr{affinity};
    if (MpidrEl1::aff0::get(mpidr) >= cores_per_cluster || MpidrEl1::aff3::get(mpidr) != 0) return ~u32{0};
    return (u32{MpidrEl1::aff2::get(mpidr)} << 8 | MpidrEl1::aff1::get(mpidr)) * cores_per_cluster +
           MpidrEl1::aff0::get(mpidr);
}

static_assert(mpidr_of_index(0).raw == 0x8000'0000 && mpidr_of_index(17).raw == 0x8000'0101);
static_assert(index_of_affinity(0x0101) == 17 && index_of_affinity(0x10) == ~u32{0});

} // namespace gimbal::aarch64
