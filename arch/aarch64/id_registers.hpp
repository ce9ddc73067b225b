// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/field.hpp"

// Identification registers: what a CPU says it can do. Fields as DDI 0487 describes them by register.
namespace gimbal::aarch64 {

struct IdAa64mmfr0 {
    u64 raw{};
    using pa_range = Field<IdAa64mmfr0, 0, 4, u8>;  ///< as decode_pa_bits() reads it
    using tgran4 = Field<IdAa64mmfr0, 28, 4, u8>;   ///< 4 KiB granule at stage 1: 15 is no, everything else yes
    using tgran4_2 = Field<IdAa64mmfr0, 40, 4, u8>; ///< at stage 2: 0 as tgran4 says, 1 no, 2 and above yes

    constexpr bool stage2_has_4kib() const
    {
        return tgran4_2::get(*this) == 0 ? tgran4::get(*this) != 15 : tgran4_2::get(*this) != 1;
    }
};

struct IdAa64mmfr1 {
    u64 raw{};
    using vmid_bits = Field<IdAa64mmfr1, 4, 4, u8>; ///< 0: 8 bits, 2: 16 bits
    using xnx = Field<IdAa64mmfr1, 28, 4, u8>;      ///< FEAT_XNX: stage 2 tells EL0 from EL1 when it forbids execution
};

struct IdAa64mmfr2 {
    u64 raw{};
    using cnp = Field<IdAa64mmfr2, 0, 4, u8>; ///< FEAT_TTCNP
};

static_assert(IdAa64mmfr0{0x0000'0000'0000'1124}.stage2_has_4kib());  // Cortex-A57
static_assert(!IdAa64mmfr0{0x0000'0000'F000'0005}.stage2_has_4kib()); // 4 KiB at neither stage
static_assert(!IdAa64mmfr0{0x0000'0100'0000'0005}.stage2_has_4kib()); // at stage 1 only

} // namespace gimbal::aarch64
