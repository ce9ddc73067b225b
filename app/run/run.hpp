// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "app/run/session.hpp"

namespace gimbal {

/// An engine as `gimbal run` knows it.
struct EngineEntry {
    EngineKind kind;
    const char* backend; ///< Null if it has none.
    /// Why it does not work on this host; empty if it does.
    std::string (*obstacle)();
    Result<SessionResult, UserError> (*run)(const SessionInput& input);
};

/// The engines of this build, best first. Defined where they are linked in.
std::span<const EngineEntry> run_engines();

/// "translator (interpreter)"
std::string engine_label(const EngineEntry& engine);

/// The first that works here; null if none does.
const EngineEntry* best_engine(std::span<const EngineEntry> engines);

/// What --engine asks for; none is the best one.
Result<const EngineEntry*, UserError> choose_engine(std::optional<EngineKind> wanted,
                                                    std::span<const EngineEntry> engines);

/// `gimbal run`, once its arguments are understood: returns the exit status, with everything said and restored.
int run_command(const RunConfig& config, std::span<const EngineEntry> engines);

} // namespace gimbal
