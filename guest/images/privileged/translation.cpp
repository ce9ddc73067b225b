// SPDX-License-Identifier: Apache-2.0
#include "tables.hpp"

// Random translation regimes, met by every kind of access at EL0 and EL1, by AT, and by TLB maintenance.

namespace {

constexpr u64 pan = bit(22);
constexpr u64 uao = bit(23);

/// In the order of `snippets` in start.S.
enum class Access : unsigned {
    load8,
    load16,
    load32,
    load64,
    ldtr,
    ldtrb,
    ldp,
    load_post,
    store8,
    store16,
    store32,
    store64,
    sttr,
    sttrb,
    stp,
    store_pre,
    ldar,
    stlr,
    ldadd,
    cas,
    casp,
    exclusive,
    exclusive_pair,
    dc_zva,
    count
};
constexpr u64 snippet_bytes = 16;

bool aligned_only(Access access) { return access >= Access::ldar && access <= Access::exclusive_pair; }
bool reads_and_writes(Access access) { return access >= Access::ldadd && access <= Access::casp; }
// The peer lets DC ZVA clear Device memory.
bool not_for_device(Access access) { return access >= Access::ldadd; }

void invalidate_all() { asm volatile("dsb ishst\n\ttlbi vmalle1is\n\tdsb ish\n\tisb" ::: "memory"); }

u32* pool_word(u64 physical_address) { return reinterpret_cast<u32*>((physical_address & ~u64{63}) + upper_half); }

/// A digest of the 128 bytes from where an access went; puts back what they were.
u64 examine_pool(const Target& target)
{
    if (!target.mapped || !target.in_pool) return 0;
    u64 digest = 0;
    u32* const words = pool_word(target.physical);
    u64 index = ((target.physical & ~u64{63}) - pool_first) / 4;
    for (unsigned i = 0; i < 32; ++i, ++index) {
        digest = (digest ^ words[i]) * 0x100'0000'01B3;
        words[i] = svc(static_cast<unsigned>((index ^ index >> 8) & 0xFFFF));
    }
    return digest;
}

/// Whether the architecture leaves it open if the walk has set the access flag (FaultAllowsSetAccessFlag).
bool access_flag_unknown(u64 esr)
{
    const u64 ec = exception_class(esr);
    if ((ec & 0x3A) != 0x20) return false;
    const u64 status = esr & 0x3F;
    return (status & 0x3C) == 0x0C || status == 0x21;
}

void settle_access_flag(const Target& target)
{
    if (!target.mapped || !tables.hardware_access || (*target.entry & bit(10)) != 0) return;
    *target.entry |= bit(10);
    invalidate_all();
}

void settle_dirty_state(const Target& target)
{
    if (!target.mapped || !tables.hardware_dirty || (*target.entry & bit(51)) == 0) return;
    *target.entry &= ~bit(7);
    invalidate_all();
}

/// The leaf as a probe left it.
void log_descriptor(const Target& target)
{
    if (target.mapped && tables.hardware_access) log("desc", *target.entry & (bit(10) | bit(7)));
}

void finish_probe(const Context& context, const Target& first, const Target& second)
{
    if (access_flag_unknown(context.esr)) {
        settle_access_flag(first);
        settle_access_flag(second);
    }
    log_descriptor(first);
    if (second.entry != first.entry) log_descriptor(second);
}

bool reachable(const Target& target) { return !target.mapped || target.in_pool; }

u64 random_guest_pstate()
{
    u64 pstate = daif_masked | (one_in(3) ? el0t : el1h);
    if (one_in(3)) pstate |= pan;
    if (one_in(3)) pstate |= uao;
    return pstate;
}

void probe_data(u64 va)
{
    const auto access = static_cast<Access>(random(static_cast<u64>(Access::count)));
    if (aligned_only(access)) va &= ~u64{15};
    const Target first = find_target(va);
    const Target second = find_target(va + 16);
    if (!reachable(first) || !reachable(second)) return;
    // The peer lets some unaligned accesses to Device memory through.
    const bool device = first.device || second.device;
    if (device && (not_for_device(access) || (va & 15) != 0)) return;
    const u64 pstate = random_guest_pstate();
    const bool user = (pstate & 0xF) == el0t;
    const u64 offset = static_cast<u64>(access) * snippet_bytes;
    const u64 base = (user ? (u64{0} + (reinterpret_cast<u64>(snippets) & low_mask(tables.half[0].granule)))
                           : reinterpret_cast<u64>(snippets)) +
                     offset;
    Context context = fresh_context(pstate, base);
    context.x[1] = va;
    context.x[2] = svc(0x1234) * u64{0x1'0000'0001};
    context.x[4] = context.x[6] = context.x[0];
    enter(&context);
    WRITE_REGISTER("pan", 0);
    // The peer takes a read fault of a read-modify-write access for a write.
    if (reads_and_writes(access) && (exception_class(context.esr) & 0x3E) == 0x24) context.esr &= ~bit(6);
    log("data", static_cast<u64>(access), va, pstate);
    log_exception("", context, base);
    log("", context.x[0], context.x[1] - va, context.x[3], context.x[4]);
    const u64 left = examine_pool(first);
    const u64 right = examine_pool(second);
    // A store that faults in its second page may have written the first.
    if (first.entry != second.entry && (exception_class(context.esr) & 0x3E) == 0x24) {
        settle_dirty_state(first);
        settle_dirty_state(second);
    } else {
        log("mem", left, right);
    }
    finish_probe(context, first, second);
}

void probe_fetch(u64 va)
{
    // Aligned: the peer lets an instruction abort go before the PC alignment fault.
    va &= ~u64{3};
    const Target target = find_target(va);
    if (!reachable(target) || target.device) return;
    // A clean page that EL0 may write makes EL1 not execute; the peer thinks of that only once the page is dirty.
    if (target.mapped && tables.hardware_dirty && (*target.entry & bit(51)) != 0) return;
    const u64 pstate = random_guest_pstate();
    Context context = fresh_context(pstate, va);
    enter(&context);
    WRITE_REGISTER("pan", 0);
    log("fetch", va, pstate);
    log_exception("", context, 0);
    finish_probe(context, target, target);
}

void translate(unsigned operation, u64 va)
{
    switch (operation) {
    case 0: asm volatile("at s1e1r, %0\n\tisb" ::"r"(va) : "memory"); return;
    case 1: asm volatile("at s1e1w, %0\n\tisb" ::"r"(va) : "memory"); return;
    case 2: asm volatile("at s1e0r, %0\n\tisb" ::"r"(va) : "memory"); return;
    case 3: asm volatile("at s1e0w, %0\n\tisb" ::"r"(va) : "memory"); return;
    case 4: asm volatile("at s1e1rp, %0\n\tisb" ::"r"(va) : "memory"); return;
    case 5: asm volatile("at s1e1wp, %0\n\tisb" ::"r"(va) : "memory"); return;
    }
}

void probe_translation(u64 va)
{
    const Target target = find_target(va);
    // Whether AT sets the access flag or the dirty state is for the implementation to choose.
    if (target.mapped && tables.hardware_access && (*target.entry & bit(10)) == 0) return;
    if (target.mapped && tables.hardware_dirty && (*target.entry & bit(51)) != 0) return;
    const unsigned operation = static_cast<unsigned>(random(6));
    const bool with_pan = one_in(2);
    WRITE_REGISTER("pan", with_pan ? pan : 0);
    translate(operation, va);
    const u64 par = READ_REGISTER("par_el1");
    WRITE_REGISTER("pan", 0);
    log("at", operation, va, with_pan, (par & 1) != 0 ? par : par & ~(bit(9) | bit(10)));
}

u64 random_address()
{
    if (tables.leaf_count == 0 || one_in(12)) return random64();
    const Leaf& leaf = tables.leaves[random(tables.leaf_count)];
    const Half& half = tables.half[leaf.half];
    const unsigned shift = level_shift(half.granule, leaf.level);
    u64 va = leaf.va;
    if (shift > 21 || one_in(2)) {
        // A place of the block that is in the pool, if any is.
        const u64 wanted = pool_first + random(pool_bytes);
        va = (va & ~low_mask(shift)) | (wanted & low_mask(shift));
    }
    va &= ~u64{63};
    if (one_in(3)) va = (va | low_mask(12)) - 63 + random(64) * (one_in(2) ? 1 : 0); // near the end of a page
    va += random(64) & (one_in(2) ? 0x3F : 0x38);
    if (one_in(8)) va = (va & low_mask(56)) | random(256) << 56; // a tag
    if (one_in(24)) va ^= bit(random(64));
    return va;
}

void change_asid()
{
    const u64 asid = random(256) << 48;
    if ((tables.regime.tcr & bit(22)) != 0) {
        tables.regime.ttbr1 = (tables.regime.ttbr1 & low_mask(48)) | asid;
        WRITE_REGISTER("ttbr1_el1", tables.regime.ttbr1);
    } else {
        tables.regime.ttbr0 = (tables.regime.ttbr0 & low_mask(48)) | asid;
        WRITE_REGISTER("ttbr0_el1", tables.regime.ttbr0);
    }
}

u64 current_asid() { return ((tables.regime.tcr & bit(22)) != 0 ? tables.regime.ttbr1 : tables.regime.ttbr0) >> 48; }

#define INVALIDATE(operation, operand) asm volatile("tlbi " operation ", %0" ::"r"(operand) : "memory")

void invalidate_by_range(unsigned which, const Half& half, u64 va)
{
    const u64 scale = random(3);
    const u64 pages = bit(static_cast<unsigned>(5 * scale + 1));
    u64 number = random(32);
    // The peer takes a range of 4 GiB for an empty one.
    if (((number + 1) * pages << half.granule) >> 32 != 0) --number;
    const u64 page = va >> half.granule;
    const u64 base = (page - random(pages * (number + 1))) & low_mask(37);
    const u64 size = (half.granule - 12) / 2 + 1;
    const u64 operand = current_asid() << 48 | size << 46 | scale << 44 | number << 39 | base;
    switch (which) {
    case 0: INVALIDATE("rvae1", operand); return;
    case 1: INVALIDATE("rvaae1", operand); return;
    case 2: INVALIDATE("rvale1is", operand); return;
    case 3: INVALIDATE("rvaale1os", operand); return;
    }
}

/// One maintenance operation that covers the leaf, of whatever kind.
void invalidate_leaf(const Leaf& leaf, bool global)
{
    const Half& half = tables.half[leaf.half];
    const u64 hint = one_in(2) ? 0 : u64{(half.granule - 12) / 2 + 1} << 46 | u64{leaf.level} << 44;
    const u64 page = (leaf.va >> 12 & low_mask(44)) | hint;
    const u64 operand = current_asid() << 48 | page;
    // A range that begins below the half would be cut to the other one.
    const bool near_edge = (leaf.va >> half.granule & low_mask(37)) < bit(17) || half.size < 24;
    const unsigned which = static_cast<unsigned>(random(near_edge ? 9 : 13));
    switch (which) {
    case 0: asm volatile("tlbi vmalle1" ::: "memory"); break;
    case 1: asm volatile("tlbi vmalle1is" ::: "memory"); break;
    case 2: INVALIDATE("vae1", operand); break;
    case 3: INVALIDATE("vae1is", operand); break;
    case 4: INVALIDATE("vale1", operand); break;
    case 5: INVALIDATE("vaae1", page); break;
    case 6: INVALIDATE("vaale1is", page); break;
    case 7: INVALIDATE("vaae1os", page); break;
    case 8:
        if (global)
            asm volatile("tlbi vmalle1os" ::: "memory");
        else
            INVALIDATE("aside1is", current_asid() << 48);
        break;
    default: invalidate_by_range(which - 9, half, leaf.va); break;
    }
    asm volatile("dsb ish\n\tisb" ::: "memory");
}

/// Break before make, with accesses before, between and after.
void change_leaf()
{
    if (tables.leaf_count == 0) return;
    const Leaf& leaf = tables.leaves[random(tables.leaf_count)];
    const u64 old = *leaf.entry;
    const Target target = find_target(leaf.va);
    // Not where a table has been put since: it would take more than this leaf's invalidation to take it away.
    if (target.entry != leaf.entry) return;
    // Not the image, a group, nor what an AF update may race with.
    if (!target.mapped || !target.in_pool || (old & bit(52)) != 0) return;
    for (unsigned i = 0; i < 3; ++i) one_in(2) ? probe_data(leaf.va) : probe_fetch(leaf.va);
    const bool was_global = (old & bit(11)) == 0;
    const u64 fresh = random_leaf(tables.half[leaf.half], leaf.level);
    *leaf.entry = 0;
    asm volatile("dsb ishst" ::: "memory");
    invalidate_leaf(leaf, was_global);
    if (one_in(2)) one_in(2) ? probe_data(leaf.va) : probe_fetch(leaf.va);
    *leaf.entry = fresh;
    asm volatile("dsb ishst\n\tisb" ::: "memory");
    log("changed", leaf.va, leaf.level);
    for (unsigned i = 0; i < 3; ++i) one_in(2) ? probe_data(leaf.va) : probe_fetch(leaf.va);
    probe_translation(leaf.va);
}

void run_regime()
{
    make_tables();
    switch_regime(physical(&tables.regime));
    // The way here went through a fetch from the lower half.
    settle_access_flag(find_target(physical(&parameters)));
    log("regime", tables.regime.tcr, tables.half[0].granule, tables.half[1].granule, tables.leaf_count);
    for (unsigned i = 0; i < 60; ++i) {
        const u64 va = random_address();
        switch (random(10)) {
        case 0:
        case 1:
        case 2:
        case 3: probe_data(va); break;
        case 4:
        case 5: probe_fetch(va); break;
        case 6:
        case 7: probe_translation(va); break;
        case 8: change_leaf(); break;
        case 9:
            if (one_in(3)) change_asid();
            break;
        }
    }
    go_home();
}

bool pool_is_filled;

} // namespace

void run_translation()
{
    if (!pool_is_filled) fill_pool();
    pool_is_filled = true;
    for (unsigned i = 0; i < 3; ++i) run_regime();
}
