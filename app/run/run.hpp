// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "app/run/session.hpp"

namespace gimbal {

/// An engine as `gimbal run` knows it.
struct EngineEntry {
    const char* name;
    const char* backend; ///< Null if it has none.
    Result<SessionResult, UserError> (*run)(const SessionInput& input);
};

/// The engines of this build, best first.
extern const EngineEntry translator_engine;

/// The command's exit statuses.
namespace exit_status {
inline constexpr int success = 0;
inline constexpr int internal_error = 1;
inline constexpr int bad_input = 2;
inline constexpr int guest_reset = 3;
inline constexpr int guest_fault = 4;
inline constexpr int timeout = 5;
inline constexpr int signal_base = 128;
} // namespace exit_status

int exit_status_of(const StopInfo& stop);

/// `gimbal run`, once its arguments are understood: returns the exit status, with everything said and restored.
int run_command(const RunConfig& config, const EngineEntry& engine);

} // namespace gimbal
