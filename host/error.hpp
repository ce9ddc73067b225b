// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.hpp"

namespace gimbal::host {

/// What the host refused, as a sentence fragment without the path: "No such file or directory", "it is a directory".
struct HostError {
    std::string message;
    int code{}; ///< errno; zero if the refusal is ours.
};

/// From errno (or a value of it): the system's own words.
HostError system_error(int code);

} // namespace gimbal::host
