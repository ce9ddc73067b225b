// SPDX-License-Identifier: Apache-2.0
#include "arch/aarch64/control.hpp"
#include "base/bits.hpp"
#include "engine/translator/cpu/aarch64/cpu.hpp"

// Breakpoints and watchpoints of the guest's own debugger (Arm ARM, "AArch64 self-hosted debug").
namespace gimbal::translator::aarch64 {

using arch::Dbgbcr;
using arch::Dbgwcr;
using arch::MdscrEl1;

namespace {

/// PMC and PAC: bit 0 is EL1, bit 1 is EL0; HMC and SSC choose between states that do not exist here.
bool level_matches(u8 control, unsigned el) { return test_bit(control, el == 0 ? 1 : 0); }

struct WatchedRange {
    u64 first{};
    u64 last{};
    bool empty{true};
};

WatchedRange watched_range(u64 value, Dbgwcr control)
{
    const u64 base = static_cast<u64>(sign_extend(align_down(value, 4), 53));
    const unsigned mask = Dbgwcr::mask::get(control);
    if (mask >= 3) return {align_down(base, u64{1} << mask), base | low_mask(mask), false};
    const u8 bas = Dbgwcr::bas::get(control);
    if (bas == 0) return {};
    const auto low = static_cast<unsigned>(std::countr_zero(bas));
    const auto high = 7 - static_cast<unsigned>(std::countl_zero(bas));
    return {base + low, base + high, false};
}

} // namespace

bool Cpu::watchpoints_active() const
{
    if (!MdscrEl1::mde::get({state_->mdscr})) return false;
    for (const u64 control : state_->dbgwcr)
        if (Dbgwcr::e::get({control})) return true;
    return false;
}

bool Cpu::page_is_watched(u64 va) const
{
    if (!watchpoints_active()) return false;
    const u64 first = align_down(static_cast<u64>(sign_extend(va, 56)), u64{1} << tlb_.granule());
    const u64 last = first | low_mask(tlb_.granule());
    for (unsigned i = 0; i < watchpoint_count; ++i) {
        const Dbgwcr control{state_->dbgwcr[i]};
        if (!Dbgwcr::e::get(control)) continue;
        const WatchedRange range = watched_range(state_->dbgwvr[i], control);
        if (!range.empty && range.first <= last && range.last >= first) return true;
    }
    return false;
}

bool Cpu::watch(u64 address, unsigned size, bool write)
{
    if (!watchpoints_active() || !debug_enabled(mode_.el)) return true;
    const u64 first = static_cast<u64>(sign_extend(address, 56));
    const u64 last = first + (size - 1);
    for (unsigned i = 0; i < watchpoint_count; ++i) {
        const Dbgwcr control{state_->dbgwcr[i]};
        if (!Dbgwcr::e::get(control) || !level_matches(Dbgwcr::pac::get(control), mode_.el)) continue;
        if (!test_bit(Dbgwcr::lsc::get(control), write ? 1 : 0)) continue;
        if (Dbgwcr::wt::get(control) && !context_breakpoint_matches(Dbgwcr::lbn::get(control))) continue;
        const WatchedRange range = watched_range(state_->dbgwvr[i], control);
        if (range.empty || range.first > last || range.last < first) continue;
        unwind_exception({arch::make_watchpoint(mode_.el == 0, write), address, true});
        return false;
    }
    return true;
}

/// BT 0b001x: CONTEXTIDR_EL1 equals the value; only the last comparator can (ID_AA64DFR0_EL1.CTX_CMPs).
bool Cpu::context_breakpoint_matches(unsigned n) const
{
    if (n >= breakpoint_count || n < breakpoint_count - context_breakpoint_count) return false;
    const Dbgbcr control{state_->dbgbcr[n]};
    return Dbgbcr::e::get(control) && (Dbgbcr::bt::get(control) & 0xE) == 2 &&
           (state_->el[1].contextidr & low_mask(32)) == (state_->dbgbvr[n] & low_mask(32));
}

bool Cpu::check_breakpoint(u64 pc)
{
    if (!debug_enabled(mode_.el) || !MdscrEl1::mde::get({state_->mdscr})) return true;
    for (unsigned i = 0; i < breakpoint_count; ++i) {
        const Dbgbcr control{state_->dbgbcr[i]};
        if (!Dbgbcr::e::get(control) || !level_matches(Dbgbcr::pmc::get(control), mode_.el)) continue;
        const u8 type = Dbgbcr::bt::get(control);
        bool match = false;
        if (type <= 1) {
            match = static_cast<u64>(sign_extend(align_down(state_->dbgbvr[i], 4), 53)) ==
                    static_cast<u64>(sign_extend(pc, 53));
            if (type == 1) match = match && context_breakpoint_matches(Dbgbcr::lbn::get(control));
        } else if (type == 2) {
            match = context_breakpoint_matches(i);
        }
        if (!match) continue;
        unwind_exception({arch::make_breakpoint(mode_.el == 0), 0, false});
        return false;
    }
    return true;
}

} // namespace gimbal::translator::aarch64
