// SPDX-License-Identifier: Apache-2.0
#include "engine/el2/stage2.hpp"

#include "base/assert.hpp"

namespace gimbal::el2 {

namespace {

using aarch64::Descriptor;
using aarch64::DescriptorKind;
using aarch64::Granule;

constexpr u64 page_size = 4096;
constexpr unsigned last_level = 3;
constexpr u64 table_entries = 512;

constexpr unsigned shift_of(unsigned level) { return aarch64::entry_shift(Granule::kib4, level); }
constexpr u64 size_of(unsigned level) { return bit(shift_of(level)); }

/// Only the lock's holder writes descriptors, so a plain load does.
constexpr DescriptorKind kind_of(u64 entry, unsigned level) { return Descriptor{entry}.kind(Granule::kib4, level); }
constexpr bool is_leaf(u64 entry, unsigned level)
{
    const DescriptorKind kind = kind_of(entry, level);
    return kind == DescriptorKind::block || kind == DescriptorKind::page;
}
constexpr u64 output_of(u64 entry, unsigned level) { return Descriptor{entry}.output_address(Granule::kib4, level); }

/// The first address after what an entry of `level` maps around `ipa`.
constexpr u64 end_of_entry(u64 ipa, unsigned level) { return align_down(ipa, size_of(level)) + size_of(level); }

/// The largest level that may hold a leaf which begins here and is no longer than `size`.
constexpr unsigned best_level(u64 ipa, u64 physical, u64 size)
{
    unsigned level = 1;
    while (level < last_level && (!is_aligned(ipa | physical, size_of(level)) || size < size_of(level))) ++level;
    return level;
}

/// A live leaf taken down for a moment: invalid, and yet it tells what to put back.
constexpr u64 broken(u64 leaf) { return leaf & ~Descriptor::valid::mask; }

} // namespace

Stage2::~Stage2() { GIMBAL_ASSERT(root_ == nullptr); }

Result<void, Stage2Error> Stage2::create(const Stage2Layout& layout)
{
    const SpinGuard guard(lock_);
    GIMBAL_ASSERT(root_ == nullptr);
    root_ = pool_.take_pages(layout.root_order);
    if (root_ == nullptr) return fail(Stage2Error::out_of_pages);
    layout_ = layout;
    pages_ = 1u << layout.root_order;
    return {};
}

void Stage2::destroy()
{
    const SpinGuard guard(lock_);
    if (root_ == nullptr) return;
    // No walk begins any more, but TLBs may still hold tables that are about to be somebody else's memory.
    tlb_.publish();
    if (const u16 vmid = vmid_.vmid(); vmid != 0) tlb_.invalidate_vm(vmid);
    release(root_, layout_.start_level, bit(index_bits(layout_.start_level)));
    pool_.give_pages(root_, layout_.root_order);
    root_ = nullptr;
    pages_ = 0;
}

// Gives back all below `table`; no deeper than there are levels.
void Stage2::release(u64* table, unsigned level, u64 entries)
{
    for (u64 i = 0; i < entries; ++i) {
        if (kind_of(table[i], level) != DescriptorKind::table) continue;
        u64* below = pool_.table_at(Descriptor{table[i]}.next_table(Granule::kib4));
        release(below, level + 1, table_entries);
        give_table(below);
    }
}

u64* Stage2::take_table()
{
    u64* table = pool_.take_pages(0);
    if (table != nullptr) ++pages_;
    return table;
}

void Stage2::give_table(u64* table)
{
    pool_.give_pages(table, 0);
    --pages_;
}

unsigned Stage2::index_bits(unsigned level) const
{
    return level == layout_.start_level ? layout_.ipa_bits - shift_of(level) : aarch64::bits_per_level(Granule::kib4);
}

Result<void, Stage2Error> Stage2::check_range(u64 ipa, u64 size) const
{
    if (size == 0 || !is_aligned(ipa | size, page_size)) return fail(Stage2Error::misaligned);
    if (u64 end; add_overflows(ipa, size, end) || end > bit(layout_.ipa_bits)) return fail(Stage2Error::out_of_range);
    return {};
}

// Down to the first entry that is no table, or to `deepest`.
Stage2::Slot Stage2::walk(u64 ipa, unsigned deepest) const
{
    u64* table = root_;
    for (unsigned level = layout_.start_level;; ++level) {
        u64* entry = &table[bits(ipa, shift_of(level), index_bits(level))];
        if (level == deepest || kind_of(*entry, level) != DescriptorKind::table) return {entry, table, level};
        table = pool_.table_at(Descriptor{*entry}.next_table(Granule::kib4));
    }
}

// Whether some of the range is mapped, or is not.
bool Stage2::any_is(bool mapped, u64 ipa, u64 size) const
{
    for (u64 at = ipa; at < ipa + size;) {
        const Slot slot = walk(at, last_level);
        if (is_leaf(*slot.entry, slot.level) == mapped) return true;
        at = end_of_entry(at, slot.level);
    }
    return false;
}

// The entry of `level` for an address of which nothing is mapped there, with tables down to it; null if the pool is
// empty.
u64* Stage2::make_path(u64 ipa, unsigned level)
{
    for (;;) {
        const Slot slot = walk(ipa, level);
        if (slot.level == level) return slot.entry;
        u64* table = take_table();
        if (table == nullptr) return nullptr;
        tlb_.store(*slot.entry, make_stage2_table(pool_.address_of(table)).raw);
    }
}

Result<void, Stage2Error> Stage2::map(Gpa ipa, u64 physical, u64 size, const Stage2Attributes& attributes)
{
    const SpinGuard guard(lock_);
    GIMBAL_TRY_VOID(check_range(ipa.value, size));
    if (!is_aligned(physical, page_size)) return fail(Stage2Error::misaligned);
    if (u64 end; add_overflows(physical, size, end) || end > bit(layout_.pa_bits))
        return fail(Stage2Error::out_of_range);
    if (!can_express(attributes, layout_)) return fail(Stage2Error::bad_attributes);
    if (any_is(true, ipa.value, size)) return fail(Stage2Error::mapped);

    for (u64 done = 0; done < size;) {
        const u64 at = ipa.value + done;
        const unsigned level = best_level(at, physical + done, size - done);
        u64* entry = make_path(at, level);
        if (entry == nullptr) {
            Change change{};
            prune(at, change); // tables that were made for nothing
            invalidate(change);
            if (done != 0) remove(ipa.value, done);
            return fail(Stage2Error::out_of_pages);
        }
        // From invalid to valid: nothing of it can be in a TLB.
        tlb_.store(*entry, make_stage2_leaf(physical + done, level, attributes).raw);
        done += size_of(level);
    }
    tlb_.publish();
    merge_at(ipa.value);
    merge_at(ipa.value + size - page_size);
    return {};
}

Result<void, Stage2Error> Stage2::unmap(Gpa ipa, u64 size)
{
    const SpinGuard guard(lock_);
    GIMBAL_TRY_VOID(check_range(ipa.value, size));
    if (any_is(false, ipa.value, size)) return fail(Stage2Error::not_mapped);
    GIMBAL_TRY_VOID(split_ends(ipa.value, size));
    remove(ipa.value, size);
    return {};
}

// No leaf reaches over an end of the range.
void Stage2::remove(u64 ipa, u64 size)
{
    Change change{};
    for (u64 at = ipa; at < ipa + size;) {
        const Slot slot = walk(at, last_level);
        tlb_.store(*slot.entry, 0);
        ++change.leaves;
        change.ipa = at;
        change.level = slot.level;
        const u64 next = at + size_of(slot.level);
        const bool last_of_table = is_aligned(next, size_of(slot.level - 1)) || next == ipa + size;
        if (last_of_table) prune(at, change);
        at = next;
    }
    invalidate(change);
}

// Takes empty tables above `ipa` out of the tree; they stay chained until no walker can be in them. The chain goes
// through their first entry: the address of a table is no valid descriptor.
void Stage2::prune(u64 ipa, Change& change)
{
    for (;;) {
        const Slot slot = walk(ipa, last_level);
        if (slot.level == layout_.start_level) return;
        for (u64 i = 0; i < table_entries; ++i) {
            if (slot.table[i] != 0) return;
        }
        const Slot parent = walk(ipa, slot.level - 1);
        tlb_.store(*parent.entry, 0);
        tlb_.store(slot.table[0], change.tables == nullptr ? 0 : pool_.address_of(change.tables));
        change.tables = slot.table;
    }
}

// Publishes what was stored and takes it out of the TLBs. A VM that never ran has nothing in them.
void Stage2::invalidate(const Change& change)
{
    tlb_.publish();
    if (const u16 vmid = vmid_.vmid(); vmid != 0) {
        if (change.tables != nullptr || change.leaves > 1) {
            tlb_.invalidate_vm(vmid);
        } else if (change.leaves == 1) {
            tlb_.invalidate_ipa(vmid, {change.ipa}, change.level);
        }
    }
    for (u64* table = change.tables; table != nullptr;) {
        u64* next = table[0] == 0 ? nullptr : pool_.table_at(table[0]);
        give_table(table);
        table = next;
    }
}

// Afterwards no leaf reaches over an end of the range; on an error what was split is joined again.
Result<void, Stage2Error> Stage2::split_ends(u64 ipa, u64 size)
{
    auto result = split_at(ipa);
    if (result) result = split_at(ipa + size);
    if (!result) merge_range(ipa, size);
    return result;
}

Result<void, Stage2Error> Stage2::split_at(u64 ipa)
{
    if (ipa == bit(layout_.ipa_bits)) return {};
    for (;;) {
        const Slot slot = walk(ipa, last_level);
        if (!is_leaf(*slot.entry, slot.level) || is_aligned(ipa, size_of(slot.level))) return {};
        u64* table = take_table();
        if (table == nullptr) return fail(Stage2Error::out_of_pages);
        const Stage2Attributes attributes = stage2_attributes({*slot.entry});
        const u64 base = output_of(*slot.entry, slot.level);
        for (u64 i = 0; i < table_entries; ++i) {
            const u64 physical = base + i * size_of(slot.level + 1);
            tlb_.store(table[i], make_stage2_leaf(physical, slot.level + 1, attributes).raw);
        }
        tlb_.store(*slot.entry, 0);
        invalidate({.leaves = 1, .ipa = align_down(ipa, size_of(slot.level)), .level = slot.level});
        tlb_.store(*slot.entry, make_stage2_table(pool_.address_of(table)).raw);
        tlb_.publish();
    }
}

// Whether the leaves of a table at `level` map what one block of the level above would.
bool Stage2::is_block(const u64* table, unsigned level) const
{
    if (!aarch64::block_allowed(Granule::kib4, level - 1) || !is_leaf(table[0], level)) return false;
    if (!is_aligned(output_of(table[0], level), size_of(level - 1))) return false;
    for (u64 i = 1; i < table_entries; ++i) {
        if (table[i] != table[0] + i * size_of(level)) return false;
    }
    return true;
}

// Joins the table around `ipa` into a block, and the one above if it can be joined then.
void Stage2::merge_at(u64 ipa)
{
    for (;;) {
        const Slot slot = walk(ipa, last_level);
        if (slot.level == layout_.start_level || !is_block(slot.table, slot.level)) return;
        const Slot parent = walk(ipa, slot.level - 1);
        const u64 first = slot.table[0];
        const u64 block = make_stage2_leaf(output_of(first, slot.level), parent.level, stage2_attributes({first})).raw;
        tlb_.store(*parent.entry, 0);
        tlb_.store(slot.table[0], 0);
        invalidate({.tables = slot.table});
        tlb_.store(*parent.entry, block);
        tlb_.publish();
    }
}

// All of the range is mapped. Each table is tried once, when the walk leaves it.
void Stage2::merge_range(u64 ipa, u64 size)
{
    for (u64 at = ipa; at < ipa + size;) {
        const unsigned level = walk(at, last_level).level;
        const u64 next = end_of_entry(at, level == last_level ? level - 1 : level);
        if (is_aligned(next, size_of(level - 1)) || next >= ipa + size) merge_at(at);
        at = next;
    }
}

Result<void, Stage2Error> Stage2::protect(Gpa ipa, u64 size, const Stage2Attributes& attributes)
{
    const SpinGuard guard(lock_);
    GIMBAL_TRY_VOID(check_range(ipa.value, size));
    if (!can_express(attributes, layout_)) return fail(Stage2Error::bad_attributes);
    if (any_is(false, ipa.value, size)) return fail(Stage2Error::not_mapped);
    GIMBAL_TRY_VOID(split_ends(ipa.value, size));

    bool any_broken = false;
    const Change change = rewrite(ipa.value, size, attributes, any_broken);
    if (change.leaves != 0) invalidate(change);
    if (any_broken) make(ipa.value, size, attributes);
    merge_range(ipa.value, size);
    return {};
}

// Permissions change in place, everything else is broken first.
Stage2::Change Stage2::rewrite(u64 ipa, u64 size, const Stage2Attributes& attributes, bool& any_broken)
{
    Change change{};
    for (u64 at = ipa; at < ipa + size;) {
        const Slot slot = walk(at, last_level);
        const u64 old = *slot.entry;
        const Descriptor leaf = make_stage2_leaf(output_of(old, slot.level), slot.level, attributes);
        if (leaf.raw != old) {
            const bool in_place = only_permissions_differ({old}, leaf);
            tlb_.store(*slot.entry, in_place ? leaf.raw : broken(old));
            any_broken |= !in_place;
            ++change.leaves;
            change.ipa = at;
            change.level = slot.level;
        }
        at += size_of(slot.level);
    }
    return change;
}

// The second half of rewrite().
void Stage2::make(u64 ipa, u64 size, const Stage2Attributes& attributes)
{
    for (u64 at = ipa; at < ipa + size;) {
        const Slot slot = walk(at, last_level);
        if (!is_leaf(*slot.entry, slot.level)) {
            const u64 physical = output_of(*slot.entry, slot.level);
            tlb_.store(*slot.entry, make_stage2_leaf(physical, slot.level, attributes).raw);
        }
        at += size_of(slot.level);
    }
    tlb_.publish();
}

std::optional<Stage2Mapping> Stage2::translate(Gpa ipa) const
{
    const SpinGuard guard(lock_);
    if (root_ == nullptr || ipa.value >= bit(layout_.ipa_bits)) return std::nullopt;
    const Slot slot = walk(ipa.value, last_level);
    if (!is_leaf(*slot.entry, slot.level)) return std::nullopt;
    const u64 offset = ipa.value - align_down(ipa.value, size_of(slot.level));
    return Stage2Mapping{.physical = output_of(*slot.entry, slot.level) + offset,
                         .size = size_of(slot.level) - offset,
                         .attributes = stage2_attributes({*slot.entry}),
                         .level = static_cast<u8>(slot.level)};
}

} // namespace gimbal::el2
