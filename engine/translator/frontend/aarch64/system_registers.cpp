// SPDX-License-Identifier: Apache-2.0
#include "engine/translator/frontend/aarch64/system_registers.hpp"

#include <algorithm>
#include <array>
#include <iterator>

#include "arch/aarch64/control.hpp"
#include "arch/aarch64/pstate.hpp"

namespace gimbal::translator::aarch64 {

namespace {

using arch::SysReg;
using enum RegisterKind;

#define FIELD(name) static_cast<u16>(offsetof(GuestState, name)), static_cast<u8>(sizeof(GuestState::name))
#define BANK(n, name) static_cast<u16>(offsetof(GuestState, el) + (n) * sizeof(ElBank) + offsetof(ElBank, name)), 8

constexpr u8 never = 4;
constexpr u64 all = ~u64{0};
constexpr u64 low_32 = 0xFFFF'FFFF;

// What exists of SCTLR_EL1 without PAuth, BTI, MTE, ExS, IESB and AArch32 EL0; the RES1 bits are beside it.
constexpr u64 sctlr_writable = arch::SctlrEl1::m::mask | arch::SctlrEl1::a::mask | arch::SctlrEl1::c::mask |
                               arch::SctlrEl1::sa::mask | arch::SctlrEl1::sa0::mask | arch::SctlrEl1::uma::mask |
                               arch::SctlrEl1::i::mask | arch::SctlrEl1::dze::mask | arch::SctlrEl1::uct::mask |
                               arch::SctlrEl1::ntwi::mask | arch::SctlrEl1::ntwe::mask | arch::SctlrEl1::wxn::mask |
                               arch::SctlrEl1::tscxt::mask | arch::SctlrEl1::span::mask | arch::SctlrEl1::e0e::mask |
                               arch::SctlrEl1::ee::mask | arch::SctlrEl1::uci::mask | arch::SctlrEl1::dssbs::mask;
// EOS and EIS, ITD, SED (no AArch32), nTLSMD and LSMAOE.
constexpr u64 sctlr_ones = 0x3040'0980;
constexpr u64 tcr_writable = 0x0180'07F7'FFFF'FFBF; // E0PD, HPD, HD, HA, TBI, AS, IPS and below
constexpr u64 mdscr_writable = 0x4C40'FF41;
constexpr u64 bcr_writable = 0x00FF'E1E7;
constexpr u64 address_writable = ~u64{3};
constexpr u64 spsr_writable = 0xF1F0'13DF;

// clang-format off
constexpr SystemRegister cpu_registers[] = {
    {SysReg::sctlr_el1,       watched,  1, 1, BANK(1, sctlr), sctlr_writable, sctlr_ones},
    {SysReg::ttbr0_el1,       watched,  1, 1, BANK(1, ttbr0), all, 0},
    {SysReg::ttbr1_el1,       watched,  1, 1, BANK(1, ttbr1), all, 0},
    {SysReg::tcr_el1,         watched,  1, 1, BANK(1, tcr), tcr_writable, 0},
    {SysReg::mair_el1,        watched,  1, 1, BANK(1, mair), all, 0},
    {SysReg::cpacr_el1,       watched,  1, 1, BANK(1, cpacr), 0x30'0000, 0},
    {SysReg::amair_el1,       plain,    1, 1, BANK(1, amair), 0, 0},
    {SysReg::vbar_el1,        plain,    1, 1, BANK(1, vbar), ~u64{0x7FF}, 0},
    {SysReg::esr_el1,         plain,    1, 1, BANK(1, esr), 0x00FF'FFFF'FFFF'FFFF, 0},
    {SysReg::far_el1,         plain,    1, 1, BANK(1, far), all, 0},
    {SysReg::elr_el1,         plain,    1, 1, BANK(1, elr), all, 0},
    {SysReg::spsr_el1,        plain,    1, 1, BANK(1, spsr), spsr_writable, 0},
    {SysReg::afsr0_el1,       plain,    1, 1, BANK(1, afsr0), 0, 0},
    {SysReg::afsr1_el1,       plain,    1, 1, BANK(1, afsr1), 0, 0},
    {SysReg::contextidr_el1,  plain,    1, 1, BANK(1, contextidr), low_32, 0},
    {SysReg::tpidr_el1,       plain,    1, 1, BANK(1, tpidr), all, 0},
    {SysReg::tpidr_el0,       plain,    0, 0, BANK(0, tpidr), all, 0},
    {SysReg::tpidrro_el0,     plain,    0, 1, FIELD(tpidrro), all, 0},
    {SysReg::scxtnum_el1,     plain,    1, 1, BANK(1, scxtnum), all, 0},
    {SysReg::scxtnum_el0,     computed, 0, 0, 0, 8, all, 0},
    {SysReg::cntkctl_el1,     plain,    1, 1, BANK(1, cntkctl), 0x2'03FF, 0},
    {SysReg::par_el1,         plain,    1, 1, FIELD(par), all, 0},
    {SysReg::mdscr_el1,       watched,  1, 1, FIELD(mdscr), mdscr_writable, 0},

    {SysReg::nzcv,            computed, 0, 0, 0, 8, all, 0},
    {SysReg::daif,            computed, 0, 0, 0, 8, all, 0},
    {SysReg::fpcr,            computed, 0, 0, 0, 8, all, 0},
    {SysReg::fpsr,            computed, 0, 0, 0, 8, all, 0},
    {SysReg::currentel,       computed, 1, never, 0, 8, all, 0},
    {SysReg::spsel,           computed, 1, 1, 0, 8, all, 0},
    {SysReg::sp_el0,          computed, 1, 1, 0, 8, all, 0},
    {SysReg::pan,             computed, 1, 1, 0, 8, all, 0},
    {SysReg::uao,             computed, 1, 1, 0, 8, all, 0},
    {SysReg::dit,             computed, 0, 0, 0, 8, all, 0},
    {SysReg::ssbs,            computed, 0, 0, 0, 8, all, 0},
    {SysReg::isr_el1,         computed, 1, never, 0, 8, all, 0},
    {SysReg::rndr,            computed, 0, never, 0, 8, all, 0},
    {SysReg::rndrrs,          computed, 0, never, 0, 8, all, 0},
    {SysReg::ctr_el0,         computed, 0, never, 0, 8, all, 0},
    {SysReg::dczid_el0,       computed, 0, never, 0, 8, all, 0},
    {SysReg::cntvct_el0,      computed, 0, never, 0, 8, all, 0},
    {SysReg::cntpct_el0,      computed, 0, never, 0, 8, all, 0},
    {SysReg::cntfrq_el0,      computed, 0, never, 0, 8, all, 0},
    {SysReg::oslar_el1,       computed, never, 1, 0, 8, all, 0},
    {SysReg::oslsr_el1,       computed, 1, never, 0, 8, all, 0},
};
// clang-format on

constexpr unsigned breakpoints = 6;
constexpr unsigned watchpoints = 4;

constexpr auto make_table()
{
    std::array<SystemRegister, std::size(cpu_registers) + 2 * (breakpoints + watchpoints)> table{};
    usize count = 0;
    for (const SystemRegister& row : cpu_registers) table[count++] = row;
    const auto debug = [&](SysReg first, unsigned n, usize base, u64 writable) {
        table[count++] = {arch::debug_register(first, n),           watched, 1,        1,
                          static_cast<u16>(base + n * sizeof(u64)), 8,       writable, 0};
    };
    for (unsigned n = 0; n < breakpoints; ++n) {
        debug(SysReg::dbgbvr0_el1, n, offsetof(GuestState, dbgbvr), address_writable);
        debug(SysReg::dbgbcr0_el1, n, offsetof(GuestState, dbgbcr), bcr_writable);
    }
    for (unsigned n = 0; n < watchpoints; ++n) {
        debug(SysReg::dbgwvr0_el1, n, offsetof(GuestState, dbgwvr), address_writable);
        debug(SysReg::dbgwcr0_el1, n, offsetof(GuestState, dbgwcr), 0x1F1F'FFFF);
    }
    std::sort(table.begin(), table.end(), [](const auto& a, const auto& b) { return a.reg < b.reg; });
    return table;
}
constexpr auto table = make_table();

} // namespace

std::span<const SystemRegister> system_registers() { return table; }

const SystemRegister* find_system_register(SysReg reg)
{
    const auto found = std::lower_bound(table.begin(), table.end(), reg,
                                        [](const SystemRegister& row, SysReg wanted) { return row.reg < wanted; });
    return found != table.end() && found->reg == reg ? &*found : nullptr;
}

unsigned lowest_el(SysReg reg)
{
    const unsigned op1 = arch::op1(reg);
    return op1 == 3 ? 0 : op1 < 3 ? 1 : op1 == 6 ? 3 : 2;
}

} // namespace gimbal::translator::aarch64
