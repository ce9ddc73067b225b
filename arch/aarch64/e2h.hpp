// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <optional>

#include "arch/aarch64/sysreg.hpp"

// HCR_EL2.E2H gives the names of EL1's registers to EL2's own and moves a guest's to names that end in _EL12 and _EL02
// (DDI 0487, "System and Special-purpose register aliasing"). An alias differs from its register in op1 alone.
namespace gimbal::aarch64 {

inline constexpr unsigned e2h_alias_op1 = 5;

/// Calls `each` with every register that moves: those whose name with _EL12, or _EL02 for an EL0 register, is in the
/// table.
template <class F>
constexpr void for_each_moved(const F& each)
{
    for (const SysRegRow& row : sysreg_table) {
        if (op1(row.reg) != e2h_alias_op1) continue;
        const char* end = row.name;
        while (*end != '\0') ++end;
        each(make_sysreg(op0(row.reg), end[-2] == '0' ? 3 : 0, crn(row.reg), crm(row.reg), op2(row.reg)));
    }
}

constexpr unsigned moved_count()
{
    unsigned count = 0;
    for_each_moved([&](SysReg) { ++count; });
    return count;
}

/// All of them.
inline constexpr std::array<SysReg, moved_count()> e2h_moved = [] {
    std::array<SysReg, moved_count()> list{};
    unsigned count = 0;
    for_each_moved([&](SysReg reg) { list[count++] = reg; });
    return list;
}();

/// Under which name EL2 reaches a guest's `reg` while E2H is set. Nothing: under its own.
constexpr std::optional<SysReg> e2h_alias(SysReg reg)
{
    for (const SysReg moved : e2h_moved)
        if (moved == reg) return make_sysreg(op0(reg), e2h_alias_op1, crn(reg), crm(reg), op2(reg));
    return std::nullopt;
}

/// As a constant, so that a register is looked up once in a compilation.
template <SysReg reg>
inline constexpr bool moves_under_e2h = e2h_alias(reg).has_value();

/// The same MRS or MSR (register) with the alias for the register. Nothing: the word is another instruction, or names
/// no register that moves.
constexpr std::optional<u32> e2h_instruction(u32 word)
{
    constexpr u32 mrs_or_msr_mask = 0xFFD0'0000;
    constexpr u32 mrs_or_msr = 0xD510'0000;
    constexpr u32 op1_mask = 7U << 16;
    if ((word & mrs_or_msr_mask) != mrs_or_msr || !e2h_alias(sysreg_of_instruction(word))) return std::nullopt;
    return (word & ~op1_mask) | e2h_alias_op1 << 16;
}

static_assert(e2h_alias(SysReg::sctlr_el1) == SysReg::sctlr_el12);
static_assert(e2h_alias(SysReg::cntv_ctl_el0) == SysReg::cntv_ctl_el02);
static_assert(!e2h_alias(SysReg::par_el1) && !e2h_alias(SysReg::tpidr_el0) && !e2h_alias(SysReg::sctlr_el12));
static_assert(e2h_instruction(0xD538'1000) == 0xD53D'1000U); // mrs x0, sctlr_el1: sctlr_el12

} // namespace gimbal::aarch64
