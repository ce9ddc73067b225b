// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/field.hpp"

// Control registers of EL1, EL2, the timers and self-hosted debug. Fields as DDI 0487 describes them by register.
namespace gimbal::aarch64 {

struct SctlrEl1 {
    u64 raw{};
    using m = Field<SctlrEl1, 0, 1, bool>;
    using a = Field<SctlrEl1, 1, 1, bool>;
    using c = Field<SctlrEl1, 2, 1, bool>;
    using sa = Field<SctlrEl1, 3, 1, bool>;
    using sa0 = Field<SctlrEl1, 4, 1, bool>;
    using cp15ben = Field<SctlrEl1, 5, 1, bool>;
    using naa = Field<SctlrEl1, 6, 1, bool>;
    using itd = Field<SctlrEl1, 7, 1, bool>;
    using sed = Field<SctlrEl1, 8, 1, bool>;
    using uma = Field<SctlrEl1, 9, 1, bool>;
    using enrctx = Field<SctlrEl1, 10, 1, bool>;
    using eos = Field<SctlrEl1, 11, 1, bool>;
    using i = Field<SctlrEl1, 12, 1, bool>;
    using endb = Field<SctlrEl1, 13, 1, bool>;
    using dze = Field<SctlrEl1, 14, 1, bool>;
    using uct = Field<SctlrEl1, 15, 1, bool>;
    using ntwi = Field<SctlrEl1, 16, 1, bool>;
    using ntwe = Field<SctlrEl1, 18, 1, bool>;
    using wxn = Field<SctlrEl1, 19, 1, bool>;
    using tscxt = Field<SctlrEl1, 20, 1, bool>;
    using iesb = Field<SctlrEl1, 21, 1, bool>;
    using eis = Field<SctlrEl1, 22, 1, bool>;
    using span = Field<SctlrEl1, 23, 1, bool>;
    using e0e = Field<SctlrEl1, 24, 1, bool>;
    using ee = Field<SctlrEl1, 25, 1, bool>;
    using uci = Field<SctlrEl1, 26, 1, bool>;
    using enda = Field<SctlrEl1, 27, 1, bool>;
    using ntlsmd = Field<SctlrEl1, 28, 1, bool>;
    using lsmaoe = Field<SctlrEl1, 29, 1, bool>;
    using enib = Field<SctlrEl1, 30, 1, bool>;
    using enia = Field<SctlrEl1, 31, 1, bool>;
    using bt0 = Field<SctlrEl1, 35, 1, bool>;
    using bt1 = Field<SctlrEl1, 36, 1, bool>;
    using dssbs = Field<SctlrEl1, 44, 1, bool>; ///< PSTATE.SSBS on an exception to EL1
    using epan = Field<SctlrEl1, 57, 1, bool>;

    friend constexpr bool operator==(SctlrEl1, SctlrEl1) = default;
};

/// The bits that are RES1 without FEAT_ExS, FEAT_CSV2_2 and FEAT_LSMAOC; with FEAT_CSV2_2, bit 20 is TSCXT.
inline constexpr u64 sctlr_el1_res1 = 0x30D0'0800;

/// A guest's SCTLR_EL1 after reset: the RES1 bits, TSCXT clear, no trap of WFI or WFE, SP alignment checked at EL0.
inline constexpr SctlrEl1 sctlr_el1_reset{0x30C5'0830};
static_assert((sctlr_el1_reset.raw | SctlrEl1::tscxt::mask | sctlr_el1_res1) ==
              (sctlr_el1_reset.raw | SctlrEl1::tscxt::mask)); // every RES1 bit but TSCXT is set
static_assert(!SctlrEl1::m::get(sctlr_el1_reset) && SctlrEl1::ntwi::get(sctlr_el1_reset));

/// FPEN, ZEN and SMEN: 0 and 2 trap EL0 and EL1, 1 traps EL0, 3 traps nothing.
struct CpacrEl1 {
    u64 raw{};
    using zen = Field<CpacrEl1, 16, 2, u8>;
    using fpen = Field<CpacrEl1, 20, 2, u8>;
    using smen = Field<CpacrEl1, 24, 2, u8>;
    using tta = Field<CpacrEl1, 28, 1, bool>;
};

struct HcrEl2 {
    u64 raw{};
    using vm = Field<HcrEl2, 0, 1, bool>;
    using swio = Field<HcrEl2, 1, 1, bool>;
    using ptw = Field<HcrEl2, 2, 1, bool>;
    using fmo = Field<HcrEl2, 3, 1, bool>;
    using imo = Field<HcrEl2, 4, 1, bool>;
    using amo = Field<HcrEl2, 5, 1, bool>;
    using vf = Field<HcrEl2, 6, 1, bool>;
    using vi = Field<HcrEl2, 7, 1, bool>;
    using vse = Field<HcrEl2, 8, 1, bool>;
    using fb = Field<HcrEl2, 9, 1, bool>;
    using bsu = Field<HcrEl2, 10, 2, u8>;
    using dc = Field<HcrEl2, 12, 1, bool>;
    using twi = Field<HcrEl2, 13, 1, bool>;
    using twe = Field<HcrEl2, 14, 1, bool>;
    using tid0 = Field<HcrEl2, 15, 1, bool>;
    using tid1 = Field<HcrEl2, 16, 1, bool>;
    using tid2 = Field<HcrEl2, 17, 1, bool>;
    using tid3 = Field<HcrEl2, 18, 1, bool>;
    using tsc = Field<HcrEl2, 19, 1, bool>;
    using tidcp = Field<HcrEl2, 20, 1, bool>;
    using tacr = Field<HcrEl2, 21, 1, bool>;
    using tsw = Field<HcrEl2, 22, 1, bool>;
    using tpcp = Field<HcrEl2, 23, 1, bool>;
    using tpu = Field<HcrEl2, 24, 1, bool>;
    using ttlb = Field<HcrEl2, 25, 1, bool>;
    using tvm = Field<HcrEl2, 26, 1, bool>;
    using tge = Field<HcrEl2, 27, 1, bool>;
    using tdz = Field<HcrEl2, 28, 1, bool>;
    using hcd = Field<HcrEl2, 29, 1, bool>;
    using trvm = Field<HcrEl2, 30, 1, bool>;
    using rw = Field<HcrEl2, 31, 1, bool>;
    using cd = Field<HcrEl2, 32, 1, bool>;
    using id = Field<HcrEl2, 33, 1, bool>;
    using e2h = Field<HcrEl2, 34, 1, bool>;
    using tlor = Field<HcrEl2, 35, 1, bool>;
    using terr = Field<HcrEl2, 36, 1, bool>;
    using tea = Field<HcrEl2, 37, 1, bool>;
    using apk = Field<HcrEl2, 40, 1, bool>;
    using api = Field<HcrEl2, 41, 1, bool>;
    using nv = Field<HcrEl2, 42, 1, bool>;
    using nv1 = Field<HcrEl2, 43, 1, bool>;
    using at = Field<HcrEl2, 44, 1, bool>;
    using nv2 = Field<HcrEl2, 45, 1, bool>;
    using fwb = Field<HcrEl2, 46, 1, bool>;
    using fien = Field<HcrEl2, 47, 1, bool>;
    using tid4 = Field<HcrEl2, 49, 1, bool>;
    using ticab = Field<HcrEl2, 50, 1, bool>;
    using tocu = Field<HcrEl2, 52, 1, bool>;
    using enscxt = Field<HcrEl2, 53, 1, bool>;
    using ttlbis = Field<HcrEl2, 54, 1, bool>;
    using ttlbos = Field<HcrEl2, 55, 1, bool>;
    using ata = Field<HcrEl2, 56, 1, bool>;
    using dct = Field<HcrEl2, 57, 1, bool>;
    using tid5 = Field<HcrEl2, 58, 1, bool>;
};

struct CntkctlEl1 {
    u64 raw{};
    using el0pcten = Field<CntkctlEl1, 0, 1, bool>;
    using el0vcten = Field<CntkctlEl1, 1, 1, bool>;
    using evnten = Field<CntkctlEl1, 2, 1, bool>;
    using evntdir = Field<CntkctlEl1, 3, 1, bool>;
    using evnti = Field<CntkctlEl1, 4, 4, u8>; ///< The counter bit whose edge is the event
    using el0vten = Field<CntkctlEl1, 8, 1, bool>;
    using el0pten = Field<CntkctlEl1, 9, 1, bool>;
    using evntis = Field<CntkctlEl1, 17, 1, bool>;
};

/// CNTHCTL_EL2 with HCR_EL2.E2H = 0.
struct CnthctlEl2 {
    u64 raw{};
    using el1pcten = Field<CnthctlEl2, 0, 1, bool>;
    using el1pcen = Field<CnthctlEl2, 1, 1, bool>;
    using evnten = Field<CnthctlEl2, 2, 1, bool>;
    using evntdir = Field<CnthctlEl2, 3, 1, bool>;
    using evnti = Field<CnthctlEl2, 4, 4, u8>;
};

/// CNTP_CTL_EL0, CNTV_CTL_EL0 and their kin.
struct CntCtl {
    u64 raw{};
    using enable = Field<CntCtl, 0, 1, bool>;
    using imask = Field<CntCtl, 1, 1, bool>;
    using istatus = Field<CntCtl, 2, 1, bool>; ///< Read-only: the condition is met
};

struct MdscrEl1 {
    u64 raw{};
    using ss = Field<MdscrEl1, 0, 1, bool>;
    using err = Field<MdscrEl1, 6, 1, bool>;
    using tdcc = Field<MdscrEl1, 12, 1, bool>;
    using kde = Field<MdscrEl1, 13, 1, bool>;
    using hde = Field<MdscrEl1, 14, 1, bool>;
    using mde = Field<MdscrEl1, 15, 1, bool>;
};

struct Dbgbcr {
    u64 raw{};
    using e = Field<Dbgbcr, 0, 1, bool>;
    using pmc = Field<Dbgbcr, 1, 2, u8>;
    using bas = Field<Dbgbcr, 5, 4, u8>;
    using hmc = Field<Dbgbcr, 13, 1, bool>;
    using ssc = Field<Dbgbcr, 14, 2, u8>;
    using lbn = Field<Dbgbcr, 16, 4, u8>;
    using bt = Field<Dbgbcr, 20, 4, u8>;
};

struct Dbgwcr {
    u64 raw{};
    using e = Field<Dbgwcr, 0, 1, bool>;
    using pac = Field<Dbgwcr, 1, 2, u8>;
    using lsc = Field<Dbgwcr, 3, 2, u8>; ///< Bit 0 loads, bit 1 stores
    using bas = Field<Dbgwcr, 5, 8, u8>;
    using hmc = Field<Dbgwcr, 13, 1, bool>;
    using ssc = Field<Dbgwcr, 14, 2, u8>;
    using lbn = Field<Dbgwcr, 16, 4, u8>;
    using wt = Field<Dbgwcr, 20, 1, bool>;
    using mask = Field<Dbgwcr, 24, 5, u8>; ///< log2 of the bytes watched, 3..31; 0 is "use BAS"
};

struct OslsrEl1 {
    u64 raw{};
    using oslm0 = Field<OslsrEl1, 0, 1, bool>;
    using oslk = Field<OslsrEl1, 1, 1, bool>;
    using oslm1 = Field<OslsrEl1, 3, 1, bool>; ///< OSLM = 0b10: the OS Lock is implemented
};

} // namespace gimbal::aarch64
