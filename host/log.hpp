// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/types.hpp"
#include <optional>
#include <string>
#include <string_view>

#include "host/error.hpp"

namespace gimbal::host {

enum class LogLevel : u8 { trace, debug, info, warn, error, off };
std::optional<LogLevel> parse_log_level(std::string_view name);
inline constexpr const char* log_level_names = "trace, debug, info, warn, error, off";

/// A line of --trace: goes where the log goes, whatever its level.
void trace_line(std::string_view line);

/// Sends everything logged with spdlog to standard error, or to `path` (appended). Never to standard output, which is
/// the guest's console. Guest-provokable messages are rate-limited where they are made.
Result<void, HostError> start_log(LogLevel level, const std::string& path);

} // namespace gimbal::host
