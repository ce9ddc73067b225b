// SPDX-License-Identifier: Apache-2.0
#include "engine/translator/machine.hpp"

// The CPU that the translator presents. A field says no more than what is complete: `feature` names it as the manual
// does.
namespace gimbal::translator {

namespace {

using gimbal::aarch64::CpuProfile;
using gimbal::aarch64::SysReg;

struct IdField {
    SysReg reg;
    unsigned lsb;
    u64 value;
    const char* feature;
};

// clang-format off
constexpr IdField id_fields[] = {
    {SysReg::id_aa64pfr0_el1,   0, 1, "EL0 in AArch64 only"},
    {SysReg::id_aa64pfr0_el1,   4, 1, "EL1 in AArch64 only"},
    {SysReg::id_aa64pfr0_el1,  16, 1, "FP, FEAT_FP16"},
    {SysReg::id_aa64pfr0_el1,  20, 1, "AdvSIMD, FEAT_FP16"},
    {SysReg::id_aa64pfr0_el1,  24, 1, "GIC system registers 3.0"},
    {SysReg::id_aa64pfr0_el1,  48, 1, "FEAT_DIT"},
    {SysReg::id_aa64pfr0_el1,  56, 3, "FEAT_CSV2_3"},
    {SysReg::id_aa64pfr0_el1,  60, 1, "FEAT_CSV3"},
    {SysReg::id_aa64pfr1_el1,   4, 2, "FEAT_SSBS2"},
    {SysReg::id_aa64dfr0_el1,   0, 8, "Armv8.2 debug"},
    {SysReg::id_aa64dfr0_el1,  12, 5, "BRPs: 6 breakpoints"},
    {SysReg::id_aa64dfr0_el1,  20, 3, "WRPs: 4 watchpoints"},
    {SysReg::id_aa64dfr0_el1,  28, 1, "CTX_CMPs: 2 context-aware breakpoints"},
    {SysReg::id_aa64dfr0_el1,  36, 15, "no FEAT_DoubleLock"},
    {SysReg::id_aa64isar0_el1,  4, 2, "FEAT_AES, FEAT_PMULL"},
    {SysReg::id_aa64isar0_el1,  8, 1, "FEAT_SHA1"},
    {SysReg::id_aa64isar0_el1, 12, 1, "FEAT_SHA256"},
    {SysReg::id_aa64isar0_el1, 16, 1, "FEAT_CRC32"},
    {SysReg::id_aa64isar0_el1, 20, 2, "FEAT_LSE"},
    {SysReg::id_aa64isar0_el1, 28, 1, "FEAT_RDM"},
    {SysReg::id_aa64isar0_el1, 44, 1, "FEAT_DotProd"},
    {SysReg::id_aa64isar0_el1, 52, 1, "FEAT_FlagM"},
    {SysReg::id_aa64isar0_el1, 56, 2, "FEAT_TLBIOS, FEAT_TLBIRANGE"},
    {SysReg::id_aa64isar0_el1, 60, 1, "FEAT_RNG"},
    {SysReg::id_aa64isar1_el1,  0, 1, "FEAT_DPB"},
    {SysReg::id_aa64isar1_el1, 12, 1, "FEAT_JSCVT"},
    {SysReg::id_aa64isar1_el1, 20, 2, "FEAT_LRCPC2"},
    {SysReg::id_aa64isar1_el1, 36, 1, "FEAT_SB"},
    {SysReg::id_aa64mmfr0_el1,  0, 5, "PARange: 48 bits"},
    {SysReg::id_aa64mmfr0_el1,  4, 2, "ASIDBits: 16"},
    {SysReg::id_aa64mmfr0_el1,  8, 1, "FEAT_MixedEnd"},
    {SysReg::id_aa64mmfr0_el1, 20, 1, "TGran16"},
    {SysReg::id_aa64mmfr1_el1,  0, 2, "FEAT_HAFDBS"},
    {SysReg::id_aa64mmfr1_el1,  4, 2, "FEAT_VMID16"},
    {SysReg::id_aa64mmfr1_el1, 12, 1, "FEAT_HPDS"},
    {SysReg::id_aa64mmfr1_el1, 20, 2, "FEAT_PAN2"},
    {SysReg::id_aa64mmfr2_el1,  0, 1, "FEAT_TTCNP"},
    {SysReg::id_aa64mmfr2_el1,  4, 1, "FEAT_UAO"},
    {SysReg::id_aa64mmfr2_el1, 48, 1, "FEAT_TTL"},
    {SysReg::id_aa64mmfr2_el1, 60, 1, "FEAT_E0PD"},
};
// clang-format on

constexpr u64 cache_size_id(u64 sets, u64 ways) { return (sets - 1) << 13 | (ways - 1) << 3 | 2; } // 64-byte lines

} // namespace

CpuProfile cpu_profile()
{
    CpuProfile profile;
    // Implementer 0 is reserved for software, architecture 0xF refers to the ID registers: no errata list names it.
    profile.midr_el1 = 0x000F'47B0;
    for (const IdField& field : id_fields) profile.id_register(field.reg) |= field.value << field.lsb;
    // IDC = 1, DIC = 0, PIPT; 64-byte lines and granules.
    profile.ctr_el0 = 0x9444'C004;
    profile.dczid_el0 = 4; // DC ZVA: 64 bytes
    profile.clidr_el1 = 3 | 4 << 3 | 2 << 24;
    profile.ccsidr_el1[0][0] = cache_size_id(256, 4);
    profile.ccsidr_el1[0][1] = cache_size_id(256, 4);
    profile.ccsidr_el1[1][0] = cache_size_id(1024, 16);
    return profile;
}

} // namespace gimbal::translator
