// SPDX-License-Identifier: Apache-2.0
#include "app/cli/pack_arguments.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "app/cli/config_file.hpp"
#include "app/cli/settings.hpp"
#include "bare/payload.hpp"

namespace gimbal {
namespace {

Result<PackTarget, UserError> parse_target(const std::string& name)
{
    if (name == "el2") return PackTarget::el2;
    constexpr std::string_view known[] = {"el2"};
    return fail(
        UserError{fmt::format("--target: there is no target '{}'{}; expected el2", name, suggestion(name, known))});
}

Result<std::string, UserError> only_value(const CLI::Option& option, const char* flag)
{
    if (option.count() > 1) return fail(UserError{fmt::format("{} is given twice", flag)});
    std::string value = option.count() == 0 ? "" : option.as<std::string>();
    if (option.count() == 1 && value.empty()) return fail(UserError{fmt::format("{}: it is empty", flag)});
    return value;
}

} // namespace

PackArguments::PackArguments(CLI::App& app)
    : pack_(app.add_subcommand("pack", "Make a bootable type-1 image of one or more virtual machines")),
      files_(pack_->add_option("vm.toml", "The virtual machines, as for 'gimbal run --config'")),
      target_(pack_->add_option("--target", "What the image is for: el2, an AArch64 machine that starts at EL2")),
      output_(pack_->add_option("-o,--output", "Where the image goes")),
      hypervisor_(pack_->add_option("--hypervisor", "Take this gimbal-el2.bin (default: the one of this command)"))
{
    pack_->allow_extras();
    files_->type_name("FILE")
        ->allow_extra_args()
        ->expected(1, CLI::detail::expected_max_vector_size)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    target_->type_name("NAME")->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    output_->type_name("FILE")->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    hypervisor_->type_name("FILE")->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    pack_->footer("Example: gimbal pack web.toml db.toml --target el2 -o image\n"
                  "How to boot the image is printed when it is made.");
}

bool PackArguments::given() const { return pack_->parsed(); }

Result<PackConfig, UserError> PackArguments::collect() const
{
    PackConfig config;
    GIMBAL_TRY(target, only_value(*target_, "--target"));
    GIMBAL_TRY(output, only_value(*output_, "-o"));
    GIMBAL_TRY(hypervisor, only_value(*hypervisor_, "--hypervisor"));
    if (files_->count() == 0)
        return fail(UserError{"no virtual machine is given; try 'gimbal pack vm.toml --target el2 -o image'"});
    if (target.empty()) return fail(UserError{"no target is given; use --target el2"});
    GIMBAL_TRY(parsed_target, parse_target(target));
    config.target = parsed_target;
    if (output.empty()) return fail(UserError{"no place for the image is given; use -o FILE"});
    config.output = std::move(output);
    config.hypervisor = std::move(hypervisor);
    for (const std::string& file : files_->results()) {
        if (config.vms.size() == bare::payload::max_vms)
            return fail(UserError{fmt::format("an image holds at most {} virtual machines; {} are given",
                                              bare::payload::max_vms, files_->count())});
        PackedVm& vm = config.vms.emplace_back();
        vm.file = file;
        GIMBAL_TRY_VOID(read_config_file(vm.config, file));
        if (vm.config.kernel.empty()) return fail(UserError{fmt::format("{}: it names no 'kernel'", file)});
    }
    return config;
}

UserError unknown_pack_option(const std::string& given)
{
    constexpr std::string_view known[] = {"--target", "--output", "--hypervisor", "--help"};
    const std::string near = suggestion(given.substr(0, given.find('=')), known);
    return {fmt::format("unknown option '{}'{}", given, near.empty() ? "; see 'gimbal pack --help'" : near)};
}

} // namespace gimbal
