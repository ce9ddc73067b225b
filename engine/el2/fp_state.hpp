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

} // namespace gimbal::el2
