// SPDX-License-Identifier: Apache-2.0
#include "app/run/run.hpp"

#include <cstdio>
#include <system_error>

#include <spdlog/spdlog.h>

#include "host/clock.hpp"
#include "host/file.hpp"

namespace gimbal {
namespace {

using std::chrono::steady_clock;

double seconds_since(steady_clock::time_point start, steady_clock::time_point when)
{
    return std::chrono::duration<double>(when - start).count();
}

void say(const std::string& message) { std::fprintf(stderr, "gimbal: %s\n", message.c_str()); }

void add(GuestCounters& total, const GuestCounters& session)
{
    for (const auto counter :
         {&GuestCounters::instructions, &GuestCounters::blocks_translated, &GuestCounters::instructions_translated,
          &GuestCounters::code_bytes, &GuestCounters::tlb_misses, &GuestCounters::tlb_flushes})
        if (session.*counter) total.*counter = (total.*counter).value_or(0) + *(session.*counter);
}

void add(RunReport& report, const SessionResult& session, steady_clock::time_point start)
{
    report.stop = session.stop;
    add(report.guest, session.guest);
    if (report.vcpus.size() < session.vcpus.size()) report.vcpus.resize(session.vcpus.size());
    for (usize i = 0; i < session.vcpus.size(); ++i) {
        for (unsigned kind = 0; kind < exit_kind_count; ++kind)
            report.vcpus[i].exits[kind] += session.vcpus[i].exits[kind];
        report.vcpus[i].idle_ticks += session.vcpus[i].idle_ticks;
    }
    if (session.first_instruction && !report.first_instruction_s)
        report.first_instruction_s = seconds_since(start, *session.first_instruction);
}

/// Lives of the guest one after another, until it ends in something else than a reset.
Result<void, UserError> run_sessions(const SessionInput& input, const EngineEntry& engine, RunEnd& end,
                                     steady_clock::time_point start)
{
    while (true) {
        GIMBAL_TRY(session, engine.run(input));
        end.note([&](RunReport& report) { add(report, session, start); });
        if (session.stop.reason != StopReason::guest_reset || input.config.no_reboot) return {};
        if (const auto& ending = input.control.ending()) {
            end.note([&](RunReport& report) { report.stop = *ending; });
            return {};
        }
        end.note([](RunReport& report) { ++report.resets; });
        spdlog::info("the guest resets");
    }
}

/// Found out before the guest runs for an hour, not after.
Result<void, UserError> check_stats_path(const std::string& path)
{
    if (path.empty() || path == "-") return {};
    if (const auto writable = host::check_writable(path); !writable)
        return fail(UserError{fmt::format("statistics '{}': {}", path, writable.error().message)});
    return {};
}

Result<int, UserError> run_checked(const RunConfig& config, std::span<const EngineEntry> engines)
{
    const auto start = steady_clock::now();
    GIMBAL_TRY(chosen, choose_engine(config.engine, engines));
    EngineEntry engine = *chosen;
    if (config.backend && engine.backend != nullptr) engine.backend = translator::backend_name(*config.backend);
    if (const auto log = host::start_log(config.log_level, config.log_path); !log)
        return fail(UserError{fmt::format("log '{}': {}", config.log_path, log.error().message)});
    GIMBAL_TRY_VOID(check_stats_path(config.stats));
    RunEnd end(config, start);
    GIMBAL_TRY(disks, open_disks(config));
    GIMBAL_TRY(guest, load_guest(config));
    spdlog::info("kernel '{}': {}", config.kernel, guest.kernel.description);
    end.note([&](RunReport& report) {
        report.arch = loader::guest_arch_name(guest.kernel.arch);
        report.engine = engine_name(engine.kind);
        report.backend = engine.backend;
    });
    RunControl control(end);
    GIMBAL_TRY_VOID(control.open(config, engine_label(engine)));
    const host::MonotonicClock clock;
    GIMBAL_TRY_VOID(run_sessions({config, guest, control, clock, disks, config.cpus}, engine, end, start));
    if (const auto first = control.serial().first_output())
        end.note([&](RunReport& report) { report.first_output_s = seconds_since(start, *first); });
    control.close();
    return end.finish();
}

} // namespace

int run_command(const RunConfig& config, std::span<const EngineEntry> engines)
{
    try {
        const auto status = run_checked(config, engines);
        if (status) return *status;
        say(status.error().message);
    } catch (const std::system_error& error) {
        say(fmt::format("the system refuses what a VM needs: {}", error.what()));
    }
    return exit_status::bad_input;
}

} // namespace gimbal
