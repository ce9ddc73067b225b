// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "base/bits.hpp"

namespace gimbal::aarch64 {

/// op0:op1:CRn:CRm:op2 as one number: the bits [20:5] of MRS and MSR (register) (DDI 0487).
constexpr u16 encode_sysreg(unsigned op0, unsigned op1, unsigned crn, unsigned crm, unsigned op2)
{
    return static_cast<u16>(op0 << 14 | op1 << 11 | crn << 7 | crm << 3 | op2);
}

/// A system register by its encoding. A value without an enumerator is a register that the table does not name.
enum class SysReg : u16 {
#define GIMBAL_SYSREG(name, id, op0, op1, crn, crm, op2) id = encode_sysreg(op0, op1, crn, crm, op2),
#include "arch/aarch64/sysreg.inc"
#undef GIMBAL_SYSREG
};

constexpr u16 encoding(SysReg reg) { return static_cast<u16>(reg); }

constexpr SysReg make_sysreg(unsigned op0, unsigned op1, unsigned crn, unsigned crm, unsigned op2)
{
    return static_cast<SysReg>(encode_sysreg(op0, op1, crn, crm, op2));
}

/// The register that an MRS or MSR (register) instruction word names.
constexpr SysReg sysreg_of_instruction(u32 word) { return static_cast<SysReg>(bits(word, 5, 16)); }

constexpr unsigned op0(SysReg reg) { return static_cast<unsigned>(bits(encoding(reg), 14, 2)); }
constexpr unsigned op1(SysReg reg) { return static_cast<unsigned>(bits(encoding(reg), 11, 3)); }
constexpr unsigned crn(SysReg reg) { return static_cast<unsigned>(bits(encoding(reg), 7, 4)); }
constexpr unsigned crm(SysReg reg) { return static_cast<unsigned>(bits(encoding(reg), 3, 4)); }
constexpr unsigned op2(SysReg reg) { return static_cast<unsigned>(bits(encoding(reg), 0, 3)); }

/// The register that is `n` places after `first` in a numbered family: CRm counts (DBGBVR<n>_EL1 and its kin, n < 16).
constexpr SysReg debug_register(SysReg first, unsigned n) { return static_cast<SysReg>(encoding(first) + (n << 3)); }

/// The same for families that count in CRm[1:0]:op2 (PMEVCNTR<n>, PMEVTYPER<n>, ICH_LR<n>).
constexpr SysReg numbered_register(SysReg first, unsigned n) { return static_cast<SysReg>(encoding(first) + n); }

/// The manual's spelling, or null for an encoding that the table does not hold.
const char* sysreg_name(SysReg reg);

/// Finds a register by the manual's spelling; upper and lower case count as the same.
std::optional<SysReg> find_sysreg(const char* name);

/// The table itself, for tools and tests that walk it.
struct SysRegRow {
    SysReg reg;
    const char* name;
};
inline constexpr SysRegRow sysreg_table[] = {
#define GIMBAL_SYSREG(name, id, op0, op1, crn, crm, op2) {SysReg::id, #name},
#include "arch/aarch64/sysreg.inc"
#undef GIMBAL_SYSREG
};

// Golden instruction words: MRS x0, <register>.
static_assert(sysreg_of_instruction(0xD538'1000) == SysReg::sctlr_el1);
static_assert(sysreg_of_instruction(0xD53B'E040) == SysReg::cntvct_el0);
static_assert(sysreg_of_instruction(0xD538'CC00) == SysReg::icc_iar1_el1);
static_assert(sysreg_of_instruction(0xD53C'E060) == SysReg::cntvoff_el2);
static_assert(debug_register(SysReg::dbgwcr0_el1, 15) == SysReg::dbgwcr15_el1);
static_assert(numbered_register(SysReg::pmevtyper0_el0, 30) == SysReg::pmevtyper30_el0);

} // namespace gimbal::aarch64
