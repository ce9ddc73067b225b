// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bare/own_tables.hpp"
#include "engine/el2/control_values.hpp"

namespace gimbal::bare {

/// How EL2 runs, the same on all CPUs; chosen once, before anything depends on it.
struct El2Mode {
    bool vhe{};    ///< HCR_EL2.E2H
    bool forced{}; ///< E2H is RES1 here.

    constexpr OwnRegime regime() const { return vhe ? OwnRegime::el2_and_el0 : OwnRegime::el2; }
    /// HCR_EL2 while there is no guest; part of every guest's.
    constexpr u64 hcr() const { return el2::hcr_base(vhe); }
};

/// On the first CPU with its MMU off: takes VHE if the CPU has it and `wanted`, or if it has nothing else. Nothing that
/// is read or written by a name that E2H moves may come before.
El2Mode choose_el2_mode(bool wanted);

extern El2Mode el2_mode;

} // namespace gimbal::bare
