// SPDX-License-Identifier: Apache-2.0
#include "app/run/run.hpp"

#include <unistd.h>

#include <cstdio>
#include <system_error>

#include <spdlog/spdlog.h>

#include "host/clock.hpp"
#include "host/file.hpp"

namespace gimbal {
namespace {

using std::chrono::steady_clock;

constexpr int stdout_patience_ms = 10'000;

double seconds_since(steady_clock::time_point start, steady_clock::time_point when)
{
    return std::chrono::duration<double>(when - start).count();
}

void say(const std::string& message) { std::fprintf(stderr, "gimbal: %s\n", message.c_str()); }

/// The word to the user about an end that was not the guest's own wish; empty if there is none.
std::string explain(const StopInfo& stop, const RunConfig& config)
{
    switch (stop.reason) {
    case StopReason::none:
    case StopReason::guest_power_off:
    case StopReason::user_quit: return {};
    case StopReason::guest_reset: return "the guest reset (--no-reboot)";
    case StopReason::guest_crash: return "the guest reported a crash";
    case StopReason::guest_fault:
        return fmt::format("vCPU {} stopped on a guest fault: {} ({:#x})", stop.vcpu.value,
                           fatal_reason_text(stop.fatal), stop.detail);
    case StopReason::engine_failure:
        return fmt::format("vCPU {} cannot go on: {} ({:#x})", stop.vcpu.value, fatal_reason_text(stop.fatal),
                           stop.detail);
    case StopReason::start_failure: return fmt::format("vCPU {} could not be started", stop.vcpu.value);
    case StopReason::debugger: return "a debug event came without a debugger";
    case StopReason::timeout: return fmt::format("stopped after {:g} s (--timeout)", config.timeout.value_or(0));
    case StopReason::device_failure: return "a device failed (see the log)";
    case StopReason::signal: return fmt::format("stopped by signal {}", stop.detail);
    }
    return {};
}

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
Result<void, UserError> run_sessions(const SessionInput& input, const EngineEntry& engine, RunReport& report,
                                     steady_clock::time_point start)
{
    while (true) {
        GIMBAL_TRY(session, engine.run(input));
        add(report, session, start);
        if (session.stop.reason != StopReason::guest_reset || input.config.no_reboot) return {};
        if (const auto& ending = input.control.ending()) {
            report.stop = *ending;
            return {};
        }
        ++report.resets;
        spdlog::info("the guest resets");
    }
}

Result<void, UserError> write_stats(const std::string& path, const RunReport& report)
{
    const std::string json = stats_json(report);
    const auto written = path == "-" ? host::write_all(STDOUT_FILENO, json, stdout_patience_ms)
                                     : host::write_file_atomically(path, json);
    if (!written) return fail(UserError{fmt::format("statistics '{}': {}", path, written.error().message)});
    return {};
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
    const EngineEntry& engine = *chosen;
    if (const auto log = host::start_log(config.log_level, config.log_path); !log)
        return fail(UserError{fmt::format("log '{}': {}", config.log_path, log.error().message)});
    GIMBAL_TRY_VOID(check_stats_path(config.stats));
    GIMBAL_TRY(disks, open_disks(config));
    GIMBAL_TRY(guest, load_guest(config));
    spdlog::info("kernel '{}': {}", config.kernel, guest.kernel.description);

    RunReport report;
    report.arch = loader::guest_arch_name(guest.kernel.arch);
    report.engine = engine_name(engine.kind);
    report.backend = engine.backend;
    {
        RunControl control;
        GIMBAL_TRY_VOID(control.open(config, engine_label(engine)));
        const host::MonotonicClock clock;
        GIMBAL_TRY_VOID(run_sessions({config, guest, control, clock, disks, config.cpus}, engine, report, start));
        if (const auto first = control.serial().first_output()) report.first_output_s = seconds_since(start, *first);
        control.close();
    }
    report.end_s = seconds_since(start, steady_clock::now());
    if (const std::string message = explain(report.stop, config); !message.empty()) say(message);
    int status = exit_status_of(report.stop);
    if (!config.stats.empty()) {
        if (const auto written = write_stats(config.stats, report); !written) {
            say(written.error().message);
            if (status == exit_status::success) status = exit_status::internal_error;
        }
    }
    return status;
}

} // namespace

int exit_status_of(const StopInfo& stop)
{
    switch (stop.reason) {
    case StopReason::guest_power_off:
    case StopReason::user_quit: return exit_status::success;
    case StopReason::guest_reset: return exit_status::guest_reset;
    case StopReason::guest_crash:
    case StopReason::guest_fault: return exit_status::guest_fault;
    case StopReason::timeout: return exit_status::timeout;
    case StopReason::signal: return exit_status::signal_base + static_cast<int>(stop.detail);
    case StopReason::none:
    case StopReason::engine_failure:
    case StopReason::start_failure:
    case StopReason::device_failure:
    case StopReason::debugger: return exit_status::internal_error;
    }
    return exit_status::internal_error;
}

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
