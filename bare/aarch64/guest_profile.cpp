// SPDX-License-Identifier: Apache-2.0
#include "bare/aarch64/guest_profile.hpp"

#include <utility>

#include "bare/aarch64/registers.hpp"

namespace gimbal::bare {

using aarch64::CpuProfile;
using aarch64::SysReg;

namespace {

/// The fields that guests see as the hardware has them, by mask (DDI 0487, D19.2 "General system control registers").
/// Absent: EL2 and EL3 features, what is not switched (SVE, SME, MTE, SCXTNUM, PMU, trace, statistical profiling, AMU,
/// RAS), and every field that a later architecture may define.
struct IdRow {
    SysReg reg;
    u64 kept;
    u64 fixed; ///< Bits that are the same for every guest.
};
// clang-format off
constexpr IdRow id_rows[] = {
    {SysReg::id_aa64pfr0_el1, 0xFF0F'0000'00FF'000F, 0x0000'0000'0100'0010}, // EL0, FP, AdvSIMD, DIT, CSV2, CSV3; EL1 in AArch64 only, GIC 3.0
    {SysReg::id_aa64pfr1_el1, 0x0000'0000'0000'00FF, 0}, // BTI, SSBS
    {SysReg::id_aa64dfr0_el1, 0x0000'0000'F0F0'F00F, 0x0000'00F0'0000'0000}, // debug version, BRPs, WRPs, CTX_CMPs; no DoubleLock
    {SysReg::id_aa64isar0_el1, 0xFFFF'FFFF'F0FF'FFF0, 0}, // AES to RNDR; no TME
    {SysReg::id_aa64isar1_el1, 0x00FF'FFFF'FFFF'FFFF, 0}, // DPB, pointer authentication, JSCVT, FCMA, LRCPC, FRINTTS, SB, SPECRES, BF16, DGH, I8MM
    {SysReg::id_aa64isar2_el1, 0x0000'0000'00F0'FFF0, 0}, // RPRES, pointer authentication, BC
    {SysReg::id_aa64mmfr0_el1, 0x0000'0000'FFFF'FFFF, 0}, // PARange, ASIDBits, endianness, granules
    {SysReg::id_aa64mmfr1_el1, 0x0000'0000'00F0'F00F, 0}, // HAFDBS, HPDS, PAN
    {SysReg::id_aa64mmfr2_el1, 0xF0FF'00FF'F00F'00FF, 0}, // CnP, UAO, VARange, ST, AT, IDS, TTL, BBM, E0PD
};
// clang-format on

template <usize... i>
void fill(CpuProfile& profile, std::index_sequence<i...>)
{
    ((profile.id_register(id_rows[i].reg) = (read_register<id_rows[i].reg>() & id_rows[i].kept) | id_rows[i].fixed),
     ...);
}

/// A field of four bits that says more with each value.
void limit(u64& reg, unsigned lo, u64 most)
{
    if (bits(reg, lo, 4) > most) reg = (reg & ~(u64{15} << lo)) | most << lo;
}

} // namespace

CpuProfile guest_profile()
{
    CpuProfile profile;
    profile.midr_el1 = read_register<SysReg::midr_el1>();
    profile.revidr_el1 = read_register<SysReg::revidr_el1>();
    fill(profile, std::make_index_sequence<sizeof(id_rows) / sizeof(id_rows[0])>());
    limit(profile.id_register(SysReg::id_aa64pfr0_el1), 56, 1); // CSV2: without SCXTNUM
    limit(profile.id_register(SysReg::id_aa64dfr0_el1), 0, 9);  // DebugVer: FEAT_Debugv8p4
    profile.ctr_el0 = read_register<SysReg::ctr_el0>();
    profile.dczid_el0 = read_register<SysReg::dczid_el0>();
    profile.clidr_el1 = read_register<SysReg::clidr_el1>();
    return profile;
}

} // namespace gimbal::bare
