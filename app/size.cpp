// SPDX-License-Identifier: Apache-2.0
#include "app/size.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

#include <fmt/format.h>

#include "base/bits.hpp"

namespace gimbal {
namespace {

/// The power of 1024 that a unit stands for; -1 for what is none.
int unit_power(std::string_view unit)
{
    static constexpr std::string_view letters = "BKMGT";
    const char first = static_cast<char>(std::toupper(static_cast<unsigned char>(unit.front())));
    const usize power = letters.find(first);
    if (power == std::string_view::npos) return -1;
    std::string_view rest = unit.substr(1);
    if (power > 0 && rest.starts_with('i')) {
        rest.remove_prefix(1);
        if (rest.empty()) return -1;
    }
    if (power > 0 && (rest == "B" || rest == "b")) rest.remove_prefix(1);
    return rest.empty() ? static_cast<int>(power) : -1;
}

} // namespace

Result<u64, UserError> parse_size(std::string_view text)
{
    const auto refuse = [&](std::string_view why) {
        return fail(
            UserError{fmt::format("'{}' is not a size: {}; write a number and a unit, such as 512M or 2G", text, why)});
    };
    u64 number = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number);
    if (error == std::errc::result_out_of_range) return refuse("the number is too large");
    if (error != std::errc{})
        return refuse(text.starts_with('-') ? "it is negative" : "it does not start with a digit");
    const std::string_view unit(rest, static_cast<usize>(end - rest));
    if (unit.empty()) return refuse("the unit is missing");
    const int power = unit_power(unit);
    if (power < 0) return refuse(fmt::format("'{}' is no unit", unit));
    u64 bytes = 0;
    if (mul_overflows(number, u64{1} << (10 * power), bytes)) return refuse("the number is too large");
    return bytes;
}

std::string format_size(u64 bytes)
{
    static constexpr std::array<const char*, 5> names{"bytes", "KiB", "MiB", "GiB", "TiB"};
    usize unit = 0;
    while (unit + 1 < names.size() && bytes != 0 && bytes % 1024 == 0) {
        bytes /= 1024;
        ++unit;
    }
    return fmt::format("{} {}", bytes, names[unit]);
}

} // namespace gimbal
