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

} // namespace gimbal::aarch64
