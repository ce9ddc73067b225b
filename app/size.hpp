// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "app/user_error.hpp"
#include "base/types.hpp"

namespace gimbal {

/// "512M", "2G", "65536K", "1048576B": a whole number and a unit (B, K, M, G, T, powers of 1024; "MiB" and "MB" mean
/// M). A bare number is refused, because tools disagree about its unit.
Result<u64, UserError> parse_size(std::string_view text);

/// The shortest exact spelling with a unit: 512 MiB, 1 GiB, 1000 bytes.
std::string format_size(u64 bytes);

} // namespace gimbal
