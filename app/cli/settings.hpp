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
    list,    ///< Words separated by commas, or a TOML array of strings.
    numbers, ///< A TOML array of numbers; only in tables.
    tables,  ///< A TOML array of tables; only in tables.
};

/// `base` is what relative paths are relative to: empty, or ends in a slash. boolean: `value` is "true" or "false".
using ApplySetting = Result<void, UserError> (*)(RunConfig& config, const std::string& value, const std::string& base);

/// One thing that `gimbal run` can be told. The command line, the configuration file and both their error messages
/// come from this one list.
struct Setting {
    const char* key;        ///< In vm.toml; null if it cannot stand there.
    const char* flag;       ///< On the command line, with its dashes; null if it is no flag.
    const char* value_name; ///< In --help; null for boolean.
    const char* help;
    SettingKind kind;
    ApplySetting apply;
    /// A flag that may be given several times: forgets what the file said, before the first of them. Null: only once.
    void (*clear)(RunConfig& config){};
};

struct Table;

/// A key inside one of vm.toml's tables.
struct TableKey {
    const char* key;
    SettingKind kind;
    ApplySetting apply{}; ///< To the table that was begun last. Null: only the kind is checked.
    bool required{};
    const Table* table{}; ///< SettingKind::tables: what each of them may hold.
};

/// A table that vm.toml may hold.
struct Table {
    const char* key;
    bool repeated; ///< [[key]], any number of times; else [key], once.
    std::span<const TableKey> keys;
    void (*begin)(RunConfig& config){};
};

std::span<const Setting> run_settings();
std::span<const Table> run_tables();

/// The one of `known` that `given` was probably meant to be; empty if none is near.
std::string_view closest(std::string_view given, std::span<const std::string_view> known);

/// "; did you mean 'kernel'?", or nothing.
std::string suggestion(std::string_view given, std::span<const std::string_view> known);

} // namespace gimbal
