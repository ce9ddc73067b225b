// SPDX-License-Identifier: Apache-2.0
#include "app/cli/devices.hpp"

#include <arpa/inet.h>

#include <charconv>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "app/cli/path_setting.hpp"

namespace gimbal {
namespace {

using Applied = Result<void, UserError>;

std::vector<std::string_view> split(std::string_view text, char separator)
{
    std::vector<std::string_view> parts;
    while (true) {
        const usize at = text.find(separator);
        parts.push_back(text.substr(0, at));
        if (at == std::string_view::npos) return parts;
        text.remove_prefix(at + 1);
    }
}

std::optional<u16> parse_port(std::string_view text)
{
    u16 port = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, port);
    if (error != std::errc{} || rest != end || port == 0) return std::nullopt;
    return port;
}

bool is_ipv4(const std::string& text)
{
    in_addr address{};
    return ::inet_pton(AF_INET, text.c_str(), &address) == 1;
}

/// tcp:HOST_PORT:GUEST_PORT, or with the host's address in front of its port.
Result<HostForward, UserError> parse_forward(std::string_view text)
{
    const auto refuse = [&](std::string_view why) {
        return fail(UserError{fmt::format("'{}' is no port to forward: {}; expected tcp:[ADDRESS:]HOST_PORT:GUEST_PORT "
                                          "or udp:..., such as tcp:8080:80",
                                          text, why)});
    };
    const std::vector<std::string_view> parts = split(text, ':');
    HostForward forward;
    if (parts[0] == "tcp")
        forward.protocol = Protocol::tcp;
    else if (parts[0] == "udp")
        forward.protocol = Protocol::udp;
    else
        return refuse("it is neither tcp nor udp");
    if (parts.size() != 3 && parts.size() != 4) return refuse(fmt::format("it has {} parts", parts.size()));
    if (parts.size() == 4) forward.host_address = parts[1];
    if (!is_ipv4(forward.host_address)) return refuse(fmt::format("'{}' is no IPv4 address", forward.host_address));
    for (const usize at : {parts.size() - 2, parts.size() - 1}) {
        const auto port = parse_port(parts[at]);
        if (!port) return refuse(fmt::format("'{}' is no port from 1 to 65535", parts[at]));
        (at + 1 == parts.size() ? forward.guest_port : forward.host_port) = *port;
    }
    return forward;
}

Applied add_forward(RunConfig& config, std::string_view text)
{
    GIMBAL_TRY(forward, parse_forward(text));
    for (const NetConfig& net : config.nets)
        for (const HostForward& other : net.forwards)
            if (other.protocol == forward.protocol && other.host_port == forward.host_port &&
                other.host_address == forward.host_address)
                return fail(UserError{
                    fmt::format("port {} of {} is forwarded twice", forward.host_port, forward.host_address)});
    config.nets.back().forwards.push_back(std::move(forward));
    return {};
}

} // namespace

Applied add_disk(RunConfig& config, const std::string& value, const std::string& base)
{
    const usize comma = value.rfind(',');
    config.disks.emplace_back();
    if (comma != std::string::npos) {
        const std::string option = value.substr(comma + 1);
        if (option != "ro")
            return fail(UserError{fmt::format("'{}' is no option of a disk; expected PATH or PATH,ro (a path with a "
                                              "comma can stand in the file of --config)",
                                              option)});
        config.disks.back().read_only = true;
    }
    return apply_path(config.disks.back().path, value.substr(0, comma), base, "disk");
}

Applied add_net(RunConfig& config, const std::string& value, const std::string& base)
{
    constexpr std::string_view forward = "hostfwd=";
    const std::vector<std::string_view> words = split(value, ',');
    config.nets.emplace_back();
    GIMBAL_TRY_VOID(detail::set_net_mode(config, std::string(words[0]), base));
    for (const std::string_view word : std::span(words).subspan(1)) {
        if (!word.starts_with(forward)) {
            constexpr std::string_view known[] = {"hostfwd"};
            return fail(UserError{fmt::format("'{}' is no option of a network{}; expected hostfwd=tcp:8080:80", word,
                                              suggestion(word.substr(0, word.find('=')), known))});
        }
        GIMBAL_TRY_VOID(add_forward(config, word.substr(forward.size())));
    }
    return {};
}

Applied detail::set_disk_path(RunConfig& config, const std::string& value, const std::string& base)
{
    return apply_path(config.disks.back().path, value, base, "disk");
}

Applied detail::set_disk_readonly(RunConfig& config, const std::string& value, const std::string&)
{
    config.disks.back().read_only = value == "true";
    return {};
}

Applied detail::set_net_mode(RunConfig& config, const std::string& value, const std::string&)
{
    if (value != "user") return fail(UserError{fmt::format("there is no network '{}'; expected user", value)});
    config.nets.back().mode = NetMode::user;
    return {};
}

Applied detail::set_net_forwards(RunConfig& config, const std::string& value, const std::string&)
{
    if (value.empty()) return {};
    for (const std::string_view word : split(value, ',')) GIMBAL_TRY_VOID(add_forward(config, word));
    return {};
}

} // namespace gimbal
