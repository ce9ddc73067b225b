// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "app/cli/run_config.hpp"
#include "app/user_error.hpp"

namespace gimbal {

/// Checks everything, writes the image in one step, and returns what is in it and how to boot it: whole lines.
Result<std::string, UserError> pack_image(const PackConfig& config);

} // namespace gimbal
