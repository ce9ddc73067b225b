// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/spinlock.hpp"
#include "engine/el2/page_pool.hpp"

namespace gimbal::bare {

/// Pages of identity-mapped memory for translation tables. What is given back goes to the next that asks for the same
/// order.
class PageStack final : public el2::PagePool {
public:
    /// Owns [base, base + size) from now on, in whole pages.
    void add(u64 base, u64 size);

    u64* take_pages(unsigned order) noexcept override;
    void give_pages(u64* pages, unsigned order) noexcept override;
    u64 address_of(const u64* table) const noexcept override { return reinterpret_cast<u64>(table); }
    u64* table_at(u64 physical) const noexcept override { return reinterpret_cast<u64*>(physical); }

private:
    static constexpr unsigned orders = 5;
    static constexpr u64 page = 4096;
    SpinLock lock_;
    u64 next_{}; // of what was never taken
    u64 end_{};
    u64* free_[orders]{}; // chained by their first word
};

} // namespace gimbal::bare
