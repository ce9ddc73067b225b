// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "app/user_error.hpp"
#include "base/types.hpp"

namespace gimbal {

/// A hypervisor's flat binary, checked.
struct Hypervisor {
    std::vector<u8> image; ///< As large as it says that it is in memory.
    u32 parts{};           ///< bare::payload::part_*, what it has for its guests.
};

Result<Hypervisor, UserError> load_hypervisor(const std::string& path);

/// Where the one is that belongs to this command: beside it, or in ../lib/gimbal from it.
Result<std::string, UserError> find_hypervisor();

} // namespace gimbal
