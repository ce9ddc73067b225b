// SPDX-License-Identifier: Apache-2.0
#include "engine/el2/advance.hpp"

#include "arch/aarch64/pstate.hpp"
#include "base/bits.hpp"

namespace gimbal::el2 {

using aarch64::Esr;
using aarch64::Spsr;

namespace {

// CPSR.IT[7:2] and IT[1:0] (DDI 0487, SPSR_EL2 for an exception from AArch32): the condition's upper three bits in
// IT[7:5], then one bit for each instruction left, the first of them the condition's lowest bit.
constexpr u64 it_mask = u64{0x3F} << 10 | u64{3} << 25;

unsigned it_state(u64 spsr) { return static_cast<unsigned>(bits(spsr, 10, 6) << 2 | bits(spsr, 25, 2)); }

u64 with_it_state(u64 spsr, unsigned it) { return (spsr & ~it_mask) | bits(it, 2, 6) << 10 | bits(it, 0, 2) << 25; }

/// ConditionHolds() of the manual.
bool flags_pass(u64 spsr, unsigned condition)
{
    const Spsr flags{spsr};
    const bool n = Spsr::n::get(flags);
    const bool z = Spsr::z::get(flags);
    const bool c = Spsr::c::get(flags);
    const bool v = Spsr::v::get(flags);
    const bool inverted = (condition & 1) != 0;
    bool base = true;
    switch (condition >> 1) {
    case 0: base = z; break;
    case 1: base = c; break;
    case 2: base = n; break;
    case 3: base = v; break;
    case 4: base = c && !z; break;
    case 5: base = n == v; break;
    case 6: base = n == v && !z; break;
    case 7: return true;
    }
    return base != inverted;
}

} // namespace

void advance_aarch32(aarch64::ContextFrame& frame, bool wide)
{
    const unsigned it = it_state(frame.spsr);
    // ITAdvance(): after the last instruction of the block nothing is left of it.
    const unsigned next = (it & 7) == 0 ? 0 : (it & 0xE0) | ((it << 1) & 0x1F);
    frame.spsr = with_it_state(frame.spsr & ~Spsr::ss::mask, next);
    frame.elr = (frame.elr + (wide ? 4 : 2)) & low_mask(32);
}

bool condition_holds(const aarch64::ContextFrame& frame, Esr esr)
{
    if (!Spsr::nrw::get({frame.spsr})) return true;
    if (Esr::cv::get(esr)) return flags_pass(frame.spsr, Esr::cond::get(esr));
    const unsigned it = it_state(frame.spsr);
    return it == 0 || flags_pass(frame.spsr, it >> 4);
}

} // namespace gimbal::el2
