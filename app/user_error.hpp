// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.hpp"

namespace gimbal {

/// A fault of what the user gave us: one sentence or two for standard error, without the "gimbal: " in front. It says
/// what was found, what was expected and, where that is not plain, what to do. The command ends with status 2.
struct UserError {
    std::string message;
};

} // namespace gimbal
