// SPDX-License-Identifier: Apache-2.0
#include "engine/translator/core/code_cache.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "base/bits.hpp"

namespace gimbal::translator {

namespace {

constexpr unsigned line_shift = 6;
constexpr usize batch_pages = 256;   // compared in well under a millisecond
constexpr usize eviction_parts = 64; // what eviction frees at a time, of the limit

u64 last_byte(const LoweredBlock& block) { return block.physical_address + u64{block.guest_count} * 4 - 1; }

u64 line_mask(u64 page_base, u64 first, u64 last)
{
    const u64 from = first > page_base ? (first - page_base) >> line_shift : 0;
    const u64 to = std::min<u64>((last - page_base) >> line_shift, 63);
    return low_mask(static_cast<unsigned>(to - from + 1)) << from;
}

} // namespace

CodeCache::CodeCache(GuestMemory& memory, usize byte_limit)
    : memory_(memory), byte_limit_(byte_limit), index_(index_entries)
{
    for (Atomic<u64>& reader : readers_) reader.store(away);
}

LoweredBlock* CodeCache::find(u64 physical_address, u64 mode_key)
{
    const Key key{physical_address, mode_key};
    Atomic<LoweredBlock*>& entry = index_entry(key);
    LoweredBlock* const quick = entry.load();
    if (quick != nullptr && quick->physical_address == physical_address && quick->mode_key == mode_key) return quick;
    const std::lock_guard lock(mutex_);
    const auto found = blocks_.find(key);
    if (found == blocks_.end()) return nullptr;
    entry.store(found->second.get());
    return found->second.get();
}

LoweredBlock* CodeCache::insert(std::unique_ptr<LoweredBlock> block)
{
    const std::lock_guard lock(mutex_);
    const Key key{block->physical_address, block->mode_key};
    if (const auto found = blocks_.find(key); found != blocks_.end()) return found->second.get();
    if (changed(*block)) return nullptr;
    if (stats_.code_bytes + block->host_bytes > byte_limit_) evict_down_to(byte_limit_ - byte_limit_ / eviction_parts);
    LoweredBlock* const published = blocks_.emplace(key, std::move(block)).first->second.get();
    append(published);
    stats_.code_bytes += published->host_bytes;
    stats_.instructions_translated += published->guest_count;
    ++stats_.blocks_translated;
    const u64 page_number = published->physical_address >> page_shift;
    Page& page = pages_[page_number];
    page.blocks.push_back(published);
    page.lines |= line_mask(page_number << page_shift, published->physical_address, last_byte(*published));
    index_entry(key).store(published);
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

void CodeCache::append(LoweredBlock* block)
{
    block->older = newest_;
    block->newer = nullptr;
    (newest_ != nullptr ? newest_->newer : oldest_) = block;
    newest_ = block;
}

void CodeCache::unlink(LoweredBlock* block)
{
    (block->older != nullptr ? block->older->newer : oldest_) = block->newer;
    (block->newer != nullptr ? block->newer->older : newest_) = block->older;
}

/// From everywhere but its page's list. The epoch moves last: whoever sees it move finds the block nowhere.
void CodeCache::retire(LoweredBlock* block)
{
    const Key key{block->physical_address, block->mode_key};
    block->stale.store(1, MemoryOrder::release);
    block->retire();
    stats_.code_bytes -= block->host_bytes;
    unlink(block);
    LoweredBlock* indexed = block;
    index_entry(key).compare_exchange(indexed, nullptr);
    const auto found = blocks_.find(key);
    retired_.push_back({std::move(found->second), epoch_.load() + 1});
    blocks_.erase(found);
    epoch_.fetch_add(1);
}

void CodeCache::retire_in_page(u64 page_number, Page& page, u64 first, u64 last)
{
    const u64 base = page_number << page_shift;
    if ((page.lines & line_mask(base, first, last)) == 0) return;
    auto overlaps = [&](LoweredBlock* block) {
        return block->physical_address <= last && last_byte(*block) >= first && changed(*block);
    };
    const auto kept = std::partition(page.blocks.begin(), page.blocks.end(), [&](auto* b) { return !overlaps(b); });
    stats_.invalidations += static_cast<u64>(page.blocks.end() - kept);
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
    u64 next = first >> page_shift;
    for (bool done = false; !done;) {
        const std::lock_guard lock(mutex_);
        auto at = pages_.lower_bound(next);
        for (usize count = 0; count < batch_pages && at != pages_.end() && at->first <= last >> page_shift; ++count) {
            retire_in_page(at->first, at->second, first, last);
            next = at->first + 1;
            at = at->second.blocks.empty() ? pages_.erase(at) : std::next(at);
        }
        done = at == pages_.end() || at->first > last >> page_shift;
    }
}

void CodeCache::invalidate_all_changed() { invalidate_changed(0, ~u64{0}); }

void CodeCache::evict()
{
    const std::lock_guard lock(mutex_);
    evict_down_to(stats_.code_bytes - std::min(stats_.code_bytes, byte_limit_ / eviction_parts));
}

/// Makes room for a while: oldest first, because what is old is as likely to be dead as anything that costs no
/// bookkeeping to know, and a hot block comes back at the price of one translation.
void CodeCache::evict_down_to(u64 enough)
{
    const auto room = [&] { return stats_.code_bytes <= enough; };
    while (oldest_ != nullptr && !room()) {
        const auto page = pages_.find(oldest_->physical_address >> page_shift);
        const u64 base = page->first << page_shift;
        std::vector<LoweredBlock*>& blocks = page->second.blocks;
        LoweredBlock* const victim = oldest_;
        std::erase(blocks, victim);
        ++stats_.evictions;
        retire(victim);
        if (blocks.empty()) {
            pages_.erase(page);
            continue;
        }
        page->second.lines = 0;
        for (const LoweredBlock* block : blocks)
            page->second.lines |= line_mask(base, block->physical_address, last_byte(*block));
    }
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
    Freed freed;
    const std::lock_guard lock(mutex_);
    reader_taken_[reader] = false;
    readers_[reader].store(away);
    freed = take_unreachable();
}

void CodeCache::quiescent(unsigned reader, u64& seen)
{
    seen = epoch_.load();
    readers_[reader].store(seen);
    Freed freed; // declared before the lock: destroying thousands of blocks must not hold up the others
    const std::lock_guard lock(mutex_);
    freed = take_unreachable();
}

CodeCache::Freed CodeCache::take_unreachable()
{
    u64 oldest = away;
    for (const Atomic<u64>& reader : readers_) oldest = std::min(oldest, reader.load());
    Freed freed;
    while (!retired_.empty() && retired_.front().epoch <= oldest) {
        freed.push_back(std::move(retired_.front().block));
        retired_.pop_front();
    }
    return freed;
}

CodeCacheStats CodeCache::stats() const
{
    const std::lock_guard lock(mutex_);
    CodeCacheStats stats = stats_;
    stats.retired_blocks = retired_.size();
    return stats;
}

} // namespace gimbal::translator
