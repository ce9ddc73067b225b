// SPDX-License-Identifier: Apache-2.0
#include "bare/page_stack.hpp"

#include "base/bits.hpp"

namespace gimbal::bare {

void PageStack::add(u64 base, u64 size)
{
    next_ = align_up(base, page);
    end_ = (base + size) & ~(page - 1);
}

u64* PageStack::take_pages(unsigned order) noexcept
{
    SpinGuard guard(lock_);
    u64* pages = free_[order];
    if (pages != nullptr) {
        free_[order] = reinterpret_cast<u64*>(*pages);
    } else {
        const u64 at = align_up(next_, page << order);
        if (at + (page << order) > end_) return nullptr;
        next_ = at + (page << order);
        pages = reinterpret_cast<u64*>(at);
    }
    __builtin_memset(pages, 0, page << order);
    return pages;
}

void PageStack::give_pages(u64* pages, unsigned order) noexcept
{
    SpinGuard guard(lock_);
    *pages = reinterpret_cast<u64>(free_[order]);
    free_[order] = pages;
}

} // namespace gimbal::bare
