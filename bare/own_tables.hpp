// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "base/result.hpp"
#include "base/types.hpp"

namespace gimbal::bare {

/// What the hypervisor's own translation allows. No kind is both writable and executable.
enum class PageKind : u8 { code, constant, data, device };

enum class MapError : u8 {
    misaligned, ///< Not whole pages of 4 KiB, or beyond 48 bits.
    overlap,    ///< A part is mapped already.
    full,       ///< No table is left.
};

/// Whose translation EL2 runs on (DDI 0487, "Translation regimes"): EL2's alone, or with HCR_EL2.E2H that of EL2 and
/// EL0, which has two halves and privileges.
enum class OwnRegime : u8 { el2, el2_and_el0 };

/// The hypervisor's own stage 1: identity map, 4 KiB granule, 48 bits; blocks where they fit. Nothing of it is for EL0.
/// Built once, before the MMU is on; it never changes after that.
class OwnTables {
public:
    /// Bytes that begin() is given at least: tables for a board with scattered memory and devices.
    static constexpr u64 usual_memory = 20 * 4096;

    /// Before the first map(). `memory`: whole pages on a 4 KiB boundary, at least one; what the tables are made of.
    void begin(OwnRegime regime, std::span<u8> memory);
    /// Physical memory [base, base + size) at the same address.
    Result<void, MapError> map(u64 base, u64 size, PageKind kind);

    u64 root() const { return reinterpret_cast<u64>(tables_.data()); }
    /// MAIR_EL2: attribute 0 Device-nGnRE, 1 Normal write-back.
    static constexpr u64 mair = 0xFF04;
    /// TCR_EL2: T0SZ = 16, 4 KiB granule, write-back inner-shareable walks, (I)PS from ID_AA64MMFR0_EL1.PARange; of two
    /// halves, the upper one is off (T1SZ = 16, TG1 = 4 KiB, EPD1).
    static constexpr u64 tcr(OwnRegime regime, unsigned pa_range)
    {
        const u64 size = pa_range < 5 ? pa_range : 5; // 48 bits
        if (regime == OwnRegime::el2_and_el0) return 0x8090'3510 | size << 32;
        return 0x8080'3510 | size << 16;
    }
    /// SCTLR_EL2: M, C, I, SA, WXN and the RES1 bits.
    static constexpr u64 sctlr = 0x30C5'0830 | 1 << 0 | 1 << 2 | 1 << 3 | 1 << 12 | 1 << 19;

private:
    static constexpr unsigned entries = 512;
    struct alignas(4096) Table {
        u64 entry[entries];
    };
    Result<void, MapError> map_one(u64 address, unsigned level, u64 descriptor);
    Table* next_table(u64& entry);

    std::span<Table> tables_; // the first is the root
    unsigned used_{};
    OwnRegime regime_{OwnRegime::el2};
};

} // namespace gimbal::bare
