// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "app/run/run.hpp"

namespace gimbal {

/// What the host is, as far as an engine cares.
struct HostFacts {
    std::string system;       ///< "Linux 6.1.0"
    std::string architecture; ///< uname's: "x86_64"
    std::string cpu_model;    ///< Empty if the system does not say.
    std::string cpu_features; ///< Those that engines use, with spaces between.
    unsigned cpu_count{};     ///< That this process may run on.
    u64 memory{};             ///< Bytes.
    u64 memory_available{};
    std::string kvm_obstacle; ///< Why /dev/kvm cannot be opened; empty if it can.
};

HostFacts host_facts();

/// Plain text: the host, each engine and why it does not work, and what `auto` picks.
std::string doctor_report(const HostFacts& facts, std::span<const EngineEntry> engines);

} // namespace gimbal
