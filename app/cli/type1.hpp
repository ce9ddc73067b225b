// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "app/cli/settings.hpp"

namespace gimbal {
namespace detail {
Result<void, UserError> set_priority(RunConfig& config, const std::string& value, const std::string& base);
Result<void, UserError> set_affinity(RunConfig& config, const std::string& value, const std::string& base);
Result<void, UserError> set_budget(RunConfig& config, const std::string& value, const std::string& base);
Result<void, UserError> set_passthrough(RunConfig& config, const std::string& value, const std::string& base);
Result<void, UserError> set_channel_name(RunConfig& config, const std::string& value, const std::string& base);
Result<void, UserError> set_channel_size(RunConfig& config, const std::string& value, const std::string& base);

inline constexpr TableKey channel_keys[] = {
    {"name", SettingKind::text, set_channel_name, true},
    {"size", SettingKind::text, set_channel_size, true},
};
inline constexpr Table channel_table{"channels", true, channel_keys,
                                     [](RunConfig& config) { config.type1.channels.emplace_back(); }};
inline constexpr TableKey type1_keys[] = {
    {"priority", SettingKind::number, set_priority},
    {"affinity", SettingKind::numbers, set_affinity},
    {"budget", SettingKind::number, set_budget},
    {"passthrough", SettingKind::list, set_passthrough},
    {"channels", SettingKind::tables, nullptr, false, &channel_table},
};
} // namespace detail

/// [type1]. `run` checks it and uses none of it, because one file serves both commands.
inline constexpr Table type1_table{"type1", false, detail::type1_keys};

} // namespace gimbal
