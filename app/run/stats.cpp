// SPDX-License-Identifier: Apache-2.0
#include "app/run/stats.hpp"

#include <sys/resource.h>

#include <nlohmann/json.hpp>

#include "host/clock.hpp"

namespace gimbal {
namespace {

using Json = nlohmann::ordered_json;

template <class T>
Json or_null(const std::optional<T>& value)
{
    return value ? Json(*value) : Json(nullptr);
}

double to_seconds(const timeval& time)
{
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

Json exits_json(const u64 (&exits)[exit_kind_count])
{
    Json object = Json::object();
    for (unsigned kind = 0; kind < exit_kind_count; ++kind)
        if (exits[kind] != 0) object[exit_kind_name(static_cast<ExitKind>(kind))] = exits[kind];
    return object;
}

Json vcpus_json(const std::vector<host::VcpuReport>& vcpus)
{
    Json list = Json::array();
    for (const host::VcpuReport& vcpu : vcpus)
        list.push_back({
            {"exits",  exits_json(vcpu.exits)           },
            {"idle_s", host::to_seconds(vcpu.idle_ticks)}
        });
    return list;
}

Json total_exits(const std::vector<host::VcpuReport>& vcpus)
{
    u64 total[exit_kind_count]{};
    for (const host::VcpuReport& vcpu : vcpus)
        for (unsigned kind = 0; kind < exit_kind_count; ++kind) total[kind] += vcpu.exits[kind];
    return exits_json(total);
}

} // namespace

std::string stats_json(const RunReport& report)
{
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const Json stats{
        {"arch",           report.arch                                                                   },
        {"engine",         report.engine                                                                 },
        {"backend",        report.backend                                                                },
        {"cpus",           report.vcpus.size()                                                           },
        {"wall_s",
         {{"first_instruction", or_null(report.first_instruction_s)},
          {"first_output", or_null(report.first_output_s)},
          {"end", report.end_s}}                                                                         },
        {"cpu_s",          {{"user", to_seconds(usage.ru_utime)}, {"system", to_seconds(usage.ru_stime)}}},
        {"peak_rss_bytes", static_cast<u64>(usage.ru_maxrss) * 1024                                      },
        {"exits",          total_exits(report.vcpus)                                                     },
        {"guest",
         {{"instructions", or_null(report.guest.instructions)},
          {"blocks_translated", or_null(report.guest.blocks_translated)},
          {"instructions_translated", or_null(report.guest.instructions_translated)},
          {"code_bytes", or_null(report.guest.code_bytes)},
          {"tlb_misses", or_null(report.guest.tlb_misses)},
          {"tlb_flushes", or_null(report.guest.tlb_flushes)}}                                            },
        {"vcpus",          vcpus_json(report.vcpus)                                                      },
        {"resets",         report.resets                                                                 },
        {"end_reason",     stop_reason_name(report.stop.reason)                                          },
    };
    return stats.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

const char* stop_reason_name(StopReason reason)
{
    switch (reason) {
    case StopReason::none: return "none";
    case StopReason::guest_power_off: return "guest_power_off";
    case StopReason::guest_reset: return "guest_reset";
    case StopReason::guest_crash: return "guest_crash";
    case StopReason::guest_fault: return "guest_fault";
    case StopReason::engine_failure: return "engine_failure";
    case StopReason::start_failure: return "start_failure";
    case StopReason::debugger: return "debugger";
    case StopReason::user_quit: return "user_quit";
    case StopReason::timeout: return "timeout";
    case StopReason::device_failure: return "device_failure";
    case StopReason::signal: return "signal";
    }
    return "none";
}

const char* exit_kind_name(ExitKind kind)
{
    switch (kind) {
    case ExitKind::mmio: return "mmio";
    case ExitKind::hypercall: return "hypercall";
    case ExitKind::secure_call: return "secure_call";
    case ExitKind::system_register: return "system_register";
    case ExitKind::iocsr: return "iocsr";
    case ExitKind::idle: return "idle";
    case ExitKind::timer_fired: return "timer_fired";
    case ExitKind::stage2_fault: return "stage2_fault";
    case ExitKind::host_interrupt: return "host_interrupt";
    case ExitKind::system_event: return "system_event";
    case ExitKind::debug: return "debug";
    case ExitKind::kicked: return "kicked";
    case ExitKind::fatal: return "fatal";
    }
    return "none";
}

const char* fatal_reason_text(FatalReason reason)
{
    switch (reason) {
    case FatalReason::entry_failed: return "the hardware refused the guest's state";
    case FatalReason::undecodable_access: return "a device access by an instruction that cannot be emulated";
    case FatalReason::double_fault: return "an exception whose vector cannot be fetched";
    case FatalReason::host_memory: return "host memory ran out";
    case FatalReason::host_error: return "the host under the engine failed";
    case FatalReason::unsupported_state: return "an execution state that this engine does not run";
    case FatalReason::contract_broken: return "the engine broke its contract";
    }
    return "an unknown reason";
}

} // namespace gimbal
