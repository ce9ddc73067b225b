// SPDX-License-Identifier: Apache-2.0
#include "bare/aarch64/el2_mode.hpp"

#include "arch/aarch64/control.hpp"
#include "bare/aarch64/registers.hpp"
#include "bare/e2h_sites.hpp"
#include "base/assert.hpp"

namespace gimbal::bare {

using aarch64::HcrEl2;
using aarch64::SysReg;

constinit El2Mode el2_mode{};

extern "C" {
extern const E2hSite e2h_sites_first[], e2h_sites_last[];
}

El2Mode choose_el2_mode(bool wanted)
{
    // boot.S has written E2H as 0. Where it is RES1 it stays set: there is no FEAT_E2H0.
    const bool forced = HcrEl2::e2h::get({read_register<SysReg::hcr_el2>()});
    const bool has_vhe = bits(read_register<SysReg::id_aa64mmfr1_el1>(), 8, 4) != 0; // VH
    const El2Mode mode{.vhe = forced || (has_vhe && wanted), .forced = forced};
    write_register<SysReg::hcr_el2>(mode.hcr());
    isb();
    if (mode.vhe && !rename_for_e2h({e2h_sites_first, e2h_sites_last})) GIMBAL_UNREACHABLE();
    el2_mode = mode;
    return mode;
}

} // namespace gimbal::bare
