// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "app/cli/settings.hpp"
#include "app/user_error.hpp"

namespace gimbal {

/// Reads vm.toml's `text` into `config`. `path` is for messages, and relative paths inside are relative to its folder.
/// Messages start with "path:line: ". Unknown keys are errors.
Result<void, UserError> apply_config(RunConfig& config, std::string_view text, const std::string& path,
                                     std::span<const Table> tables = run_tables());

/// The same for the file at `path`; sets the name to the file's stem if it gives none.
Result<void, UserError> read_config_file(RunConfig& config, const std::string& path);

} // namespace gimbal
