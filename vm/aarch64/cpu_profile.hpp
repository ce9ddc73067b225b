// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "arch/aarch64/sysreg.hpp"
#include "base/types.hpp"

namespace gimbal::aarch64 {

/// The identity and features of a guest's CPU: one for all vCPUs of a VM, fixed before the first run.
struct CpuProfile {
    u64 midr_el1{};
    u64 revidr_el1{};
    /// ID registers by [CRm][op2] of op0 3, op1 0, CRn 0; CRm 0 is unused. Reserved encodings read as zero by
    /// architecture (DDI 0487), not by our convenience.
    u64 id[8][8]{};
    u64 ctr_el0{};
    u64 dczid_el0{};
    u64 clidr_el1{};
    /// CCSIDR_EL1 by CSSELR_EL1: [Level][InD]; zero for a cache that is not there.
    u64 ccsidr_el1[7][2]{};

    constexpr u64& id_register(SysReg reg) { return id[crm(reg)][op2(reg)]; }
    constexpr u64 id_register(SysReg reg) const { return id[crm(reg)][op2(reg)]; }
};

} // namespace gimbal::aarch64
