// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/bits.hpp"

// Memory-mapped registers of a GICv3 with one Security state and without LPIs (IHI 0069).
namespace gimbal::gicv3 {

/// Both frames of a register bank hold these blocks, one word per 32 INTIDs; offset / 0x80 is the block.
enum class BankBlock : u8 {
    igroupr = 1,
    isenabler = 2,
    icenabler = 3,
    ispendr = 4,
    icpendr = 5,
    isactiver = 6,
    icactiver = 7,
};

namespace gicd {
inline constexpr u64 ctlr = 0x0000;
inline constexpr u64 typer = 0x0004;
inline constexpr u64 iidr = 0x0008;
inline constexpr u64 igroupr = 0x0080;
inline constexpr u64 ipriorityr = 0x0400;
inline constexpr u64 itargetsr = 0x0800;
inline constexpr u64 icfgr = 0x0C00;
inline constexpr u64 igrpmodr = 0x0D00;
inline constexpr u64 irouter = 0x6000; ///< GICD_IROUTER<n> at irouter + 8n, n from 32
inline constexpr u64 irouter_end = 0x8000;
inline constexpr u64 pidr2 = 0xFFE8;
inline constexpr u64 size = 0x1'0000;
} // namespace gicd

namespace gicd_ctlr {
inline constexpr u32 enable_grp0 = 1U << 0;
inline constexpr u32 enable_grp1 = 1U << 1;
inline constexpr u32 are = 1U << 4; ///< RAO/WI: no legacy operation
inline constexpr u32 ds = 1U << 6;  ///< RAO/WI: one Security state
} // namespace gicd_ctlr

namespace gicd_irouter {
inline constexpr u64 routing_mode = bit(31);
} // namespace gicd_irouter

/// GICD_TYPER for `intids` INTIDs: IDbits = 10, and zeroes: no extended SPIs, messages, LPIs, Aff3 or range selector;
/// 1-of-N is supported.
constexpr u32 gicd_typer(u32 intids) { return (intids / 32 - 1) | 9U << 19; }

/// Implementer 0: ours alone, so that no erratum workaround of anyone's silicon applies. Product 'G'.
inline constexpr u32 iidr_value = u32{'G'} << 24;
inline constexpr u32 pidr2_value = 3U << 4; ///< ArchRev: GICv3

namespace gicr {
inline constexpr u64 ctlr = 0x0000;
inline constexpr u64 iidr = 0x0004;
inline constexpr u64 typer = 0x0008; ///< 64 bits
inline constexpr u64 waker = 0x0014;
inline constexpr u64 pidr2 = 0xFFE8;
inline constexpr u64 sgi_base = 0x1'0000;
inline constexpr u64 size = 0x2'0000; ///< RD_base and SGI_base
} // namespace gicr

namespace gicr_typer {
inline constexpr u64 last = bit(4);
inline constexpr unsigned processor_number_shift = 8;
inline constexpr unsigned affinity_shift = 32;
} // namespace gicr_typer

namespace gicr_waker {
inline constexpr u32 processor_sleep = 1U << 1;
inline constexpr u32 children_asleep = 1U << 2;
} // namespace gicr_waker

/// ICC_CTLR_EL1. PRIbits and the zeroes in IDbits (16 bits), SEIS, A3V, RSS and ExtRange are read-only.
namespace icc_ctlr {
inline constexpr u64 cbpr = bit(0);
inline constexpr u64 eoi_mode = bit(1);
inline constexpr u64 pri_bits = u64{4} << 8;
} // namespace icc_ctlr

inline constexpr u64 icc_sre_value = 7; ///< SRE, DFB, DIB: RAO/WI
inline constexpr u32 spurious_intid = 1023;

/// ICC_SGI0R_EL1, ICC_SGI1R_EL1 and ICC_ASGI1R_EL1.
struct IccSgir {
    u64 raw{};
    constexpr u32 target_list() const { return static_cast<u32>(bits(raw, 0, 16)); }
    constexpr u32 intid() const { return static_cast<u32>(bits(raw, 24, 4)); }
    constexpr bool all_but_self() const { return test_bit(raw, 40); }
    /// MPIDR affinity of target `n` (0..15) of the list. RS, the range selector, is RES0 because ICC_CTLR_EL1.RSS is 0.
    constexpr u64 affinity(unsigned n) const
    {
        return bits(raw, 48, 8) << 32 | bits(raw, 32, 8) << 16 | bits(raw, 16, 8) << 8 | n;
    }
};

} // namespace gimbal::gicv3
