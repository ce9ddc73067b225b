// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "arch/aarch64/esr.hpp"
#include "base/result.hpp"
#include "vm/memory.hpp"

namespace gimbal::translator::aarch64 {

namespace arch = ::gimbal::aarch64;

/// The registers that a stage-1 walk of the EL1&0 regime reads (Arm ARM D8).
struct WalkRegisters {
    u64 ttbr0{};
    u64 ttbr1{};
    u64 tcr{};
    u64 mair{};
    u64 sctlr{};
};

enum class WalkAccess : u8 { read, write, execute };

/// What a fetch or data access may do; the privilege decides which half counts.
struct WalkRights {
    bool el0_read{};
    bool el0_write{};
    bool el1_read{};
    bool el1_write{};
    bool el0_execute{};
    bool el1_execute{};
};

/// A leaf descriptor that a walk found, or the flat mapping while the MMU is off.
struct Translation {
    u64 page{};             ///< Physical address of the smallest page (1 << page_shift) that holds the address.
    u8 page_shift{12};      ///< The regime's granule: 12, 14 or 16.
    u8 block_shift{12};     ///< How much the descriptor maps as one piece; TLB maintenance by address covers all of it.
    bool device{};          ///< Any Device memory type: unaligned accesses fault.
    bool global{true};      ///< Not tagged by ASID.
    u8 memory_attributes{}; ///< The MAIR byte, for PAR_EL1.
    u8 shareability{};      ///< SH, for PAR_EL1.
    WalkRights rights{};
    bool dirty{true}; ///< A write needs no change of the descriptor first.
};

/// Why a walk failed, as DFSC and IFSC report it.
struct WalkFault {
    arch::FaultStatus status{};
    bool device{}; ///< Of a permission fault: on Device memory, whose alignment fault has priority (S1Translate).
};

/// ID_AA64MMFR0_EL1.PARange that the walker enforces, as a width in bits.
inline constexpr unsigned physical_address_bits = 48;

/// Walks the tables for `va`. Sets the access flag, and for a permitted write the dirty state, by compare-and-swap
/// where TCR_EL1.HA and HD ask for it. `privileged`: rights of EL1, else of EL0; `pan`: PSTATE.PAN as it applies to the
/// access.
Result<Translation, WalkFault> walk_stage1(GuestMemory& memory, const WalkRegisters& registers, u64 va,
                                           WalkAccess access, bool privileged, bool pan);

/// Whether `access` is within `rights`; PAN denies a privileged data access to what EL0 may touch.
bool permitted(const WalkRights& rights, WalkAccess access, bool privileged, bool pan);

/// Whether TBI makes the top byte of `va` a tag (data and instruction alike: TBID needs FEAT_PAuth).
bool top_byte_ignored(u64 tcr, u64 va);

/// The smallest page of the half of the address space that `va` is in: 12, 14 or 16.
unsigned granule_shift(const WalkRegisters& registers, u64 va);

} // namespace gimbal::translator::aarch64
