// SPDX-License-Identifier: Apache-2.0
#include "engine/translator/mmu/stage1_walk.hpp"

#include <optional>

#include "base/bits.hpp"

namespace gimbal::translator::aarch64 {

namespace {

// SCTLR_EL1
constexpr unsigned sctlr_m = 0;
constexpr unsigned sctlr_i = 12;
constexpr unsigned sctlr_wxn = 19;
constexpr unsigned sctlr_ee = 25;

// Descriptor bits common to the three granules (D8.3)
constexpr unsigned desc_ns_table_pxn = 59;
constexpr unsigned desc_table_uxn = 60;
constexpr unsigned desc_table_ap0 = 61;
constexpr unsigned desc_table_ap1 = 62;
constexpr unsigned desc_ap1 = 6;
constexpr unsigned desc_ap2 = 7;
constexpr unsigned desc_af = 10;
constexpr unsigned desc_ng = 11;
constexpr unsigned desc_dbm = 51;
constexpr unsigned desc_contiguous = 52;
constexpr unsigned desc_pxn = 53;
constexpr unsigned desc_uxn = 54;

/// One half of the address space, decoded from TCR_EL1.
struct Half {
    bool upper{};
    unsigned granule{12};
    unsigned tsz{};
    bool disabled{};        ///< EPD
    bool no_hierarchy{};    ///< HPD
    bool e0pd{};
};

unsigned decode_tg0(u64 tg) { return tg == 1 ? 16 : tg == 2 ? 14 : 12; }
unsigned decode_tg1(u64 tg) { return tg == 1 ? 14 : tg == 3 ? 16 : 12; }

Half decode_half(u64 tcr, u64 va)
{
    Half half;
    half.upper = test_bit(va, 55);
    half.tsz = static_cast<unsigned>(bits(tcr, half.upper ? 16 : 0, 6));
    half.granule = half.upper ? decode_tg1(bits(tcr, 30, 2)) : decode_tg0(bits(tcr, 14, 2));
    half.disabled = test_bit(tcr, half.upper ? 23 : 7);
    half.no_hierarchy = test_bit(tcr, half.upper ? 42 : 41);
    half.e0pd = test_bit(tcr, half.upper ? 56 : 55);
    // Out-of-range sizes behave as the nearest that FEAT_TTST's absence and 48-bit addresses allow (D8.2.5).
    if (half.tsz < 16) half.tsz = 16;
    if (half.tsz > 39) half.tsz = 39;
    return half;
}

unsigned output_bits(u64 tcr)
{
    static constexpr u8 widths[8] = {32, 36, 40, 42, 44, 48, 48, 48};
    const unsigned width = widths[bits(tcr, 32, 3)];
    return width < physical_address_bits ? width : physical_address_bits;
}

/// A descriptor in guest RAM, read and updated as the table walker of a PE does: single-copy atomically.
class Descriptor {
public:
    static std::optional<Descriptor> at(GuestMemory& memory, u64 pa, bool big_endian)
    {
        const MemoryRegion* region = memory.find({pa});
        if (region == nullptr) return std::nullopt;
        return Descriptor(region->host + (pa - region->base.value), big_endian, region->read_only);
    }
    u64 load() const { return order(__atomic_load_n(host_, __ATOMIC_ACQUIRE)); }
    /// False if another PE changed it in between, or it cannot be written.
    bool update(u64 from, u64 to) const
    {
        if (read_only_) return false;
        u64 expected = order(from);
        return __atomic_compare_exchange_n(host_, &expected, order(to), false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
    }
    bool read_only() const { return read_only_; }

private:
    Descriptor(u8* host, bool big_endian, bool read_only)
        : host_(reinterpret_cast<u64*>(host)), big_endian_(big_endian), read_only_(read_only)
    {
    }
    u64 order(u64 value) const { return big_endian_ ? __builtin_bswap64(value) : value; }

    u64* host_;
    bool big_endian_;
    bool read_only_;
};

/// Attributes gathered from table descriptors on the way down (D8.4.2).
struct Hierarchy {
    bool no_el0{};      ///< APTable[0]
    bool read_only{};   ///< APTable[1]
    bool uxn{};
    bool pxn{};
};

void gather(Hierarchy& hierarchy, u64 table)
{
    hierarchy.no_el0 |= test_bit(table, desc_table_ap0);
    hierarchy.read_only |= test_bit(table, desc_table_ap1);
    hierarchy.uxn |= test_bit(table, desc_table_uxn);
    hierarchy.pxn |= test_bit(table, desc_ns_table_pxn);
}

WalkRights leaf_rights(u64 leaf, const Hierarchy& hierarchy, u64 sctlr, bool writable)
{
    const bool el0 = test_bit(leaf, desc_ap1) && !hierarchy.no_el0;
    const bool wxn = test_bit(sctlr, sctlr_wxn);
    WalkRights rights;
    rights.el1_read = true;
    rights.el1_write = writable;
    rights.el0_read = el0;
    rights.el0_write = el0 && writable;
    rights.el0_execute =
        !(test_bit(leaf, desc_uxn) || hierarchy.uxn) && !(wxn && rights.el0_write);
    // Memory that EL0 can write is never executable at EL1 (D8.4.3).
    rights.el1_execute =
        !(test_bit(leaf, desc_pxn) || hierarchy.pxn) && !rights.el0_write && !(wxn && rights.el1_write);
    return rights;
}

/// How many pages one contiguous hint covers, as a shift (D8.7.1).
unsigned contiguous_shift(unsigned granule, unsigned level)
{
    if (granule == 12) return 4;
    if (granule == 14) return level == 3 ? 7 : 5;
    return 5;
}

bool block_allowed(unsigned granule, unsigned level)
{
    if (level == 3) return true;
    if (granule == 12) return level == 1 || level == 2;
    return level == 2;
}

Translation flat(const WalkRegisters& registers, u64 va, WalkAccess access)
{
    Translation flat;
    flat.page = align_down(va, 4096);
    flat.device = access != WalkAccess::execute;
    flat.memory_attributes = access == WalkAccess::execute ? (test_bit(registers.sctlr, sctlr_i) ? 0xAA : 0x44) : 0;
    flat.shareability = 2;
    flat.rights = {true, true, true, true, true, true};
    return flat;
}

constexpr WalkFault fault(u8 base, unsigned level) { return {static_cast<u8>(base + level), false}; }
constexpr WalkFault walk_abort(unsigned level)
{
    return {static_cast<u8>(fault_status::external_on_walk + level), true};
}

struct Leaf {
    u64 descriptor{};
    unsigned level{};
    u64 address{}; ///< Of the descriptor.
    Hierarchy hierarchy{};
};

class Walker {
public:
    Walker(GuestMemory& memory, const WalkRegisters& registers, u64 va)
        : memory_(memory), registers_(registers), va_(va), half_(decode_half(registers.tcr, va)),
          big_endian_(test_bit(registers.sctlr, sctlr_ee)), output_bits_(output_bits(registers.tcr))
    {
    }

    Result<Translation, WalkFault> run(WalkAccess access, bool privileged, bool pan)
    {
        if (auto refused = refused_at_level_0(privileged)) return fail(*refused);
        // Another PE may change the leaf while its flags are updated; then the walk starts over.
        for (;;) {
            GIMBAL_TRY(leaf, descend());
            bool changed = false;
            auto translation = finish(leaf, access, privileged, pan, changed);
            if (!changed) return translation;
        }
    }

private:
    std::optional<WalkFault> refused_at_level_0(bool privileged) const
    {
        const unsigned top = top_byte_ignored(registers_.tcr, va_) ? 55 : 63;
        const unsigned input_bits = 64 - half_.tsz;
        const u64 above = bits(va_, input_bits, top - input_bits + 1);
        if (above != (half_.upper ? low_mask(top - input_bits + 1) : 0)) return fault(fault_status::translation, 0);
        if (half_.disabled) return fault(fault_status::translation, 0);
        if (half_.e0pd && !privileged) return fault(fault_status::translation, 0);
        return std::nullopt;
    }

    Result<Leaf, WalkFault> descend() const
    {
        const unsigned stride = half_.granule - 3;
        const unsigned input_bits = 64 - half_.tsz;
        unsigned level = 4 - (input_bits - half_.granule + stride - 1) / stride;
        const unsigned top_lsb = half_.granule + stride * (3 - level);
        u64 table = half_.upper ? registers_.ttbr1 : registers_.ttbr0;
        table = bits(table, 0, 48) & ~u64{1};
        // The first table is aligned to its own size, 64 bytes at least (D8.2.6).
        const unsigned table_shift = input_bits - top_lsb + 3;
        table = align_down(table, u64{1} << (table_shift < 6 ? 6 : table_shift));
        if (!in_range(table)) return fail(fault(fault_status::address_size, 0));

        Leaf leaf;
        for (;; ++level) {
            const unsigned lsb = half_.granule + stride * (3 - level);
            const unsigned msb = lsb + stride < input_bits ? lsb + stride : input_bits;
            leaf.address = table + bits(va_, lsb, msb - lsb) * 8;
            leaf.level = level;
            const auto descriptor = Descriptor::at(memory_, leaf.address, big_endian_);
            if (!descriptor) return fail(walk_abort(level));
            leaf.descriptor = descriptor->load();
            if (!test_bit(leaf.descriptor, 0)) return fail(fault(fault_status::translation, level));
            if (level == 3 || !test_bit(leaf.descriptor, 1)) break;
            table = leaf.descriptor & low_mask(48) & ~low_mask(half_.granule);
            if (!in_range(table)) return fail(fault(fault_status::address_size, level));
            if (!half_.no_hierarchy) gather(leaf.hierarchy, leaf.descriptor);
        }
        const bool page = test_bit(leaf.descriptor, 1);
        if ((leaf.level == 3) != page || !block_allowed(half_.granule, leaf.level))
            return fail(fault(fault_status::translation, leaf.level));
        return leaf;
    }

    bool in_range(u64 pa) const { return (pa >> output_bits_) == 0; }

    Result<Translation, WalkFault> finish(const Leaf& leaf, WalkAccess access, bool privileged, bool pan, bool& changed)
    {
        const unsigned stride = half_.granule - 3;
        const unsigned level_shift = half_.granule + stride * (3 - leaf.level);
        const u64 output = leaf.descriptor & low_mask(48) & ~low_mask(level_shift);
        if (!in_range(output)) return fail(fault(fault_status::address_size, leaf.level));

        const bool hardware_af = test_bit(registers_.tcr, 39);
        const bool hardware_dirty = hardware_af && test_bit(registers_.tcr, 40);
        u64 wanted = leaf.descriptor;
        if (!test_bit(wanted, desc_af)) {
            if (!hardware_af) return fail(fault(fault_status::access_flag, leaf.level));
            wanted |= bit(desc_af);
        }

        const bool dirty_managed = hardware_dirty && test_bit(leaf.descriptor, desc_dbm);
        const bool read_only = test_bit(leaf.descriptor, desc_ap2);
        const bool writable = (!read_only || dirty_managed) && !leaf.hierarchy.read_only;
        Translation result;
        result.rights = leaf_rights(leaf.descriptor, leaf.hierarchy, registers_.sctlr, writable);
        const bool allowed = permitted(result.rights, access, privileged, pan);
        // The dirty state changes only for a write that goes ahead; the access flag may also be set for one that faults.
        if (allowed && access == WalkAccess::write && dirty_managed && read_only) wanted &= ~bit(desc_ap2);
        if (wanted != leaf.descriptor) {
            const auto descriptor = Descriptor::at(memory_, leaf.address, big_endian_);
            if (!descriptor || descriptor->read_only()) return fail(walk_abort(leaf.level));
            if (!descriptor->update(leaf.descriptor, wanted)) {
                changed = true;
                return Translation{};
            }
        }
        if (!allowed) return fail(fault(fault_status::permission, leaf.level));
        describe(result, leaf, wanted, output, level_shift);
        return result;
    }

    void describe(Translation& result, const Leaf& leaf, u64 descriptor, u64 output, unsigned level_shift) const
    {
        const u64 granule_size = u64{1} << half_.granule;
        result.page = output | (bits(va_, 0, level_shift) & ~(granule_size - 1));
        result.page_shift = static_cast<u8>(half_.granule);
        result.block_shift = static_cast<u8>(level_shift);
        if (test_bit(descriptor, desc_contiguous))
            result.block_shift = static_cast<u8>(level_shift + contiguous_shift(half_.granule, leaf.level));
        result.memory_attributes = static_cast<u8>(bits(registers_.mair, 8 * static_cast<unsigned>(bits(descriptor, 2, 3)), 8));
        result.device = (result.memory_attributes & 0xF0) == 0;
        result.shareability = result.device ? u8{2} : static_cast<u8>(bits(descriptor, 8, 2));
        result.global = !test_bit(descriptor, desc_ng);
        result.dirty = !test_bit(descriptor, desc_ap2);
    }

    GuestMemory& memory_;
    const WalkRegisters& registers_;
    u64 va_;
    Half half_;
    bool big_endian_;
    unsigned output_bits_;
};

} // namespace

bool top_byte_ignored(u64 tcr, u64 va) { return test_bit(tcr, test_bit(va, 55) ? 38 : 37); }

unsigned granule_shift(const WalkRegisters& registers, u64 va)
{
    return test_bit(registers.sctlr, sctlr_m) ? decode_half(registers.tcr, va).granule : 12;
}

bool permitted(const WalkRights& rights, WalkAccess access, bool privileged, bool pan)
{
    switch (access) {
    case WalkAccess::execute: return privileged ? rights.el1_execute : rights.el0_execute;
    case WalkAccess::read:
        if (!privileged) return rights.el0_read;
        return rights.el1_read && !(pan && rights.el0_read);
    case WalkAccess::write:
        if (!privileged) return rights.el0_write;
        return rights.el1_write && !(pan && rights.el0_read);
    }
    return false;
}

Result<Translation, WalkFault> walk_stage1(GuestMemory& memory, const WalkRegisters& registers, u64 va,
                                           WalkAccess access, bool privileged, bool pan)
{
    if (!test_bit(registers.sctlr, sctlr_m)) {
        const u64 address = top_byte_ignored(registers.tcr, va) ? bits(va, 0, 56) : va;
        if ((address >> physical_address_bits) != 0) return fail(fault(fault_status::address_size, 0));
        return flat(registers, address, access);
    }
    return Walker(memory, registers, va).run(access, privileged, pan);
}

} // namespace gimbal::translator::aarch64
