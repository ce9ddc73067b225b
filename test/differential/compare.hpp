// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>

#include "test/differential/generator.hpp"

namespace gimbal::differential {

/// Whether the two outcomes agree in everything that the architecture defines.
bool agree(const Test& test, const Outcome& ours, const Outcome& peers);

/// The words with their rows, and what differs, for a person.
std::string describe(const Test& test, const Outcome& ours, const Outcome& peers, std::span<const u64> our_data,
                     std::span<const u64> peers_data);

} // namespace gimbal::differential
