// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "app/cli/run_config.hpp"
#include "app/user_error.hpp"

namespace gimbal {

enum class SettingKind : u8 {
    text,
    boolean, ///< A flag without a value.
    number,
    list, ///< Words separated by commas, or a TOML array of strings.
};

/// One thing that `gimbal run` can be told. The command line, the configuration file and both their error messages
/// come from this one list.
struct Setting {
    const char* key;        ///< In vm.toml; null if it cannot stand there.
    const char* flag;       ///< On the command line, with its dashes; null if it is no flag.
    const char* value_name; ///< In --help; null for boolean.
    const char* help;
    SettingKind kind;
    /// `base` is what relative paths are relative to: empty, or ends in a slash. boolean: `value` is "true" or "false".
    Result<void, UserError> (*apply)(RunConfig& config, const std::string& value, const std::string& base);
};

std::span<const Setting> run_settings();

/// The one of `known` that `given` was probably meant to be; empty if none is near.
std::string_view closest(std::string_view given, std::span<const std::string_view> known);

/// "; did you mean 'kernel'?", or nothing.
std::string suggestion(std::string_view given, std::span<const std::string_view> known);

} // namespace gimbal
