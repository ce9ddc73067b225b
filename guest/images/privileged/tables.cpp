// SPDX-License-Identifier: Apache-2.0
#include "tables.hpp"

Tables tables;

namespace {

constexpr u64 arena_first = 0x4080'0000;
constexpr unsigned written_limit = 512;

u64 arena_next;
u64* written[written_limit];
unsigned written_count;

u64* image_view(u64 physical_address) { return reinterpret_cast<u64*>(physical_address + upper_half); }

void set_entry(u64* entry, u64 value)
{
    if (*entry == 0 && written_count < written_limit) written[written_count++] = entry;
    *entry = value;
}

/// Table memory is zero but for what set_entry() noted.
void forget_tables()
{
    while (written_count != 0) *written[--written_count] = 0;
    arena_next = arena_first;
}

u64* new_table(unsigned granule)
{
    arena_next = (arena_next + low_mask(granule)) & ~low_mask(granule);
    u64* table = image_view(arena_next);
    arena_next += bit(granule);
    return table;
}

u64* entry_at(const Half& half, u64* table, unsigned level, u64 va)
{
    const unsigned shift = level_shift(half.granule, level);
    const unsigned top = level == start_level(half) ? 64 - half.size : shift + stride(half.granule);
    return table + (va >> shift & low_mask(top - shift));
}

u64* table_of(const Half& half, u64 descriptor) { return image_view(descriptor & output_mask(half.granule)); }

/// Tables without restrictions down to `level`; the entry for `va` there.
u64* plain_path(const Half& half, u64 va, unsigned level)
{
    u64* table = half.root;
    for (unsigned at = start_level(half);; ++at) {
        u64* entry = entry_at(half, table, at, va);
        if (at == level) return entry;
        if (*entry == 0) set_entry(entry, physical(new_table(half.granule)) | 3);
        table = table_of(half, *entry);
    }
}

void map_image(const Half& half)
{
    const unsigned level = half.granule == 12 ? 1 : 2;
    const u64 attributes = bit(54) | bit(10) | 3 << 8 | 1; // UXN, AF, inner shareable, attribute 0
    tables.image_entry = plain_path(half, ram_first + upper_half, level);
    set_entry(tables.image_entry, (ram_first & output_mask(level_shift(half.granule, level))) | attributes);
}

void map_snippets(const Half& half)
{
    const u64 attributes = bit(53) | bit(10) | 3 << 8 | 3 << 6 | 3; // PXN; read-only for both
    set_entry(plain_path(half, 0, 3), (physical(snippets) & output_mask(half.granule)) | attributes);
}

u64 random_table(const Half& half)
{
    u64 descriptor = physical(new_table(half.granule)) | 3;
    if (one_in(4)) descriptor |= random(4) << 61; // APTable
    if (one_in(6)) descriptor |= bit(60);         // UXNTable
    if (one_in(6)) descriptor |= bit(59);         // PXNTable
    return descriptor;
}

/// 16 consecutive pages of one set of attributes, as the contiguous bit of a 4 KiB granule asks for.
void contiguous_group(u64* entry, u64 descriptor)
{
    u64* const first = reinterpret_cast<u64*>(reinterpret_cast<u64>(entry) & ~u64{127});
    for (unsigned i = 0; i < 16; ++i)
        if (first[i] != 0) return;
    descriptor = (descriptor & ~(u64{0xFFFF}) & ~bit(51)) | (descriptor & 0xFFF) | bit(52) | bit(10);
    for (u64 i = 0; i < 16; ++i) set_entry(first + i, descriptor + (i << 12));
}

void add_leaf(const Half& half, u64 va)
{
    u64* table = half.root;
    for (unsigned level = start_level(half);; ++level) {
        u64* entry = entry_at(half, table, level, va);
        if (*entry == 0) {
            if (one_in(24)) return; // stays invalid here
            if (level == 3 || (block_allowed(half.granule, level) && one_in(3)) ||
                (block_faults(half.granule, level) && one_in(32))) {
                const u64 descriptor = random_leaf(half, level);
                if (level == 3 && half.granule == 12 && one_in(5) && (descriptor & 3) == 3)
                    contiguous_group(entry, descriptor);
                if (*entry == 0) set_entry(entry, descriptor);
                break;
            }
            set_entry(entry, random_table(half));
        }
        if (level == 3 || (*entry & 3) != 3) break;
        table = table_of(half, *entry);
    }
}

u64 random_va(const Half& half)
{
    u64 va = random64();
    // Near an earlier one, so that tables are shared.
    if (tables.leaf_count != 0 && !one_in(3)) {
        const Leaf& near = tables.leaves[random(tables.leaf_count)];
        if (near.half == half.index)
            va = (near.va & ~low_mask(half.granule + random(12))) | (va & low_mask(half.granule + 4));
    }
    va &= low_mask(64 - half.size);
    return half.index == 0 ? va : va | ~low_mask(64 - half.size);
}

void fill_half(Half& half)
{
    half.root = new_table(half.granule);
    if (half.index == 0)
        map_snippets(half);
    else
        map_image(half);
    for (unsigned i = 0; i < 10; ++i) {
        const u64 va = random_va(half);
        add_leaf(half, va);
        const Target target = find_target(va);
        if (target.entry != nullptr && target.entry != tables.image_entry)
            tables.leaves[tables.leaf_count++] = {half.index, va, target.entry, target.level};
    }
}

u64 granule_field(unsigned half, unsigned granule)
{
    constexpr u8 tg0[] = {0, 2, 1};
    constexpr u8 tg1[] = {2, 1, 3};
    const unsigned which = (granule - 12) / 2;
    return half == 0 ? u64{tg0[which]} << 14 : u64{tg1[which]} << 30;
}

u64 random_tcr()
{
    u64 tcr = 1 << 8 | 1 << 10 | 3 << 12 | 1 << 24 | 1 << 26 | u64{3} << 28; // walks: write-back, inner shareable
    tcr |= tables.half[0].size | u64{tables.half[1].size} << 16;
    tcr |= granule_field(0, tables.half[0].granule) | granule_field(1, tables.half[1].granule);
    tcr |= random(6) << 32;                  // IPS, 32 to 48 bits
    if (one_in(10)) tcr |= bit(7);           // EPD0; EPD1 would take the image away
    constexpr u8 coins[] = {22, 36, 37, 38}; // A1, AS, TBI0, TBI1
    for (const unsigned n : coins)
        if (one_in(2)) tcr |= bit(n);
    constexpr u8 rare[] = {41, 42, 55, 56}; // HPD0, HPD1, E0PD0, E0PD1
    for (const unsigned n : rare)
        if (one_in(5)) tcr |= bit(n);
    tables.hardware_access = one_in(2);
    tables.hardware_dirty = tables.hardware_access && one_in(2);
    if (tables.hardware_access) tcr |= bit(39);
    if (tables.hardware_dirty) tcr |= bit(40);
    return tcr;
}

} // namespace

bool block_allowed(unsigned granule, unsigned level) { return level == 2 || (level == 1 && granule == 12); }

bool block_faults(unsigned granule, unsigned level)
{
    // Level 1 of a 64 KiB granule holds blocks where physical addresses have 52 bits (AArch64.BlockDescSupported): the
    // peer's have.
    return level < 2 && !block_allowed(granule, level) && granule != 16;
}

u64 random_leaf(const Half& half, unsigned level)
{
    const unsigned shift = level_shift(half.granule, level);
    u64 descriptor = (pool_first + (random(pool_bytes) & ~low_mask(half.granule))) & output_mask(shift);
    if (one_in(12)) descriptor |= bit(33 + random(15)) & output_mask(shift); // beyond IPS, or beyond RAM
    descriptor |= level == 3 ? 3 : 1;
    if (level == 3 && one_in(20)) descriptor &= ~u64{2}; // reserved: invalid
    descriptor |= random(4) << 2 | random(4) << 6 | (one_in(2) ? 3 : 2) << 8;
    if (!one_in(6)) descriptor |= bit(10);
    if (one_in(2)) descriptor |= bit(11);
    if (one_in(3)) descriptor |= bit(51); // DBM
    if (one_in(2)) descriptor |= bit(53);
    if (one_in(2)) descriptor |= bit(54);
    return descriptor | random(16) << 55;
}

Target find_target(u64 va)
{
    Target target{};
    const unsigned which = va >> 55 & 1;
    const Half& half = tables.half[which];
    const u64 tag_free = va << 8 >> 8;
    const u64 above = (which == 0 ? tag_free : ~va << 8 >> 8) >> (64 - half.size);
    if (above != 0) return target;
    u64* table = half.root;
    for (unsigned level = start_level(half);; ++level) {
        u64* entry = entry_at(half, table, level, va);
        const unsigned shift = level_shift(half.granule, level);
        target.entry = entry;
        target.level = level;
        if ((*entry & 1) == 0 || (level == 3 && (*entry & 2) == 0)) return target;
        if (level == 3 || (*entry & 2) == 0) {
            target.mapped = true;
            target.physical = (*entry & output_mask(shift)) | (va & low_mask(shift));
            target.in_pool = target.physical >= pool_first + 64 && target.physical <= pool_first + pool_bytes - 128;
            target.device = (*entry >> 2 & 3) >= 2;
            return target;
        }
        table = table_of(half, *entry);
    }
}

void fill_pool()
{
    u32* const words = reinterpret_cast<u32*>(pool_first + upper_half);
    for (u64 i = 0; i < pool_bytes / 4; ++i) words[i] = svc(static_cast<unsigned>((i ^ i >> 8) & 0xFFFF));
}

u64 pool_digest()
{
    const u64* const words = reinterpret_cast<const u64*>(pool_first + upper_half);
    u64 digest = 0;
    for (u64 i = 0; i < pool_bytes / 8; ++i) digest = (digest ^ words[i]) * 0x100'0000'01B3;
    return digest;
}

void make_tables()
{
    forget_tables();
    constexpr u8 granules[] = {12, 14, 16};
    tables.leaf_count = 0;
    for (unsigned i = 0; i < 2; ++i) {
        tables.half[i].index = i;
        tables.half[i].granule = pick(granules);
        // 33: the image's own place needs 31 bits. 39 is the limit without FEAT_TTST.
        tables.half[i].size = static_cast<unsigned>(16 + random(i == 0 ? 24 : 18));
        fill_half(tables.half[i]);
    }
    // Attributes: write-back, non-cacheable, Device-nGnRE, Device-nGnRnE.
    tables.regime.mair = 0x0004'44FF;
    tables.regime.tcr = random_tcr();
    tables.regime.ttbr0 = physical(tables.half[0].root) | random(256) << 48 | random(2);
    tables.regime.ttbr1 = physical(tables.half[1].root) | random(256) << 48 | random(2);
    tables.regime.sctlr = (sctlr_cached & ~bit(23)) | random(2) << 23 | random(2) << 1 | bit(14);
}
