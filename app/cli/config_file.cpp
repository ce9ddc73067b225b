// SPDX-License-Identifier: Apache-2.0
#include "app/cli/config_file.hpp"

#include <filesystem>
#include <optional>
#include <vector>

#include <fmt/format.h>

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include "app/cli/settings.hpp"
#include "host/file.hpp"

namespace gimbal {
namespace {

constexpr u64 config_file_limit = u64{1} << 20;

const char* expected_kind(SettingKind kind)
{
    switch (kind) {
    case SettingKind::text: return "a string";
    case SettingKind::boolean: return "true or false";
    case SettingKind::number: return "a number";
    case SettingKind::list: return "a string or an array of strings";
    }
    return "";
}

std::optional<std::string> list_text(const toml::array& array)
{
    std::string text;
    for (const toml::node& node : array) {
        if (!node.is_string()) return std::nullopt;
        if (!text.empty()) text += ',';
        text += node.as_string()->get();
    }
    return text;
}

/// The value as the command line would spell it; none if it is of the wrong kind.
std::optional<std::string> value_text(const toml::node& node, SettingKind kind)
{
    const auto text = [&]() -> std::optional<std::string> {
        if (!node.is_string()) return std::nullopt;
        return node.as_string()->get();
    };
    switch (kind) {
    case SettingKind::text: return text();
    case SettingKind::boolean:
        if (!node.is_boolean()) return std::nullopt;
        return node.as_boolean()->get() ? "true" : "false";
    case SettingKind::number:
        if (node.is_integer()) return fmt::format("{}", node.as_integer()->get());
        if (node.is_floating_point()) return fmt::format("{}", node.as_floating_point()->get());
        return std::nullopt;
    case SettingKind::list: return node.is_array() ? list_text(*node.as_array()) : text();
    }
    return std::nullopt;
}

const Setting* find_setting(std::string_view key)
{
    for (const Setting& setting : run_settings())
        if (setting.key != nullptr && key == setting.key) return &setting;
    return nullptr;
}

std::string unknown_key(std::string_view key)
{
    std::vector<std::string_view> known;
    for (const Setting& setting : run_settings())
        if (setting.key != nullptr) known.emplace_back(setting.key);
    return fmt::format("unknown key '{}'{}", key, suggestion(key, known));
}

} // namespace

Result<void, UserError> apply_config(RunConfig& config, std::string_view text, const std::string& path)
{
    const toml::parse_result parsed = toml::parse(text);
    if (!parsed)
        return fail(UserError{
            fmt::format("{}:{}: {}", path, parsed.error().source().begin.line, parsed.error().description())});
    const usize slash = path.rfind('/');
    const std::string base = slash == std::string::npos ? "" : path.substr(0, slash + 1);
    for (const auto& [key, node] : parsed.table()) {
        const auto refuse = [&](std::string_view why) {
            return fail(UserError{fmt::format("{}:{}: {}", path, key.source().begin.line, why)});
        };
        const Setting* const setting = find_setting(key.str());
        if (setting == nullptr) return refuse(unknown_key(key.str()));
        const auto value = value_text(node, setting->kind);
        if (!value) return refuse(fmt::format("'{}' must be {}", key.str(), expected_kind(setting->kind)));
        if (const auto applied = setting->apply(config, *value, base); !applied)
            return refuse(fmt::format("{}: {}", key.str(), applied.error().message));
    }
    return {};
}

Result<void, UserError> read_config_file(RunConfig& config, const std::string& path)
{
    const auto bytes = host::read_regular_file(path, config_file_limit);
    if (!bytes) return fail(UserError{fmt::format("configuration '{}': {}", path, bytes.error().message)});
    config.name = std::filesystem::path(path).stem().string();
    return apply_config(config, {reinterpret_cast<const char*>(bytes->data()), bytes->size()}, path);
}

} // namespace gimbal
