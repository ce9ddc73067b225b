// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/field.hpp"

// The hypervisor's view of the virtual CPU interface (IHI 0069, ICH_*_EL2).
namespace gimbal::gicv3 {

inline constexpr unsigned max_list_registers = 16;
inline constexpr unsigned max_active_priority_registers = 4; ///< of each group, with seven bits of preemption

/// ICH_LR<n>_EL2
struct IchLr {
    u64 raw{};
    using vintid = Field<IchLr, 0, 32, u32>;
    using pintid = Field<IchLr, 32, 13, u32>; ///< if hw
    using eoi = Field<IchLr, 41, 1, bool>;    ///< if not hw: deactivation asks for a maintenance interrupt
    using priority = Field<IchLr, 48, 8, u8>;
    using group1 = Field<IchLr, 60, 1, bool>;
    using hw = Field<IchLr, 61, 1, bool>; ///< deactivation deactivates the physical interrupt `pintid`
    using pending = Field<IchLr, 62, 1, bool>;
    using active = Field<IchLr, 63, 1, bool>;

    constexpr bool is_pending() const { return pending::get(*this); }
    constexpr bool is_active() const { return active::get(*this); }
    constexpr bool is_hardware() const { return hw::get(*this); }
    constexpr bool is_free() const { return (raw & (pending::mask | active::mask)) == 0; }
    constexpr u32 intid() const { return vintid::get(*this); }
};

/// ICH_HCR_EL2
namespace ich_hcr {
inline constexpr u64 en = bit(0);
inline constexpr u64 uie = bit(1); ///< maintenance interrupt while at most one list register is in use
inline constexpr u64 lrenpie = bit(2);
inline constexpr u64 npie = bit(3);     ///< ... while none is pending
inline constexpr u64 vgrp0eie = bit(4); ///< ... while the group is enabled
inline constexpr u64 vgrp0die = bit(5); ///< ... while the group is disabled
inline constexpr u64 vgrp1eie = bit(6);
inline constexpr u64 vgrp1die = bit(7);
inline constexpr u64 tc = bit(10);    ///< traps the registers common to both groups
inline constexpr u64 tall0 = bit(11); ///< traps the registers of Group 0
inline constexpr u64 tall1 = bit(12);
inline constexpr u64 tdir = bit(14); ///< traps ICC_DIR_EL1
} // namespace ich_hcr

/// ICH_MISR_EL2: why the maintenance interrupt is asserted.
namespace ich_misr {
inline constexpr u64 eoi = bit(0);
inline constexpr u64 underflow = bit(1);
inline constexpr u64 lrenp = bit(2);
inline constexpr u64 no_pending = bit(3);
inline constexpr u64 vgrp0e = bit(4);
inline constexpr u64 vgrp0d = bit(5);
inline constexpr u64 vgrp1e = bit(6);
inline constexpr u64 vgrp1d = bit(7);
} // namespace ich_misr

/// ICH_VMCR_EL2
struct IchVmcr {
    u64 raw{};
    using veng0 = Field<IchVmcr, 0, 1, bool>;
    using veng1 = Field<IchVmcr, 1, 1, bool>;
    using vfiqen = Field<IchVmcr, 3, 1, bool>; ///< RES1 without the legacy interface
    using vcbpr = Field<IchVmcr, 4, 1, bool>;
    using veoim = Field<IchVmcr, 9, 1, bool>;
    using vbpr1 = Field<IchVmcr, 18, 3, u8>;
    using vbpr0 = Field<IchVmcr, 21, 3, u8>;
    using vpmr = Field<IchVmcr, 24, 8, u8>;

    static constexpr u64 enables = veng0::mask | veng1::mask;
};

/// ICH_VTR_EL2
struct IchVtr {
    u64 raw{};
    constexpr unsigned list_registers() const { return static_cast<unsigned>(bits(raw, 0, 5)) + 1; }
    constexpr bool separate_dir_trap() const { return test_bit(raw, 19); } ///< TDS: ICH_HCR_EL2.TDIR works
    constexpr unsigned preemption_bits() const { return static_cast<unsigned>(bits(raw, 26, 3)) + 1; } ///< 5..7
    constexpr unsigned priority_bits() const { return static_cast<unsigned>(bits(raw, 29, 3)) + 1; }   ///< 5..8
};

} // namespace gimbal::gicv3
