// SPDX-License-Identifier: Apache-2.0
#include "app/run/run_end.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>

#include "host/file.hpp"
#include "host/host_call.hpp"
#include "host/terminal.hpp"

namespace gimbal {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

constexpr int stdout_patience_ms = 10'000;
constexpr auto reminder_time = 1s; // of an end that nobody asked for

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

/// Whether the guest has ended itself, so that nobody waits for the end.
bool is_the_guests_own(StopReason reason)
{
    switch (reason) {
    case StopReason::guest_power_off:
    case StopReason::guest_reset: return true;
    case StopReason::none:
    case StopReason::guest_crash:
    case StopReason::guest_fault:
    case StopReason::engine_failure:
    case StopReason::start_failure:
    case StopReason::device_failure:
    case StopReason::debugger:
    case StopReason::user_quit:
    case StopReason::timeout:
    case StopReason::signal: return false;
    }
    return false;
}

Result<void, host::HostError> write_stats(const std::string& path, const RunReport& report)
{
    const std::string json = stats_json(report);
    const host::HostCall call("write", path == "-" ? "standard output" : path);
    return path == "-" ? host::write_all(STDOUT_FILENO, json, stdout_patience_ms)
                       : host::write_file_atomically(path, json);
}

} // namespace

RunEnd::RunEnd(const RunConfig& config, Moment start) : config_(config), start_(start)
{
    const char* const wish = std::getenv("GIMBAL_EXIT_GUARD");
    if (wish != nullptr && std::string_view(wish) == "off") return;
    guard_.emplace(host::ExitGuard::Hooks{.last_words = [this](int signal) { last_words(signal); },
                                          .reminder = [this] { remind(); }});
}

double RunEnd::seconds_since_start() const
{
    return std::chrono::duration<double>(steady_clock::now() - start_).count();
}

void RunEnd::stopping(const StopInfo& stop) noexcept
{
    {
        const std::lock_guard lock(mutex_);
        if (!hurries_.load()) stop_ = stop;
    }
    const bool own = is_the_guests_own(stop.reason);
    if (!own) hurries_.store(true);
    if (!guard_) return;
    if (own)
        guard_->remind_at(steady_clock::now() + reminder_time);
    else
        guard_->leave_at(steady_clock::now() + orderly_time, exit_status_of(stop));
}

void RunEnd::watch(Vm* vm)
{
    const std::lock_guard lock(mutex_);
    vm_ = vm;
}

/// With the terminal back, Ctrl-C is a signal again: nobody reads keys while threads are waited for.
void RunEnd::remind()
{
    const std::string waits = host::HostCall::under_way();
    if (waits.empty()) return; // slow, not stuck
    host::terminal::restore();
    host::say_at_once(fmt::format("gimbal: the guest has ended; still waiting for {}; Ctrl-C leaves\n", waits));
}

RunReport RunEnd::report_at_the_moment(const StopInfo& stop)
{
    const std::lock_guard lock(mutex_);
    RunReport report = report_;
    report.stop = stop;
    report.end_s = seconds_since_start();
    if (vm_ == nullptr) return report;
    report.vcpus.resize(std::max<usize>(report.vcpus.size(), vm_->vcpu_count()));
    for (u32 id = 0; id < vm_->vcpu_count(); ++id) {
        const VcpuStats& stats = vm_->slot({id}).stats;
        for (unsigned kind = 0; kind < exit_kind_count; ++kind)
            report.vcpus[id].exits[kind] += stats.exit_count(static_cast<ExitKind>(kind));
        report.vcpus[id].idle_ticks += stats.idle_ticks.load(MemoryOrder::relaxed);
    }
    return report;
}

void RunEnd::last_words(int signal)
{
    host::terminal::restore();
    StopInfo stop{.reason = StopReason::signal, .detail = static_cast<u64>(signal)};
    if (signal == 0) {
        const std::lock_guard lock(mutex_);
        stop = stop_;
    }
    const std::string why = said_.load() ? "" : explain(stop, config_);
    const std::string waits = host::HostCall::under_way();
    host::say_at_once(fmt::format("gimbal: {} without waiting any longer for {}\n", why.empty() ? "left" : why + ",",
                                  waits.empty() ? "its threads" : waits));
    if (config_.stats.empty() || stats_written_.exchange(true)) return;
    static_cast<void>(write_stats(config_.stats, report_at_the_moment(stop)));
}

int RunEnd::finish()
{
    RunReport report;
    note([&](RunReport& own) {
        own.end_s = seconds_since_start();
        report = own;
    });
    said_.store(true);
    if (const std::string message = explain(report.stop, config_); !message.empty()) say(message);
    int status = exit_status_of(report.stop);
    if (config_.stats.empty() || stats_written_.exchange(true)) return status;
    if (const auto written = write_stats(config_.stats, report); !written) {
        say(fmt::format("statistics '{}': {}", config_.stats, written.error().message));
        if (status == exit_status::success) status = exit_status::internal_error;
    }
    return status;
}

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

} // namespace gimbal
