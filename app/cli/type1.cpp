// SPDX-License-Identifier: Apache-2.0
#include "app/cli/type1.hpp"

#include <charconv>
#include <optional>

#include <fmt/format.h>

#include "app/size.hpp"
#include "bare/payload.hpp"
#include "base/bits.hpp"

namespace gimbal::detail {
namespace {

using Applied = Result<void, UserError>;

std::optional<u32> parse_number(std::string_view text, u32 limit)
{
    u32 number = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc{} || rest != end || number > limit) return std::nullopt;
    return number;
}

/// Calls `take` for each word between commas.
template <class Take>
Applied for_each_word(std::string_view text, const Take& take)
{
    while (!text.empty()) {
        const usize comma = text.find(',');
        GIMBAL_TRY_VOID(take(text.substr(0, comma)));
        text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
    }
    return {};
}

} // namespace

Applied set_priority(RunConfig& config, const std::string& value, const std::string&)
{
    const auto priority = parse_number(value, bare::payload::max_priority);
    if (!priority)
        return fail(UserError{fmt::format("'{}' is no priority; expected 0 to {}, of which a larger one runs first",
                                          value, bare::payload::max_priority)});
    config.type1.priority = *priority;
    return {};
}

Applied set_affinity(RunConfig& config, const std::string& value, const std::string&)
{
    if (value.empty()) return fail(UserError{"it names no CPU; leave it out to let the VM run on any"});
    config.type1.affinity = 0;
    return for_each_word(value, [&](std::string_view word) -> Applied {
        const auto cpu = parse_number(word, bare::payload::max_host_cpus - 1);
        if (!cpu)
            return fail(
                UserError{fmt::format("'{}' is no CPU; expected 0 to {}", word, bare::payload::max_host_cpus - 1)});
        if (test_bit(config.type1.affinity, *cpu)) return fail(UserError{fmt::format("CPU {} is named twice", *cpu)});
        config.type1.affinity |= bit(*cpu);
        return {};
    });
}

Applied set_budget(RunConfig& config, const std::string& value, const std::string&)
{
    const auto budget = parse_number(value, bare::payload::max_budget);
    if (!budget || *budget == 0)
        return fail(UserError{fmt::format("'{}' is no budget; expected 1 to {}, percent of a CPU for each vCPU", value,
                                          bare::payload::max_budget)});
    config.type1.budget = *budget;
    return {};
}

Applied set_passthrough(RunConfig& config, const std::string& value, const std::string&)
{
    return for_each_word(value, [&](std::string_view word) -> Applied {
        config.type1.passthrough.emplace_back(word);
        return {};
    });
}

Applied set_channel_name(RunConfig& config, const std::string& value, const std::string&)
{
    if (value.empty()) return fail(UserError{"the channel's name is empty"});
    config.type1.channels.back().name = value;
    return {};
}

Applied set_channel_size(RunConfig& config, const std::string& value, const std::string&)
{
    GIMBAL_TRY(size, parse_size(value));
    config.type1.channels.back().size = size;
    return {};
}

} // namespace gimbal::detail
