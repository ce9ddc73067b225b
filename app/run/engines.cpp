// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <fmt/format.h>

#include "app/run/run.hpp"

namespace gimbal {
namespace {

/// "translator, kvm"
std::string names_of(std::span<const EngineEntry> engines)
{
    std::string names;
    for (const EngineEntry& engine : engines)
        names += fmt::format("{}{}", names.empty() ? "" : ", ", engine_name(engine.kind));
    return names;
}

} // namespace

std::string engine_label(const EngineEntry& engine)
{
    const char* const name = engine_name(engine.kind);
    return engine.backend == nullptr ? name : fmt::format("{} ({})", name, engine.backend);
}

const EngineEntry* best_engine(std::span<const EngineEntry> engines)
{
    const auto found = std::ranges::find_if(engines, [](const EngineEntry& each) { return each.obstacle().empty(); });
    return found == engines.end() ? nullptr : &*found;
}

Result<const EngineEntry*, UserError> choose_engine(std::optional<EngineKind> wanted,
                                                    std::span<const EngineEntry> engines)
{
    if (!wanted) {
        if (const EngineEntry* const best = best_engine(engines)) return best;
        return fail(UserError{"no engine works on this host; 'gimbal doctor' says why"});
    }
    const auto found = std::ranges::find(engines, *wanted, &EngineEntry::kind);
    if (found == engines.end())
        return fail(UserError{fmt::format("this build has no engine '{}'; it has {}; 'gimbal doctor' says more",
                                          engine_name(*wanted), names_of(engines))});
    if (const std::string obstacle = found->obstacle(); !obstacle.empty())
        return fail(UserError{fmt::format("the engine '{}' does not work here: {}", engine_name(*wanted), obstacle)});
    return &*found;
}

} // namespace gimbal
