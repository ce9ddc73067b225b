// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "app/cli/settings.hpp"

namespace gimbal {

/// --disk: "PATH" or "PATH,ro".
Result<void, UserError> add_disk(RunConfig& config, const std::string& value, const std::string& base);
/// --net: "user" and any number of ",hostfwd=tcp:[ADDRESS:]HOST_PORT:GUEST_PORT".
Result<void, UserError> add_net(RunConfig& config, const std::string& value, const std::string& base);
inline void clear_disks(RunConfig& config) { config.disks.clear(); }
inline void clear_nets(RunConfig& config) { config.nets.clear(); }

namespace detail {
Result<void, UserError> set_disk_path(RunConfig& config, const std::string& value, const std::string& base);
Result<void, UserError> set_disk_readonly(RunConfig& config, const std::string& value, const std::string& base);
Result<void, UserError> set_net_mode(RunConfig& config, const std::string& value, const std::string& base);
Result<void, UserError> set_net_forwards(RunConfig& config, const std::string& value, const std::string& base);

inline constexpr TableKey disk_keys[] = {
    {"path", SettingKind::text, set_disk_path, true},
    {"readonly", SettingKind::boolean, set_disk_readonly},
};
inline constexpr TableKey net_keys[] = {
    {"mode", SettingKind::text, set_net_mode, true},
    {"hostfwd", SettingKind::list, set_net_forwards},
};
} // namespace detail

/// [[disk]] and [[net]].
inline constexpr Table disk_table{"disk", true, detail::disk_keys,
                                  [](RunConfig& config) { config.disks.emplace_back(); }};
inline constexpr Table net_table{"net", true, detail::net_keys, [](RunConfig& config) { config.nets.emplace_back(); }};

} // namespace gimbal
