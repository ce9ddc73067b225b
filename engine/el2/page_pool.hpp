// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/types.hpp"

namespace gimbal::el2 {

/// Where translation tables come from: normal write-back memory of the hypervisor's own, inner shareable as the walks
/// are, that no guest can reach. Off every fast path.
class PagePool {
public:
    /// 4096 << order bytes (order 0..4), aligned to their size and zeroed; null when there are none.
    virtual u64* take_pages(unsigned order) noexcept = 0;
    /// Exactly what take_pages() gave, with the same order. Its contents do not matter.
    virtual void give_pages(u64* pages, unsigned order) noexcept = 0;

    /// The physical address of a table of this pool, never 0, and back.
    virtual u64 address_of(const u64* table) const noexcept = 0;
    virtual u64* table_at(u64 physical) const noexcept = 0;

protected:
    ~PagePool() = default;
};

} // namespace gimbal::el2
