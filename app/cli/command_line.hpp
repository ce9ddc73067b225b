// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <variant>

#include "app/cli/run_config.hpp"
#include "app/user_error.hpp"

namespace gimbal {

/// Text for standard output, and nothing else to do: --help, --version.
struct ShowText {
    std::string text;
};

/// `gimbal doctor`
struct Doctor {};

using Command = std::variant<ShowText, RunConfig, PackConfig, Doctor>;

/// What the arguments ask for. Configuration files are read here; flags win over them.
Result<Command, UserError> parse_command_line(int argc, const char* const* argv);

} // namespace gimbal
