// SPDX-License-Identifier: Apache-2.0
#include "test/engine/el2/stage2_model.hpp"

#include <algorithm>

#include "test/engine/el2/text.hpp"

namespace gimbal::el2::test {

namespace {

constexpr u64 page_size = 4096;
constexpr u64 covers(unsigned level) { return u64{1} << (12 + 9 * (3 - level)); }
constexpr bool is_table(u64 raw, unsigned level) { return (raw & 3) == 3 && level < 3; }

/// S2AP and XN: what may change in place (DDI 0487).
constexpr u64 permissions = 0x0060'0000'0000'00C0;

} // namespace

FakePool::FakePool(u32 pages)
    : pages_(pages),
      storage_(std::make_unique_for_overwrite<u64[]>((pages + 16) * 512)),
      order_(pages, -1),
      allowed_(pages)
{
    void* start = storage_.get();
    usize room = (pages + 16) * page_size;
    memory_ = static_cast<u64*>(std::align(16 * page_size, pages * page_size, start, room));
    std::fill_n(memory_, pages * 512, garbage);
}

u32 FakePool::page_of(const u64* table) const { return static_cast<u32>((table - memory_) / 512); }

u64* FakePool::take_pages(unsigned order) noexcept
{
    const u32 count = 1u << order;
    if (held_ + count > allowed_) return nullptr;
    for (u32 page = 0; page + count <= pages_; page += count) {
        if (std::any_of(&order_[page], &order_[page] + count, [](int o) { return o >= 0; })) continue;
        std::fill_n(&order_[page], count, static_cast<int>(order));
        held_ += count;
        u64* table = memory_ + page * 512;
        std::fill_n(table, count * 512, u64{0});
        for (u32 i = 0; on_take && i < count; ++i) on_take(address_of(table) + i * page_size);
        return table;
    }
    return nullptr;
}

void FakePool::give_pages(u64* pages, unsigned order) noexcept
{
    const u32 page = page_of(pages);
    const u32 count = 1u << order;
    for (u32 i = 0; i < count; ++i) {
        if (order_.at(page + i) != static_cast<int>(order)) std::abort();
        if (on_give) on_give(address_of(pages) + i * page_size);
        order_[page + i] = -1;
    }
    std::fill_n(pages, count * 512, garbage);
    held_ -= count;
}

u64 FakePool::address_of(const u64* table) const noexcept { return base + static_cast<u64>(table - memory_) * 8; }
u64* FakePool::table_at(u64 physical) const noexcept { return memory_ + (physical - base) / 8; }
bool FakePool::is_held(u64 physical) const
{
    return physical >= base && physical < base + pages_ * page_size && order_[(physical - base) / page_size] >= 0;
}

TlbModel::TlbModel(FakePool& pool) : pool_(pool), shadow_(pool.pages() * 512, FakePool::garbage)
{
    const auto fill = [this](u64 physical, u64 value) {
        std::fill_n(&shadow_[(physical - FakePool::base) / 8], 512, value);
    };
    pool.on_take = [fill](u64 physical) { fill(physical, 0); };
    pool.on_give = [this, fill](u64 physical) {
        if (running_ && cache_.tables.contains(physical))
            fault(text("table ", physical, " is given back while walkers may be in it"));
        fill(physical, FakePool::garbage);
    };
}

void TlbModel::start(u64 root, unsigned start_level, u64 root_entries, u16 vmid)
{
    root_ = root, start_level_ = start_level, root_entries_ = root_entries, vmid_ = vmid;
    running_ = true;
    cache_ = live();
}

void TlbModel::store(u64& descriptor, u64 value) noexcept
{
    Tlb::store(descriptor, value);
    const u64 offset = static_cast<u64>(reinterpret_cast<std::uintptr_t>(&descriptor) & (page_size - 1));
    const u64 table = pool_.address_of(&descriptor) - offset;
    if (!pool_.is_held(table)) fault(text("a store into page ", table, ", which is not ours"));
    shadow_[(table + offset - FakePool::base) / 8] = value;
    ++unpublished_;
    if (!running_) return;
    const auto [first, last] = cache_.tables.equal_range(table);
    std::vector<Place> places; // found() adds tables
    for (auto at = first; at != last; ++at) places.push_back(at->second);
    if (!places.empty()) ++stores_;
    for (const Place& place : places) found(cache_, {place.ipa + offset / 8 * covers(place.level), place.level}, value);
}

void TlbModel::found(Cache& cache, Place place, u64 raw)
{
    if ((raw & 1) == 0) return;
    judge(cache, place, raw);
    if (!is_table(raw, place.level)) {
        cache.leaves[place.ipa].insert({place.level, raw});
        return;
    }
    const u64 table = raw & 0x0000'FFFF'FFFF'F000;
    if (!pool_.is_held(table)) return fault(text("a table at ", table, ", which is not ours"));
    if (!cache.table_entries[place].insert(raw).second) return;
    visit(cache, table, {place.ipa, place.level + 1}, 512);
}

void TlbModel::visit(Cache& cache, u64 table, Place place, u64 entries)
{
    for (u64 page = 0; page * 512 < entries; ++page)
        cache.tables.emplace(table + page * page_size,
                             Place{place.ipa + page * 512 * covers(place.level), place.level});
    for (u64 i = 0; i < entries; ++i)
        found(cache, {place.ipa + i * covers(place.level), place.level}, pool_.read(table + i * 8));
}

// What is about to be cached beside what is cached already.
void TlbModel::judge(const Cache& cache, Place place, u64 raw)
{
    const auto same_place = cache.table_entries.find(place);
    const bool table = is_table(raw, place.level);
    if (same_place != cache.table_entries.end()) {
        for (const u64 other : same_place->second) {
            if (other != raw)
                fault(text(place.ipa, " level ", place.level, ": table ", other, " becomes ", raw,
                           " without break-before-make"));
        }
    }
    if (!table) return judge_overlap(cache, place.ipa, covers(place.level), {place.level, raw});
    const auto leaf = cache.leaves.find(place.ipa);
    if (leaf == cache.leaves.end()) return;
    for (const Leaf& other : leaf->second) {
        if (other.level == place.level)
            fault(text(place.ipa, ": a block of level ", other.level, " becomes a table without break-before-make"));
    }
}

void TlbModel::judge_overlap(const Cache& cache, u64 ipa, u64 size, Leaf leaf)
{
    // Those that begin inside, and those around it: their first address is ours rounded down.
    for (auto at = cache.leaves.lower_bound(ipa); at != cache.leaves.end() && at->first < ipa + size; ++at)
        for (const Leaf& other : at->second) judge_one(ipa, at->first, leaf, other);
    for (unsigned level = 1; level < leaf.level; ++level) {
        const u64 around = ipa & ~(covers(level) - 1);
        const auto at = cache.leaves.find(around);
        if (around == ipa || at == cache.leaves.end()) continue;
        for (const Leaf& other : at->second)
            if (other.level == level) judge_one(ipa, around, leaf, other);
    }
}

void TlbModel::judge_one(u64 ipa, u64 other_ipa, Leaf leaf, Leaf other)
{
    if (leaf.level == other.level && ipa == other_ipa && ((leaf.raw ^ other.raw) & ~permissions) == 0) return;
    fault(text(ipa, " level ", leaf.level, ": ", leaf.raw, " beside ", other.raw, " of ", other_ipa, " level ",
               other.level, ", without break-before-make"));
}

void TlbModel::publish() noexcept { unpublished_ = 0; }

void TlbModel::invalidate_ipa(u16 vmid, Gpa ipa, unsigned level) noexcept
{
    ++invalidations_;
    if (vmid != vmid_) return fault(text("VMID ", vmid, " is invalidated, not ", vmid_));
    if (unpublished_ != 0) fault("a TLBI before its stores are published: walkers may fetch the old value again");
    const u64 first = ipa.value & ~(covers(level) - 1);
    const auto at = cache_.leaves.find(first);
    if (at == cache_.leaves.end()) return;
    std::erase_if(at->second, [level](const Leaf& leaf) { return leaf.level == level; });
    if (at->second.empty()) cache_.leaves.erase(at);
    // What is still in the tables comes back at once: by a walk from the root, or from a table that is cached.
    const auto tables = cache_.tables;
    for (const auto& [table, place] : tables) {
        if (place.level != level || first < place.ipa || first - place.ipa >= 512 * covers(level)) continue;
        found(cache_, {first, level}, pool_.read(table + (first - place.ipa) / covers(level) * 8));
    }
}

void TlbModel::invalidate_vm(u16 vmid) noexcept
{
    ++invalidations_;
    ++whole_vm_;
    if (vmid != vmid_) return fault(text("VMID ", vmid, " is invalidated, not ", vmid_));
    if (unpublished_ != 0) fault("a TLBI before its stores are published: walkers may fetch the old value again");
    cache_ = running_ ? live() : Cache{};
}

TlbModel::Cache TlbModel::live()
{
    Cache cache;
    visit(cache, root_, {0, start_level_}, root_entries_);
    return cache;
}

void TlbModel::check_quiet()
{
    if (unpublished_ != 0) fault("stores that no barrier published");
    for (u64 i = 0; i < shadow_.size(); ++i) {
        if (pool_.read(FakePool::base + i * 8) != shadow_[i]) {
            fault(text(FakePool::base + i * 8, " was written behind the port's back"));
            break;
        }
    }
    if (running_ && !(cache_ == live())) fault("TLBs may still hold what the tables do not say any more");
}

} // namespace gimbal::el2::test
