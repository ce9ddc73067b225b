// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/field.hpp"

namespace gimbal::aarch64 {

/// SPSR_ELx.M[4:0] for AArch64: Exception level in [3:2], stack pointer selection in bit 0. Other values are illegal
/// or AArch32.
enum class Mode : u8 {
    el0t = 0x0,
    el1t = 0x4,
    el1h = 0x5,
    el2t = 0x8,
    el2h = 0x9,
    el3t = 0xC,
    el3h = 0xD,
};

/// SPSR_ELx for an exception from AArch64, and PSTATE packed the same way (DDI 0487, SPSR_EL1).
struct Spsr {
    u64 raw{};
    using n = Field<Spsr, 31, 1, bool>;
    using z = Field<Spsr, 30, 1, bool>;
    using c = Field<Spsr, 29, 1, bool>;
    using v = Field<Spsr, 28, 1, bool>;
    using nzcv = Field<Spsr, 28, 4, u8>;
    using tco = Field<Spsr, 25, 1, bool>;
    using dit = Field<Spsr, 24, 1, bool>;
    using uao = Field<Spsr, 23, 1, bool>;
    using pan = Field<Spsr, 22, 1, bool>;
    using ss = Field<Spsr, 21, 1, bool>; ///< Software step
    using il = Field<Spsr, 20, 1, bool>; ///< Illegal execution state
    using allint = Field<Spsr, 13, 1, bool>;
    using ssbs = Field<Spsr, 12, 1, bool>;
    using btype = Field<Spsr, 10, 2, u8>;
    using d = Field<Spsr, 9, 1, bool>;
    using a = Field<Spsr, 8, 1, bool>;
    using i = Field<Spsr, 7, 1, bool>;
    using f = Field<Spsr, 6, 1, bool>;
    using daif = Field<Spsr, 6, 4, u8>;
    using nrw = Field<Spsr, 4, 1, bool>; ///< AArch32
    using m = Field<Spsr, 0, 5, Mode>;
    using el = Field<Spsr, 2, 2, u8>;
    using spsel = Field<Spsr, 0, 1, bool>;

    friend constexpr bool operator==(Spsr, Spsr) = default;
};
using Pstate = Spsr;
using SpsrEl1 = Spsr;
using SpsrEl2 = Spsr;

/// EL1h with D, A, I and F masked: where a reset vCPU starts.
inline constexpr Spsr reset_spsr{0x3C5};
static_assert(Spsr::m::get(reset_spsr) == Mode::el1h && Spsr::daif::get(reset_spsr) == 0xF);

/// The layouts of the special-purpose registers that show one part of PSTATE.
inline constexpr u64 nzcv_mask = Spsr::nzcv::mask;
inline constexpr u64 daif_mask = Spsr::daif::mask;
inline constexpr u64 pan_mask = Spsr::pan::mask;
inline constexpr u64 uao_mask = Spsr::uao::mask;
inline constexpr u64 dit_mask = Spsr::dit::mask;
inline constexpr u64 ssbs_mask = Spsr::ssbs::mask;
constexpr u64 currentel_value(unsigned el) { return u64{el} << 2; }

} // namespace gimbal::aarch64
