// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "arch/aarch64/control.hpp"

// What EL2's own controls hold while guests run, in the two layouts that HCR_EL2.E2H chooses between. TGE is 0 in both
// and at all times: EL2 takes no EL0 of its own, so TLBI and AT always mean the guest's regime and no exit or entry has
// to write HCR_EL2.
namespace gimbal::el2 {

constexpr u64 hcr_base(bool e2h)
{
    using aarch64::HcrEl2;
    return HcrEl2::rw::mask | (e2h ? HcrEl2::e2h::mask : 0);
}

/// CPTR_EL2: SVE, SME, the trace registers and the activity monitors trap for good.
inline constexpr u64 cptr_el2_open = 0x33FF | u64{1} << 20 | u64{1} << 30; // RES1, TZ, TSM; TTA, TAM
inline constexpr u64 cptr_el2_fp_traps = cptr_el2_open | u64{1} << 10;     // TFP

/// The same in the layout of CPACR_EL1, where ZEN and SMEN are 0.
inline constexpr u64 cptr_e2h_fp_traps = u64{1} << 28 | u64{1} << 30;  // TTA, TAM; FPEN is 0
inline constexpr u64 cptr_e2h_open = cptr_e2h_fp_traps | u64{3} << 20; // FPEN

constexpr u64 cptr_el2(bool e2h, bool fp_traps)
{
    if (e2h) return fp_traps ? cptr_e2h_fp_traps : cptr_e2h_open;
    return fp_traps ? cptr_el2_fp_traps : cptr_el2_open;
}

/// MDCR_EL2: the PMU (TPM, TPMCR), debug registers (TDA, TDOSA, TDRA), statistical profiling and trace filters trap;
/// the profiling and trace buffers are nobody's. Debug exceptions are the guest's own.
inline constexpr u64 mdcr_el2 = 1 << 5 | 1 << 6 | 1 << 9 | 1 << 10 | 1 << 11 | 1 << 14 | 1 << 19;

/// CNTHCTL_EL2 that traps a guest's accesses to the physical counter and timer: EL1PCTEN and EL1PCEN or EL1PTEN are
/// clear, wherever the layout has them. No event stream of EL2's.
inline constexpr u64 cnthctl_el2 = 0;

} // namespace gimbal::el2
