// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <type_traits>

#include "engine/translator/core/cpu_state.hpp"

namespace gimbal::aarch64 {
}

namespace gimbal::translator::aarch64 {

namespace arch = ::gimbal::aarch64; // the manual's registers and encodings

/// Registers of one exception level's bank; the unused ones of EL0 stay zero.
struct ElBank {
    u64 sp{};
    u64 elr{};
    u64 spsr{};
    u64 esr{};
    u64 far{};
    u64 vbar{};
    u64 sctlr{};
    u64 ttbr0{};
    u64 ttbr1{};
    u64 tcr{};
    u64 mair{};
    u64 amair{};
    u64 afsr0{};
    u64 afsr1{};
    u64 cpacr{}; ///< CPACR_EL1, CPTR_EL2
    u64 contextidr{};
    u64 tpidr{};
    u64 scxtnum{};
    u64 cntkctl{}; ///< CNTKCTL_EL1, CNTHCTL_EL2
};

/// An AArch64 vCPU as blocks see it. Everything is the owner thread's.
struct GuestState {
    CpuState common; ///< First: blocks address from its start.
    u64 x[31]{};     ///< x0..x30
    u64 sp{};        ///< The current SP; the others are in `el`.
    u32 nzcv{};      ///< Bits 31:28.
    u32 daif{};      ///< PSTATE.{D,A,I,F} in bits 9:6, as DAIF has them.
    V128 v[32]{};
    u64 tpidrro{}; ///< TPIDRRO_EL0; TPIDR_ELx and SCXTNUM_ELx are in the banks.
    u32 pstate{};  ///< EL, SPSel, PAN, UAO, DIT, SSBS, IL, SS at their SPSR positions; never NZCV or DAIF.
    u64 fpcr{};    ///< As last written; CpuState::fp holds it decoded.
    u64 par{};
    u64 mdscr{};
    u64 os_lock{1}; ///< OSLSR_EL1.OSLK; locked out of reset.
    u64 dbgbvr[16]{};
    u64 dbgbcr[16]{};
    u64 dbgwvr[16]{};
    u64 dbgwcr[16]{};
    ElBank el[4]{}; ///< el[1].elr is ELR_EL1, el[0].sp is SP_EL0 while it is not the current SP, ...
};
static_assert(std::is_standard_layout_v<GuestState>);
static_assert(offsetof(GuestState, common) == 0);

} // namespace gimbal::translator::aarch64
