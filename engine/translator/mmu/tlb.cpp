// SPDX-License-Identifier: Apache-2.0
#include "engine/translator/mmu/tlb.hpp"

#include <algorithm>
#include <bit>

#include "base/bits.hpp"

namespace gimbal::translator::aarch64 {

namespace {

/// An address without its tag: what TLB maintenance compares.
u64 untagged(u64 va) { return static_cast<u64>(sign_extend(va, 56)); }

bool within(u64 page, u64 first, u64 last) { return page >= first && page <= last; }

} // namespace

Tlb::Tlb() : second_level_(std::make_unique<Entry[]>(second_level_entries)) { contexts_.reserve(context_count); }

Tlb::Context& Tlb::context_for(u16 asid, TlbPrivilege privilege)
{
    Context* oldest = nullptr;
    for (const auto& context : contexts_) {
        if (context->privilege == privilege && context->in_use) {
            if (context->asid == asid) return *context;
            if (privilege != TlbPrivilege::el0) {
                if (context->non_global) clear(*context);
                context->asid = asid;
                return *context;
            }
        }
        if (context->privilege == TlbPrivilege::el0 && (oldest == nullptr || context->last_used < oldest->last_used))
            oldest = context.get();
    }
    if (contexts_.size() < context_count) {
        contexts_.push_back(std::make_unique<Context>());
        oldest = contexts_.back().get();
    }
    clear(*oldest);
    oldest->in_use = true;
    oldest->asid = asid;
    oldest->privilege = privilege;
    return *oldest;
}

Tlb::Views Tlb::activate(u16 asid, TlbPrivilege privilege)
{
    if (asid != active_asid_) {
        active_asid_ = asid;
        std::fill(std::begin(by_privilege_), std::end(by_privilege_), nullptr);
    }
    // The unprivileged view first: making room for it must not take the context just chosen.
    for (const TlbPrivilege wanted : {TlbPrivilege::el0, privilege}) {
        Context*& slot = by_privilege_[static_cast<usize>(wanted)];
        if (slot == nullptr) slot = &context_for(asid, wanted);
        slot->last_used = ++clock_;
    }
    active_[1] = by_privilege_[static_cast<usize>(TlbPrivilege::el0)];
    active_[0] = by_privilege_[static_cast<usize>(privilege)];
    return {active_[0]->entries, active_[1]->entries, active_[0]->fetch};
}

void Tlb::set_granule(unsigned shift)
{
    if (shift == granule_) return;
    granule_ = shift;
    flush_all();
}

void Tlb::clear(Context& context)
{
    if (context.dirty) {
        std::fill(std::begin(context.entries), std::end(context.entries), TlbEntry{});
        std::fill(std::begin(context.fetch), std::end(context.fetch), FetchEntry{});
        ++flushes_;
    }
    context.dirty = false;
    context.non_global = false;
}

std::span<Tlb::Entry> Tlb::second_level_set(u64 page)
{
    const u64 number = page >> granule_;
    const u64 set = (number ^ number >> 11) & (second_level_entries / second_level_ways - 1);
    return {&second_level_[set * second_level_ways], second_level_ways};
}

const Translation* Tlb::lookup(u64 va, u16 asid)
{
    const u64 page = align_down(untagged(va), u64{1} << granule_);
    for (const Entry& entry : second_level_set(page))
        if (entry.page == page && (entry.translation.global || entry.asid == asid)) return &entry.translation;
    return nullptr;
}

void Tlb::remember(u64 va, u16 asid, const Translation& translation)
{
    // A half with larger pages than the index shift is kept page by page of the smaller size.
    const u64 page = align_down(untagged(va), u64{1} << granule_);
    const std::span<Entry> set = second_level_set(page);
    const auto same = std::find_if(set.begin(), set.end(), [&](const Entry& entry) {
        return entry.page == ~u64{0} || (entry.page == page && (entry.translation.global || entry.asid == asid));
    });
    Entry& entry = same != set.end() ? *same : set[++victim_ % second_level_ways];
    entry = {page, asid, translation};
    if (translation.block_shift > granule_) {
        block_shifts_ |= bit(translation.block_shift);
        const usize index = filter_index(page, translation.block_shift);
        block_filter_[index / 64] |= bit(index % 64);
    }
}

usize Tlb::filter_index(u64 va, unsigned shift) const
{
    return static_cast<usize>(((va >> shift) * 0x9E37'79B9 + shift * 0x61) >> 7 & (block_filter_bits - 1));
}

void Tlb::fill(u64 va, bool unprivileged, const Translation& translation, const u8* host_page, bool may_write)
{
    Context& context = *active_[unprivileged ? 1 : 0];
    const u64 page_mask = ~low_mask(granule_);
    TlbEntry& entry = context.entries[(va >> granule_) & (tlb_entries - 1)];
    const u64 tag = va & page_mask;
    entry.read_tag = tag;
    entry.write_tag = may_write ? tag : ~u64{0};
    entry.addend = reinterpret_cast<u64>(host_page) - tag;
    context.dirty = true;
    context.non_global |= !translation.global;
}

void Tlb::fill_fetch(u64 va, u64 physical_page, bool global)
{
    Context& context = *active_[0];
    const u64 page = align_down(va, 4096);
    context.fetch[(page >> 12) & (fetch_entries - 1)] = {page, physical_page};
    context.dirty = true;
    context.non_global |= !global;
}

void Tlb::flush_all()
{
    for (const auto& context : contexts_) clear(*context);
    for (unsigned i = 0; i < second_level_entries; ++i) second_level_[i].page = ~u64{0};
    std::fill(std::begin(block_filter_), std::end(block_filter_), u64{0});
    block_shifts_ = 0;
}

bool Tlb::hits_block(u64 first, u64 last, u64& block_first, u64& block_last) const
{
    bool hit = false;
    for (u64 shifts = block_shifts_; shifts != 0; shifts &= shifts - 1) {
        const auto shift = static_cast<unsigned>(std::countr_zero(shifts));
        const u64 size = u64{1} << shift;
        // A range wider than the filter is worth is taken to hit.
        const bool wide = (last - first) >> shift > 64;
        for (u64 block = align_down(first, size); !wide && block <= last; block += size) {
            const usize index = filter_index(block, shift);
            if (test_bit(block_filter_[index / 64], index % 64)) {
                hit = true;
                block_first = std::min(block_first, block);
                block_last = std::max(block_last, block + (size - 1));
            }
            if (block + size < block) break;
        }
        if (wide) {
            hit = true;
            block_first = std::min(block_first, align_down(first, size));
            block_last = std::max(block_last, align_down(last, size) + (size - 1));
        }
    }
    return hit;
}

void Tlb::drop_range(Context& context, u64 first, u64 last)
{
    if (!context.dirty) return;
    for (TlbEntry& entry : context.entries) {
        if (entry.read_tag != ~u64{0} && within(untagged(entry.read_tag), first, last)) entry = {};
    }
    for (FetchEntry& entry : context.fetch) {
        if (entry.virtual_page != ~u64{0} && within(untagged(entry.virtual_page), first, last)) entry = {};
    }
}

void Tlb::drop_second_level(const TlbInvalidation& what, std::span<Entry> entries, u64 first, u64 last)
{
    using Scope = TlbInvalidation::Scope;
    for (Entry& entry : entries) {
        if (entry.page == ~u64{0} || !within(entry.page, first, last)) continue;
        const bool dropped = entry.translation.global ? what.scope != Scope::asid
                                                      : what.scope == Scope::address_all || entry.asid == what.asid;
        if (dropped) entry.page = ~u64{0};
    }
}

void Tlb::invalidate(const TlbInvalidation& what)
{
    if (what.scope == TlbInvalidation::Scope::all) {
        flush_all();
        return;
    }
    if (what.scope == TlbInvalidation::Scope::asid) {
        for (const auto& context : contexts_)
            if (context->asid == what.asid && (context->privilege == TlbPrivilege::el0 || context->non_global))
                clear(*context);
        drop_second_level(what, whole_second_level(), 0, ~u64{0});
        return;
    }

    u64 first = align_down(what.first, u64{1} << granule_);
    u64 last = what.last | low_mask(granule_);
    const u64 pages = ((last - first) >> granule_) + 1;
    if (hits_block(first, last, first, last) || pages > 16) {
        for (const auto& context : contexts_) drop_range(*context, first, last);
        drop_second_level(what, whole_second_level(), first, last);
        return;
    }
    for (u64 i = 0; i < pages; ++i) drop_page(what, first + (i << granule_));
}

void Tlb::drop_page(const TlbInvalidation& what, u64 page)
{
    // Every context may hold global entries; those of another ASID's own go with them, which is allowed.
    for (const auto& context : contexts_) {
        if (!context->dirty) continue;
        TlbEntry& entry = context->entries[(page >> granule_) & (tlb_entries - 1)];
        if (entry.read_tag != ~u64{0} && untagged(entry.read_tag) == page) entry = {};
        for (u64 offset = 0; offset < u64{1} << granule_; offset += 4096) {
            FetchEntry& fetch = context->fetch[((page + offset) >> 12) & (fetch_entries - 1)];
            if (fetch.virtual_page == page + offset) fetch = {};
        }
    }
    drop_second_level(what, second_level_set(page), page, page);
}

} // namespace gimbal::translator::aarch64
