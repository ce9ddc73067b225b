// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/types.hpp"

namespace gimbal::bare {

/// What boot.S gives a secondary CPU before it can run C++ (offsets.cpp). Written with the MMU on, read with it off:
/// cleaned to memory first.
struct CpuStart {
    u64 stack; ///< The end, 16-byte aligned.
    u64 hcr;
    u64 mair;
    u64 tcr;
    u64 ttbr;
    u64 sctlr;
    void* cpu; ///< bare_secondary_main's argument.
};

} // namespace gimbal::bare
