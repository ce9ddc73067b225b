// SPDX-License-Identifier: Apache-2.0
#include "app/cli/settings.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <numeric>
#include <vector>

#include <fmt/format.h>

#include "app/cli/devices.hpp"
#include "app/cli/path_setting.hpp"
#include "app/cli/type1.hpp"
#include "app/size.hpp"
#include "vm/aarch64/board.hpp"
#include "vm/device_tree/aarch64.hpp"

namespace gimbal {
namespace {

using Applied = Result<void, UserError>;

constexpr u64 memory_min = u64{1} << 20;
constexpr u64 memory_granule = u64{64} << 10; // a page of every guest
constexpr double timeout_max = 1e9;
constexpr u32 cpus_max = std::min<u32>(max_vcpus, board::aarch64::max_cpus);

Applied apply_name(RunConfig& config, const std::string& value, const std::string&)
{
    if (value.empty()) return fail(UserError{"the name is empty"});
    config.name = value;
    return {};
}

Applied apply_kernel(RunConfig& config, const std::string& value, const std::string& base)
{
    return apply_path(config.kernel, value, base, "kernel");
}

Applied apply_initrd(RunConfig& config, const std::string& value, const std::string& base)
{
    return apply_path(config.initrd, value, base, "initrd");
}

Applied apply_cmdline(RunConfig& config, const std::string& value, const std::string&)
{
    if (value.size() > device_tree::max_bootargs)
        return fail(UserError{fmt::format("the kernel command line has {} characters; Linux takes at most {}",
                                          value.size(), device_tree::max_bootargs)});
    if (value.find('\0') != std::string::npos) return fail(UserError{"the kernel command line has a NUL in it"});
    config.cmdline = value;
    return {};
}

Applied apply_memory(RunConfig& config, const std::string& value, const std::string&)
{
    GIMBAL_TRY(size, parse_size(value));
    const u64 memory_max = board::aarch64::location(board::aarch64::Part::ram).size;
    if (size < memory_min || size > memory_max)
        return fail(UserError{fmt::format("{} of memory cannot be had; the board takes {} to {}", format_size(size),
                                          format_size(memory_min), format_size(memory_max))});
    if (size % memory_granule != 0)
        return fail(UserError{
            fmt::format("a memory size of {} is no multiple of {}", format_size(size), format_size(memory_granule))});
    config.memory = size;
    return {};
}

Applied apply_cpus(RunConfig& config, const std::string& value, const std::string&)
{
    u32 count = 0;
    const char* const end = value.data() + value.size();
    const auto [rest, error] = std::from_chars(value.data(), end, count);
    const bool is_count = error == std::errc{} && rest == end;
    if (!is_count || count < 1 || count > cpus_max)
        return fail(UserError{fmt::format("'{}' is no number of CPUs; the board takes 1 to {}", value, cpus_max)});
    config.cpus = count;
    return {};
}

Applied apply_serial(RunConfig& config, const std::string& value, const std::string& base)
{
    constexpr std::string_view file = "file:";
    constexpr std::string_view socket = "unix:";
    if (value == "stdio") {
        config.serial = {host::SerialKind::stdio, {}};
    } else if (value == "null") {
        config.serial = {host::SerialKind::null, {}};
    } else if (value.starts_with(file)) {
        config.serial.kind = host::SerialKind::file;
        return apply_path(config.serial.path, value.substr(file.size()), base, "serial file");
    } else if (value.starts_with(socket)) {
        config.serial.kind = host::SerialKind::unix_socket;
        return apply_path(config.serial.path, value.substr(socket.size()), base, "serial socket");
    } else {
        return fail(
            UserError{fmt::format("'{}' is no serial port; expected stdio, file:PATH, unix:PATH or null", value)});
    }
    return {};
}

Applied apply_console(RunConfig& config, const std::string& value, const std::string&)
{
    if (value == "pl011")
        config.console = ConsoleKind::pl011;
    else if (value == "virtio")
        config.console = ConsoleKind::virtio;
    else
        return fail(UserError{fmt::format("there is no console '{}'; expected pl011 or virtio", value)});
    return {};
}

Applied apply_machine(RunConfig&, const std::string& value, const std::string&)
{
    if (value != "virt") return fail(UserError{fmt::format("there is no machine '{}'; expected virt", value)});
    return {};
}

Applied apply_engine(RunConfig& config, const std::string& value, const std::string&)
{
    config.engine.reset();
    if (value == "auto") return {};
    for (const EngineKind kind : {EngineKind::translator, EngineKind::kvm, EngineKind::hvf})
        if (value == engine_name(kind)) config.engine = kind;
    if (!config.engine) {
        constexpr std::string_view known[] = {"auto", "translator", "kvm", "hvf"};
        const std::string near = suggestion(value, known);
        return fail(UserError{fmt::format("there is no engine '{}'{}", value,
                                          near.empty() ? "; expected auto, translator, kvm or hvf" : near)});
    }
    return {};
}

Applied apply_backend(RunConfig& config, const std::string& value, const std::string&)
{
    config.backend.reset();
    if (value == "auto") return {};
    for (const translator::BackendKind kind : {translator::BackendKind::interpreter, translator::BackendKind::x86_64}) {
        if (value != translator::backend_name(kind) || !translator::has_backend(kind)) continue;
        config.backend = kind;
        return {};
    }
    const bool compiles = translator::has_backend(translator::BackendKind::x86_64);
    return fail(UserError{fmt::format("this build's translator has no backend '{}'; expected auto, {}interpreter",
                                      value, compiles ? "x86_64 or " : "or ")});
}

Applied apply_timeout(RunConfig& config, const std::string& value, const std::string&)
{
    double seconds = 0;
    const char* const end = value.data() + value.size();
    const auto [rest, error] = std::from_chars(value.data(), end, seconds);
    if (error != std::errc{} || rest != end || !(seconds > 0) || seconds > timeout_max)
        return fail(
            UserError{fmt::format("'{}' is no time limit; expected a number of seconds above 0, such as 30", value)});
    config.timeout = seconds;
    return {};
}

Applied apply_no_reboot(RunConfig& config, const std::string& value, const std::string&)
{
    config.no_reboot = value == "true";
    return {};
}

Applied apply_count(RunConfig& config, const std::string& value, const std::string&)
{
    config.count = value == "true";
    return {};
}

Applied apply_stats(RunConfig& config, const std::string& value, const std::string& base)
{
    if (value != "-") return apply_path(config.stats, value, base, "statistics file");
    config.stats = value;
    return {};
}

Applied apply_trace(RunConfig& config, const std::string& value, const std::string&)
{
    config.trace = {};
    std::string_view rest = value;
    while (true) {
        const usize comma = rest.find(',');
        const std::string_view word = rest.substr(0, comma);
        if (word == "exits")
            config.trace.exits = true;
        else if (word == "ir")
            config.trace.ir = true;
        else
            return fail(UserError{fmt::format("'{}' cannot be traced; expected exits or ir", word)});
        if (comma == std::string_view::npos) return {};
        rest.remove_prefix(comma + 1);
    }
}

Applied apply_log(RunConfig& config, const std::string& value, const std::string& base)
{
    const usize comma = value.find(',');
    const auto level = host::parse_log_level(value.substr(0, comma));
    if (!level)
        return fail(UserError{
            fmt::format("'{}' is no log level; expected one of {}", value.substr(0, comma), host::log_level_names)});
    config.log_level = *level;
    if (comma == std::string::npos) return {};
    return apply_path(config.log_path, value.substr(comma + 1), base, "log file");
}

constexpr auto settings = std::to_array<Setting>({
    {"name", nullptr, nullptr, "", SettingKind::text, apply_name},
    {"kernel", "--kernel", "FILE", "Kernel: Image, gzip, zstd, EFI zboot or ELF", SettingKind::text, apply_kernel},
    {"initrd", "--initrd", "FILE", "Initial RAM disk", SettingKind::text, apply_initrd},
    {"cmdline", "--cmdline", "TEXT", "Kernel command line (default: the console's name)", SettingKind::text,
     apply_cmdline},
    {"memory", "--memory", "SIZE", "Guest memory, such as 512M or 2G (default: 512M)", SettingKind::text, apply_memory},
    {"cpus", "--cpus", "N", "Guest CPUs (default: 1)", SettingKind::number, apply_cpus},
    {nullptr, "--disk", "PATH[,ro]", "Disk from a raw file or block device; any number of times", SettingKind::text,
     add_disk, clear_disks},
    {nullptr, "--net", "user[,FORWARDS]",
     "Network interface; a forward is hostfwd=tcp:H:G, host port H to guest port G", SettingKind::text, add_net,
     clear_nets},
    {"serial", "--serial", "WHERE", "Console: stdio, file:PATH, unix:PATH or null (default: stdio)", SettingKind::text,
     apply_serial},
    {"console", "--console", "DEVICE", "Which device gets the input: pl011 (default) or virtio", SettingKind::text,
     apply_console},
    {"machine", "--machine", "NAME", "Board: virt (default)", SettingKind::text, apply_machine},
    {"engine", "--engine", "NAME", "auto (default), translator, kvm or hvf; see 'gimbal doctor'", SettingKind::text,
     apply_engine},
    {"translator_backend", "--translator-backend", "NAME", "auto (default), interpreter or x86_64", SettingKind::text,
     apply_backend},
    {"timeout", "--timeout", "SECONDS", "Stop after this long, with status 5", SettingKind::number, apply_timeout},
    {"no_reboot", "--no-reboot", nullptr, "Stop with status 3 when the guest resets", SettingKind::boolean,
     apply_no_reboot},
    {"stats", "--stats", "FILE", "Write statistics as JSON when the VM ends; - is standard output", SettingKind::text,
     apply_stats},
    {"count", "--count", nullptr, "Count guest instructions exactly", SettingKind::boolean, apply_count},
    {"trace", "--trace", "WHAT", "Log every exit, translated block or both: exits, ir or exits,ir", SettingKind::list,
     apply_trace},
    {"log", "--log", "LEVEL[,FILE]", "trace, debug, info, warn, error or off; to stderr or FILE (default: warn)",
     SettingKind::text, apply_log},
});

constexpr auto tables = std::to_array<Table>({disk_table, net_table, type1_table});

/// Edit distance with insertions, deletions and substitutions.
usize distance(std::string_view a, std::string_view b)
{
    std::vector<usize> row(b.size() + 1);
    std::iota(row.begin(), row.end(), usize{0});
    for (usize i = 0; i < a.size(); ++i) {
        usize diagonal = row[0];
        row[0] = i + 1;
        for (usize j = 0; j < b.size(); ++j) {
            const usize substituted = diagonal + (a[i] == b[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({substituted, row[j] + 1, diagonal + 1});
        }
    }
    return row.back();
}

} // namespace

const char* engine_name(EngineKind kind)
{
    switch (kind) {
    case EngineKind::translator: return "translator";
    case EngineKind::kvm: return "kvm";
    case EngineKind::hvf: return "hvf";
    }
    return "";
}

std::span<const Setting> run_settings() { return settings; }
std::span<const Table> run_tables() { return tables; }

std::string_view closest(std::string_view given, std::span<const std::string_view> known)
{
    constexpr usize longest = 64; // nobody mistypes more, and the distance costs its square
    std::string_view best;
    if (given.size() > longest) return best;
    usize best_distance = std::max<usize>(1, given.size() / 3) + 1;
    for (const std::string_view candidate : known) {
        const usize d = distance(given, candidate);
        if (d >= best_distance) continue;
        best_distance = d;
        best = candidate;
    }
    return best;
}

std::string suggestion(std::string_view given, std::span<const std::string_view> known)
{
    const std::string_view near = closest(given, known);
    return near.empty() ? "" : fmt::format("; did you mean '{}'?", near);
}

} // namespace gimbal
