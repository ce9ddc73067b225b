// SPDX-License-Identifier: Apache-2.0
#pragma once

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

/// The hypervisor's own stage 1 (EL2 regime, E2H = 0): identity map, 4 KiB granule, 48 bits; blocks where they fit.
/// Built once, before the MMU is on; it never changes after that.
class OwnTables {
public:
    static constexpr unsigned max_tables = 14;

    /// Physical memory [base, base + size) at the same address.
    Result<void, MapError> map(u64 base, u64 size, PageKind kind);

    u64 root() const { return reinterpret_cast<u64>(&tables_[0]); }
    /// MAIR_EL2: attribute 0 Device-nGnRE, 1 Normal write-back.
    static constexpr u64 mair = 0xFF04;
    /// TCR_EL2: T0SZ = 16, 4 KiB granule, write-back inner-shareable walks, PS from ID_AA64MMFR0_EL1.PARange.
    static constexpr u64 tcr(unsigned pa_range) { return 0x8080'3510 | u64{pa_range < 5 ? pa_range : 5} << 16; }
    /// SCTLR_EL2: M, C, I, SA, WXN and the RES1 bits.
    static constexpr u64 sctlr = 0x30C5'0830 | 1 << 0 | 1 << 2 | 1 << 3 | 1 << 12 | 1 << 19;

private:
    static constexpr unsigned entries = 512;
    struct alignas(4096) Table {
        u64 entry[entries];
    };
    Result<void, MapError> map_one(u64 address, unsigned level, u64 descriptor);
    Table* next_table(u64& entry);

    Table tables_[max_tables]{}; // the first is the root
    unsigned used_{1};
};

} // namespace gimbal::bare
