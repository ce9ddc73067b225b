// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/types.hpp"

namespace gimbal::el2 {

/// V0..V31, FPCR and FPSR, in the layout that the assembly knows (offsets.cpp).
struct alignas(16) FpState {
    u64 v[32][2]{};
    u64 fpcr{};
    u64 fpsr{};
};
static_assert(sizeof(FpState) == 528);

/// CPTR_EL2 with HCR_EL2.E2H = 0: RES1 bits, and SVE, SME and the trace registers trap for good.
inline constexpr u64 cptr_el2_open = 0x33FF | u64{1} << 20;
inline constexpr u64 cptr_el2_fp_traps = cptr_el2_open | u64{1} << 10; ///< TFP

} // namespace gimbal::el2
