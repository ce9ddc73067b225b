// SPDX-License-Identifier: Apache-2.0
#include "app/cli/command_line.hpp"

#include <algorithm>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "app/cli/config_file.hpp"
#include "app/cli/pack_arguments.hpp"
#include "app/cli/settings.hpp"

#ifndef GIMBAL_VERSION
#define GIMBAL_VERSION "unknown"
#endif

namespace gimbal {
namespace {

struct Given {
    const Setting* setting;
    CLI::Option* option;
};

struct RunArguments {
    std::vector<Given> given;
    CLI::Option* config{};
};

RunArguments declare_run(CLI::App& run)
{
    RunArguments arguments;
    for (const Setting& setting : run_settings()) {
        if (setting.flag == nullptr) continue;
        CLI::Option* option = nullptr;
        if (setting.kind == SettingKind::boolean)
            option = run.add_flag(setting.flag, setting.help)->disable_flag_override();
        else
            option = run.add_option(setting.flag, setting.help)->type_name(setting.value_name);
        arguments.given.push_back({&setting, option});
    }
    arguments.config = run.add_option("--config", "Read settings from vm.toml; flags win")->type_name("FILE");
    for (CLI::Option* option : run.get_options()) option->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    for (const Given& given : arguments.given)
        if (given.setting->clear != nullptr) given.option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    return arguments;
}

Result<void, UserError> refuse_leftovers(const CLI::App& app)
{
    const auto leftovers = app.remaining(true);
    if (leftovers.empty()) return {};
    const std::string& first = leftovers.front();
    if (app.get_subcommands().empty()) {
        constexpr std::string_view commands[] = {"run", "pack", "doctor"};
        return fail(
            UserError{fmt::format("unknown command '{}'{}; see 'gimbal --help'", first, suggestion(first, commands))});
    }
    if (app.got_subcommand("doctor"))
        return fail(UserError{fmt::format("unexpected argument '{}'; 'gimbal doctor' takes none", first)});
    if (app.got_subcommand("pack")) return fail(unknown_pack_option(first));
    if (!first.starts_with('-'))
        return fail(UserError{fmt::format("unexpected argument '{}'; see 'gimbal run --help'", first)});
    std::vector<std::string_view> known{"--config", "--help"};
    for (const Setting& setting : run_settings())
        if (setting.flag != nullptr) known.emplace_back(setting.flag);
    const std::string name = first.substr(0, first.find('='));
    const std::string near = suggestion(name, known);
    return fail(
        UserError{fmt::format("unknown option '{}'{}", name, near.empty() ? "; see 'gimbal run --help'" : near)});
}

std::vector<std::string> given_values(const Given& given)
{
    if (given.setting->kind == SettingKind::boolean) return {"true"};
    if (given.setting->clear != nullptr) return given.option->results();
    return {given.option->as<std::string>()};
}

Result<RunConfig, UserError> collect_run(const RunArguments& arguments)
{
    RunConfig config;
    for (const Given& given : arguments.given)
        if (given.option->count() > 1 && given.setting->clear == nullptr)
            return fail(UserError{fmt::format("{} is given twice", given.setting->flag)});
    if (arguments.config->count() > 1) return fail(UserError{"--config is given twice"});
    if (arguments.config->count() != 0) GIMBAL_TRY_VOID(read_config_file(config, arguments.config->as<std::string>()));
    for (const Given& given : arguments.given) {
        if (given.option->count() == 0) continue;
        if (given.setting->clear != nullptr) given.setting->clear(config);
        for (const std::string& value : given_values(given))
            if (const auto applied = given.setting->apply(config, value, ""); !applied)
                return fail(UserError{fmt::format("{}: {}", given.setting->flag, applied.error().message)});
    }
    if (config.kernel.empty())
        return fail(UserError{"no kernel is given; use --kernel FILE, or 'kernel' in the file of --config"});
    return config;
}

} // namespace

Result<Command, UserError> parse_command_line(int argc, const char* const* argv)
{
    CLI::App app("Gimbal runs AArch64 Linux virtual machines.", "gimbal");
    app.set_version_flag("--version", "gimbal " GIMBAL_VERSION, "Print the version");
    app.allow_extras();
    CLI::App& run = *app.add_subcommand("run", "Run a virtual machine until it powers off");
    run.allow_extras();
    run.footer(
        "Keys: Ctrl-A X quits, Ctrl-A C opens the monitor, Ctrl-A A sends Ctrl-A.\n"
        "SIGTERM presses the guest's power key; a second one stops the VM.\n"
        "Exit status: 0 powered off or quit, 1 internal error, 2 bad usage or input, 3 reset under --no-reboot,\n"
        "4 guest fault, 5 --timeout ran out, 130 or 143 stopped by SIGINT or SIGTERM.");
    const RunArguments arguments = declare_run(run);
    const PackArguments pack(app);
    CLI::App& doctor = *app.add_subcommand("doctor", "Say which engines work here and which one 'auto' picks");
    doctor.allow_extras();
    try {
        app.parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
        const auto chosen = app.get_subcommands();
        return ShowText{chosen.empty() ? app.help() : chosen.front()->help("gimbal")};
    } catch (const CLI::CallForVersion& version) {
        return ShowText{fmt::format("{}\n", version.what())};
    } catch (const CLI::ParseError& error) {
        return fail(UserError{error.what()});
    }
    GIMBAL_TRY_VOID(refuse_leftovers(app));
    if (doctor.parsed()) return Command{Doctor{}};
    if (pack.given()) {
        GIMBAL_TRY(pack_config, pack.collect());
        return Command{std::move(pack_config)};
    }
    if (!run.parsed()) return fail(UserError{"no command is given; try 'gimbal run --kernel FILE' or 'gimbal --help'"});
    GIMBAL_TRY(config, collect_run(arguments));
    return Command{std::move(config)};
}

} // namespace gimbal
