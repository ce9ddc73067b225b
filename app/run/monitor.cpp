// SPDX-License-Identifier: Apache-2.0
#include "app/run/monitor.hpp"

#include <array>
#include <vector>

#include <fmt/format.h>

#include "app/cli/settings.hpp"

namespace gimbal {
namespace {

constexpr usize longest_line = 256;
constexpr std::string_view greeting =
    "Gimbal's monitor: 'help' lists the commands, an empty line returns to the guest.\n";

namespace control_key {
constexpr u8 c = 0x03;
constexpr u8 d = 0x04;
constexpr u8 backspace = 0x08;
constexpr u8 u = 0x15;
constexpr u8 w = 0x17;
constexpr u8 escape = 0x1b;
constexpr u8 del = 0x7f;
} // namespace control_key

struct Command {
    std::string_view name;
    std::string_view help;
    std::string (MonitorTarget::*run)(); ///< Null: of the monitor itself.
    bool closes{};                       ///< The user wants to see the guest next.
};

constexpr auto commands = std::to_array<Command>({
    {"continue", "go back to the guest's console, as Ctrl-A C does", nullptr, true},
    {"help", "list the commands", nullptr},
    {"info", "show engine, vCPUs, memory, disks and networks", &MonitorTarget::monitor_info},
    {"pause", "stop the guest and its clock", &MonitorTarget::monitor_pause},
    {"powerdown", "press the power key", &MonitorTarget::monitor_power_down, true},
    {"reset", "reset the guest at once", &MonitorTarget::monitor_reset, true},
    {"resume", "let a paused guest go on", &MonitorTarget::monitor_resume},
    {"stop", "end the VM at once, with status 0", &MonitorTarget::monitor_stop, true},
});

std::string help()
{
    std::string text;
    for (const Command& command : commands) text += fmt::format("  {:<10} {}\n", command.name, command.help);
    return text;
}

std::string_view trim(std::string_view text)
{
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    return text;
}

} // namespace

std::string run_monitor_command(std::string_view line, MonitorTarget& target, bool& closes)
{
    const std::string_view word = trim(line);
    closes = word.empty();
    if (closes) return {};
    for (const Command& command : commands) {
        if (command.name != word) continue;
        closes = command.closes;
        if (command.run != nullptr) return (target.*command.run)();
        return command.closes ? "" : help();
    }
    std::vector<std::string_view> names;
    for (const Command& command : commands) names.push_back(command.name);
    const std::string near = suggestion(word, names);
    return fmt::format("unknown command '{}'{}\n", word, near.empty() ? "; 'help' lists them" : near);
}

void Monitor::toggle()
{
    if (open_) return close();
    open_ = true;
    line_.clear();
    escape_ = Escape::none;
    port_.open_overlay(*this, greeting);
}

void Monitor::close()
{
    if (!open_) return;
    open_ = false;
    port_.close_overlay();
    if (const std::string words = target_.monitor_closed(); !words.empty()) port_.print(words);
}

/// Arrow and function keys (ECMA-48, CSI and SS3): Up brings the last line back, the others do nothing.
bool Monitor::skip_escape_sequence(u8 byte)
{
    switch (escape_) {
    case Escape::none:
        if (byte != control_key::escape) return false;
        escape_ = Escape::started;
        return true;
    case Escape::started: escape_ = byte == '[' || byte == 'O' ? Escape::sequence : Escape::none; return true;
    case Escape::sequence:
        if (byte < '@' || byte > '~') return true;
        escape_ = Escape::none;
        if (byte == 'A') line_ = last_line_;
        port_.prompt_changed();
        return true;
    }
    return false;
}

void Monitor::edit(u8 byte)
{
    if (byte == control_key::backspace || byte == control_key::del) {
        if (!line_.empty()) line_.pop_back();
    } else if (byte == control_key::c || byte == control_key::u) {
        line_.clear();
    } else if (byte == control_key::w) {
        while (!line_.empty() && line_.back() == ' ') line_.pop_back();
        while (!line_.empty() && line_.back() != ' ') line_.pop_back();
    } else if (byte >= ' ' && byte < control_key::del && line_.size() < longest_line) {
        line_ += static_cast<char>(byte);
    }
    port_.prompt_changed();
}

void Monitor::enter()
{
    const std::string typed = prompt() + "\n";
    const std::string line = std::exchange(line_, {});
    if (!line.empty()) last_line_ = line;
    bool closes = false;
    const std::string answer = run_monitor_command(line, target_, closes);
    port_.print(typed + answer);
    if (closes) close();
}

void Monitor::key(u8 byte)
{
    if (skip_escape_sequence(byte)) return;
    if (byte == '\r' || byte == '\n') return enter();
    if (byte == control_key::d && line_.empty()) return close();
    edit(byte);
}

} // namespace gimbal
