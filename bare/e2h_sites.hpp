// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "base/types.hpp"

namespace gimbal::bare {

/// Where an instruction that EL2 must spell differently under HCR_EL2.E2H stands: counted from this word.
struct E2hSite {
    i32 offset;
    u32* instruction() const
    {
        return reinterpret_cast<u32*>(reinterpret_cast<u64>(this) + static_cast<u64>(i64{offset}));
    }
};

/// Gives every register access of the list its name under E2H. Before the MMU protects code, on the first CPU, which
/// has to invalidate its instruction cache then. False: one is not what it should be, or was renamed before; the image
/// is damaged.
bool rename_for_e2h(std::span<const E2hSite> sites);

} // namespace gimbal::bare
