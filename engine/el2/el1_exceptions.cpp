// SPDX-License-Identifier: Apache-2.0
#include "engine/el2/el1_exceptions.hpp"

namespace gimbal::el2 {

using aarch64::Ec;
using aarch64::Esr;
using aarch64::SctlrEl1;
using aarch64::Spsr;

namespace {

constexpr u64 from_current_sp0 = 0x000;
constexpr u64 from_current_spx = 0x200;
constexpr u64 from_lower_aarch64 = 0x400;
constexpr u64 from_lower_aarch32 = 0x600;

bool from_el0(Spsr spsr) { return Spsr::nrw::get(spsr) || Spsr::el::get(spsr) == 0; }

/// Classes that exist in two forms, the one for a lower level being even.
bool has_two_forms(Ec ec)
{
    const Ec lower = static_cast<Ec>(static_cast<u8>(ec) & ~1);
    return lower == Ec::iabt_lower || lower == Ec::dabt_lower || lower == Ec::breakpoint_lower ||
           lower == Ec::software_step_lower || lower == Ec::watchpoint_lower;
}

} // namespace

u64 el1_vector_offset(Spsr spsr, El1Vector vector)
{
    const auto kind = static_cast<u64>(vector);
    if (Spsr::nrw::get(spsr)) return from_lower_aarch32 + kind;
    if (from_el0(spsr)) return from_lower_aarch64 + kind;
    return (Spsr::spsel::get(spsr) ? from_current_spx : from_current_sp0) + kind;
}

Spsr el1_handler_state(Spsr spsr, SctlrEl1 sctlr, El1Features features)
{
    // UAO, IL, SS, BTYPE and nRW are clear in the handler.
    Spsr state = Spsr::m::set(Spsr{}, aarch64::Mode::el1h);
    state = Spsr::daif::set(state, 0xF);
    state = Spsr::nzcv::set(state, Spsr::nzcv::get(spsr));
    state = Spsr::dit::set(state, Spsr::dit::get(spsr));
    state = Spsr::pan::set(state, Spsr::pan::get(spsr) || !SctlrEl1::span::get(sctlr));
    state = Spsr::ssbs::set(state, SctlrEl1::dssbs::get(sctlr));
    return Spsr::tco::set(state, features.memory_tagging);
}

Esr el1_syndrome(Spsr spsr, Esr esr)
{
    const Ec ec = Esr::ec::get(esr);
    if (!has_two_forms(ec)) return esr;
    const u8 lower = static_cast<u8>(static_cast<u8>(ec) & ~1);
    return Esr::ec::set(esr, static_cast<Ec>(from_el0(spsr) ? lower : lower | 1));
}

} // namespace gimbal::el2
