// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <new>
#include <string>
#include <variant>

#include "app/cli/command_line.hpp"
#include "app/doctor/doctor.hpp"
#include "app/pack/pack.hpp"
#include "app/run/run.hpp"
#include "host/signals.hpp"

namespace {

/// Returns the command's exit status.
int show(const std::string& text)
{
    std::fputs(text.c_str(), stdout);
    if (std::fflush(stdout) == 0) return gimbal::exit_status::success;
    std::fprintf(stderr, "gimbal: standard output: %s\n", std::strerror(errno));
    return gimbal::exit_status::internal_error;
}

int run_doctor()
{
    const auto engines = gimbal::run_engines();
    const int shown = show(gimbal::doctor_report(gimbal::host_facts(), engines));
    return gimbal::best_engine(engines) != nullptr ? shown : gimbal::exit_status::internal_error;
}

int refuse(const gimbal::UserError& error)
{
    std::fprintf(stderr, "gimbal: %s\n", error.message.c_str());
    return gimbal::exit_status::bad_input;
}

int run_pack(const gimbal::PackConfig& config)
{
    const auto report = gimbal::pack_image(config);
    return report ? show(*report) : refuse(report.error());
}

int run(int argc, const char* const* argv)
{
    const auto command = gimbal::parse_command_line(argc, argv);
    if (!command) return refuse(command.error());
    if (const auto* const shown = std::get_if<gimbal::ShowText>(&*command)) return show(shown->text);
    if (std::holds_alternative<gimbal::Doctor>(*command)) return run_doctor();
    if (const auto* const pack = std::get_if<gimbal::PackConfig>(&*command)) return run_pack(*pack);
    return gimbal::run_command(std::get<gimbal::RunConfig>(*command), gimbal::run_engines());
}

} // namespace

int main(int argc, char** argv)
{
    gimbal::host::prepare_process();
    try {
        return run(argc, argv);
    } catch (const std::bad_alloc&) {
        std::fputs("gimbal: out of memory\n", stderr);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "gimbal: internal error: %s\n", error.what());
    }
    return gimbal::exit_status::internal_error;
}
