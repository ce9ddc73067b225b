// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <initializer_list>

#include "base/types.hpp"

namespace gimbal::translator::aarch64 {

/// Everything beside the code bytes that decides what a block does; part of the key it is found by. ASID, VMID and
/// DAIF are never in it.
struct Mode {
    u8 el{1};
    bool sp_el0{}; ///< PSTATE.SPSel == 0 at EL1 and above.
    bool mmu_on{};
    bool big_endian{};     ///< SCTLR_ELx.EE / E0E
    bool align_check{};    ///< SCTLR_ELx.A
    bool sp_align_check{}; ///< SCTLR_ELx.SA / SA0
    bool fp_trap{};        ///< CPACR_EL1.FPEN denies this level
    bool pan{};
    bool uao{}; ///< PSTATE.UAO: LDTR and STTR have the current level's rights.
    bool e2h{}; ///< HCR_EL2.E2H, TGE: the regime
    bool tge{};
    bool step{};             ///< Software step is active: one instruction a block.
    bool debug{};            ///< Breakpoints may match here.
    bool el0_daif_trap{};    ///< !SCTLR_EL1.UMA
    bool el0_cache_trap{};   ///< !SCTLR_EL1.UCI
    bool el0_ctr_trap{};     ///< !SCTLR_EL1.UCT
    bool el0_scxtnum_trap{}; ///< SCTLR_EL1.TSCXT
    bool el0_dczva_trap{};   ///< !SCTLR_EL1.DZE
    bool el0_wfi_trap{};     ///< !SCTLR_EL1.nTWI
    bool el0_wfe_trap{};     ///< !SCTLR_EL1.nTWE
    bool fp_not_default{};   ///< FPCR rounding, FZ, FZ16, AHP or DN other than zero: backends take the exact path.
    u8 fpcr_mode{};          ///< Those FPCR bits: RMode, FZ, FZ16, DN, AHP packed; 0 if !fp_not_default.

    constexpr u64 key() const
    {
        u64 key = el;
        unsigned at = 2;
        for (const bool flag : {sp_el0,
                                mmu_on,
                                big_endian,
                                align_check,
                                sp_align_check,
                                fp_trap,
                                pan,
                                uao,
                                e2h,
                                tge,
                                step,
                                debug,
                                el0_daif_trap,
                                el0_cache_trap,
                                el0_ctr_trap,
                                el0_scxtnum_trap,
                                el0_dczva_trap,
                                el0_wfi_trap,
                                el0_wfe_trap,
                                fp_not_default})
            key |= u64{flag} << at++;
        return key | u64{fpcr_mode} << at;
    }
};

} // namespace gimbal::translator::aarch64
