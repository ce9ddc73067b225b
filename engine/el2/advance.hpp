// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "arch/aarch64/context_frame.hpp"
#include "arch/aarch64/esr.hpp"

namespace gimbal::el2 {

/// Leaves the trapped instruction behind, as if it had been executed: the PC moves by its length (ESR_EL2.IL), BTYPE is
/// clear for what follows, a software step of it is over, and in T32 the IT block is one instruction shorter.
void advance_aarch32(aarch64::ContextFrame& frame, bool wide);
inline void advance(aarch64::ContextFrame& frame, aarch64::Esr esr)
{
    using aarch64::Spsr;
    if (Spsr::nrw::get({frame.spsr})) [[unlikely]]
        return advance_aarch32(frame, aarch64::Esr::il::get(esr));
    frame.elr += aarch64::Esr::il::get(esr) ? 4 : 2;
    frame.spsr &= ~(Spsr::btype::mask | Spsr::ss::mask);
}

/// Whether a trapped AArch32 instruction passes its condition. It is implementation defined whether one that does not
/// is trapped at all (DDI 0487, "Configurable instruction controls"). True for AArch64. The syndrome must be of a
/// class that carries CV and COND.
bool condition_holds(const aarch64::ContextFrame& frame, aarch64::Esr esr);

} // namespace gimbal::el2
