// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "host/vcpu_thread.hpp"
#include "vm/stop.hpp"

namespace gimbal {

/// What an engine counts; none where it cannot know.
struct GuestCounters {
    std::optional<u64> instructions;
    std::optional<u64> blocks_translated;
    std::optional<u64> instructions_translated;
    std::optional<u64> code_bytes;
    std::optional<u64> tlb_misses;
    std::optional<u64> tlb_flushes;
};

/// Everything --stats reports but what the operating system knows of this process.
struct RunReport {
    std::string arch;
    std::string engine;
    std::string backend;
    std::vector<host::VcpuReport> vcpus; ///< Sums over the guest's resets.
    GuestCounters guest;
    std::optional<double> first_instruction_s; ///< Since the process started; none if it never came to that.
    std::optional<double> first_output_s;
    double end_s{};
    u64 resets{};
    StopInfo stop;
};

/// One JSON object with a newline behind it.
std::string stats_json(const RunReport& report);

const char* stop_reason_name(StopReason reason);
const char* exit_kind_name(ExitKind kind);
const char* fatal_reason_text(FatalReason reason);

} // namespace gimbal
