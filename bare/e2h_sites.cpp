// SPDX-License-Identifier: Apache-2.0
#include "bare/e2h_sites.hpp"

#include "arch/aarch64/e2h.hpp"

namespace gimbal::bare {

bool rename_for_e2h(std::span<const E2hSite> sites)
{
    for (const E2hSite& site : sites) {
        u32* const instruction = site.instruction();
        const auto renamed = aarch64::e2h_instruction(*instruction);
        if (!renamed) return false;
        *instruction = *renamed;
    }
    return true;
}

} // namespace gimbal::bare
