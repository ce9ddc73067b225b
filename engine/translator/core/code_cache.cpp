// SPDX-License-Identifier: Apache-2.0
#include "engine/translator/core/code_cache.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "base/bits.hpp"

namespace gimbal::translator {

namespace {

constexpr unsigned line_shift = 6;

u64 last_byte(const LoweredBlock& block) { return block.physical_address + u64{block.guest_count} * 4 - 1; }

u64 line_mask(u64 page_base, u64 first, u64 last)
{
    const u64 from = first > page_base ? (first - page_base) >> line_shift : 0;
    const u64 to = std::min<u64>((last - page_base) >> line_shift, 63);
    return low_mask(static_cast<unsigned>(to - from + 1)) << from;
}

} // namespace

CodeCache::CodeCache(GuestMemory& memory, usize byte_limit) : memory_(memory), byte_limit_(byte_limit)
{
    for (Atomic<u64>& reader : readers_) reader.store(away);
}

LoweredBlock* CodeCache::find(u64 physical_address, u64 mode_key)
{
    const std::lock_guard lock(mutex_);
    const auto found = blocks_.find({physical_address, mode_key});
    return found == blocks_.end() ? nullptr : found->second.get();
}

LoweredBlock* CodeCache::insert(std::unique_ptr<LoweredBlock> block)
{
    const std::lock_guard lock(mutex_);
    const Key key{block->physical_address, block->mode_key};
    if (const auto found = blocks_.find(key); found != blocks_.end()) return found->second.get();
    if (stats_.code_bytes + block->host_bytes > byte_limit_) evict_all();
    LoweredBlock* const published = blocks_.emplace(key, std::move(block)).first->second.get();
    stats_.code_bytes += published->host_bytes;
    stats_.instructions_translated += published->guest_count;
    ++stats_.blocks_translated;
    const u64 page_number = published->physical_address >> page_shift;
    Page& page = pages_[page_number];
    page.blocks.push_back(published);
    page.lines |= line_mask(page_number << page_shift, published->physical_address, last_byte(*published));
    return published;
}

bool CodeCache::changed(const LoweredBlock& block) const
{
    const MemoryRegion* region = memory_.find({block.physical_address});
    if (region == nullptr) return true;
    const auto* words = reinterpret_cast<const u32*>(region->host + (block.physical_address - region->base.value));
    for (usize i = 0; i < block.guest_words.size(); ++i)
        if (__atomic_load_n(words + i, __ATOMIC_RELAXED) != block.guest_words[i]) return true;
    return false;
}

void CodeCache::retire(LoweredBlock* block)
{
    const auto found = blocks_.find({block->physical_address, block->mode_key});
    block->stale.store(1, MemoryOrder::release);
    block->retire();
    stats_.code_bytes -= block->host_bytes;
    ++stats_.invalidations;
    retired_.push_back({std::move(found->second), epoch_.fetch_add(1) + 1});
    blocks_.erase(found);
}

void CodeCache::retire_in_page(u64 page_number, Page& page, u64 first, u64 last)
{
    const u64 base = page_number << page_shift;
    if ((page.lines & line_mask(base, first, last)) == 0) return;
    auto overlaps = [&](LoweredBlock* block) {
        return block->physical_address <= last && last_byte(*block) >= first && changed(*block);
    };
    const auto kept = std::partition(page.blocks.begin(), page.blocks.end(), [&](auto* b) { return !overlaps(b); });
    std::for_each(kept, page.blocks.end(), [&](auto* block) { retire(block); });
    page.blocks.erase(kept, page.blocks.end());
    page.lines = 0;
    for (const LoweredBlock* block : page.blocks)
        page.lines |= line_mask(base, block->physical_address, last_byte(*block));
}

void CodeCache::invalidate_changed(u64 first, u64 size)
{
    if (size == 0) return;
    const u64 last = first + (size - 1);
    const std::lock_guard lock(mutex_);
    const u64 pages = (last >> page_shift) - (first >> page_shift) + 1;
    if (pages > pages_.size()) {
        for (auto& [number, page] : pages_)
            if (number >= first >> page_shift && number <= last >> page_shift)
                retire_in_page(number, page, first, last);
        return;
    }
    for (u64 number = first >> page_shift; number <= last >> page_shift; ++number)
        if (const auto found = pages_.find(number); found != pages_.end())
            retire_in_page(number, found->second, first, last);
}

void CodeCache::invalidate_all_changed() { invalidate_changed(0, ~u64{0}); }

void CodeCache::evict_all()
{
    while (!blocks_.empty()) retire(blocks_.begin()->second.get());
    pages_.clear();
}

unsigned CodeCache::add_reader()
{
    const std::lock_guard lock(mutex_);
    const auto slot = std::find(reader_taken_.begin(), reader_taken_.end(), false);
    const auto reader = static_cast<unsigned>(slot - reader_taken_.begin());
    GIMBAL_ASSERT(reader < max_vcpus);
    if (slot == reader_taken_.end())
        reader_taken_.push_back(true);
    else
        *slot = true;
    return reader;
}

void CodeCache::remove_reader(unsigned reader)
{
    const std::lock_guard lock(mutex_);
    reader_taken_[reader] = false;
    readers_[reader].store(away);
    free_unreachable();
}

void CodeCache::quiescent(unsigned reader, u64& seen)
{
    seen = epoch_.load();
    readers_[reader].store(seen);
    const std::lock_guard lock(mutex_);
    free_unreachable();
}

void CodeCache::free_unreachable()
{
    u64 oldest = away;
    for (const Atomic<u64>& reader : readers_) oldest = std::min(oldest, reader.load());
    std::erase_if(retired_, [&](const Retired& retired) { return retired.epoch <= oldest; });
}

CodeCacheStats CodeCache::stats() const
{
    const std::lock_guard lock(mutex_);
    CodeCacheStats stats = stats_;
    stats.retired_blocks = retired_.size();
    return stats;
}

} // namespace gimbal::translator
