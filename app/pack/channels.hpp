// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "app/cli/run_config.hpp"
#include "app/user_error.hpp"
#include "bare/payload.hpp"

namespace gimbal {

/// The channels that the VMs name, each by exactly two of them with the same size. To each VM they are numbered in the
/// order of its file.
Result<std::vector<bare::payload::Channel>, UserError> join_channels(const std::vector<PackedVm>& vms);

} // namespace gimbal
