// SPDX-License-Identifier: Apache-2.0
#include "app/doctor/doctor.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace gimbal {
namespace {

constexpr std::string_view guest_architecture = "aarch64";

double in_gib(u64 bytes) { return static_cast<double>(bytes) / static_cast<double>(u64{1} << 30); }

/// Of an engine that this build does not have: what stands in its way on this host beside that.
std::string not_built(EngineKind kind, const HostFacts& facts)
{
    switch (kind) {
    case EngineKind::translator: return "not in this build";
    case EngineKind::kvm: {
        std::string text = "not in this build";
        if (!facts.kvm_obstacle.empty()) text += "; /dev/kvm: " + facts.kvm_obstacle;
        if (facts.architecture != guest_architecture)
            text += fmt::format("; KVM on {} runs no {} guests", facts.architecture, guest_architecture);
        return text;
    }
    case EngineKind::hvf:
        return facts.system.starts_with("Darwin") ? "not in this build" : "not in this build; it needs macOS";
    }
    return "";
}

std::string engine_line(EngineKind kind, const HostFacts& facts, std::span<const EngineEntry> engines)
{
    const auto found = std::ranges::find(engines, kind, &EngineEntry::kind);
    std::string state;
    if (found == engines.end()) {
        state = not_built(kind, facts);
    } else {
        const std::string obstacle = found->obstacle();
        state = obstacle.empty() ? "works" : "does not work: " + obstacle;
        if (found->backend != nullptr) state += fmt::format("; backend: {}", found->backend);
    }
    return fmt::format("  {:<12} {}\n", engine_name(kind), state);
}

std::string verdict(std::span<const EngineEntry> engines)
{
    const EngineEntry* const best = best_engine(engines);
    if (best == nullptr) return "No engine works here, so 'gimbal run' cannot run a guest.\n";
    const auto working =
        std::ranges::count_if(engines, [](const EngineEntry& each) { return each.obstacle().empty(); });
    return fmt::format("--engine auto picks {}: {}.\n", engine_label(*best),
                       working == 1 ? "the only one that works here" : "the fastest that works here");
}

} // namespace

std::string doctor_report(const HostFacts& facts, std::span<const EngineEntry> engines)
{
    std::string text = fmt::format("Host\n  {:<12} {}, {}\n", "system", facts.system, facts.architecture);
    text += fmt::format("  {:<12} {}{}{}{}\n", "CPUs", facts.cpu_count, facts.cpu_model.empty() ? "" : " (",
                        facts.cpu_model, facts.cpu_model.empty() ? "" : ")");
    text +=
        fmt::format("  {:<12} {}\n", "CPU features", facts.cpu_features.empty() ? "none known" : facts.cpu_features);
    text += fmt::format("  {:<12} {:.1f} GiB, {:.1f} GiB of it available\n", "memory", in_gib(facts.memory),
                        in_gib(facts.memory_available));
    text += fmt::format("\nEngines for {} guests\n", guest_architecture);
    for (const EngineKind kind : {EngineKind::translator, EngineKind::kvm, EngineKind::hvf})
        text += engine_line(kind, facts, engines);
    return text + "\n" + verdict(engines);
}

} // namespace gimbal
