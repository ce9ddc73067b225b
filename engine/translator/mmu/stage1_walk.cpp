// SPDX-License-Identifier: Apache-2.0
#include "engine/translator/mmu/stage1_walk.hpp"

#include <optional>

#include "arch/aarch64/control.hpp"
#include "arch/aarch64/translation.hpp"
#include "base/bits.hpp"

namespace gimbal::translator::aarch64 {

namespace {

using arch::FaultStatus;
using arch::Granule;
using arch::SctlrEl1;
using arch::TcrEl1;
using Desc = arch::Descriptor;

/// One half of the address space, decoded from TCR_EL1.
struct Half {
    bool upper{};
    Granule granule{};
    unsigned input_bits{};
    bool disabled{};     ///< EPD
    bool no_hierarchy{}; ///< HPD
    bool e0pd{};
};

Half decode_half(TcrEl1 tcr, u64 va)
{
    // Sizes out of range behave as the nearest one; 48 bits at most, 25 at least without FEAT_TTST.
    constexpr unsigned most = 48;
    constexpr unsigned least = 25;
    const bool upper = test_bit(va, 55);
    const unsigned wanted = tcr.input_bits(upper);
    return {upper,
            tcr.granule(upper),
            wanted > most    ? most
            : wanted < least ? least
                             : wanted,
            upper ? TcrEl1::epd1::get(tcr) : TcrEl1::epd0::get(tcr),
            upper ? TcrEl1::hpd1::get(tcr) : TcrEl1::hpd0::get(tcr),
            upper ? TcrEl1::e0pd1::get(tcr) : TcrEl1::e0pd0::get(tcr)};
}

unsigned output_bits(TcrEl1 tcr)
{
    const unsigned width = arch::decode_pa_bits(TcrEl1::ips::get(tcr));
    return width < physical_address_bits ? width : physical_address_bits;
}

/// A descriptor in guest RAM, read and updated as the table walker of a PE does: single-copy atomically.
class TableEntry {
public:
    static std::optional<TableEntry> at(GuestMemory& memory, u64 pa, bool big_endian)
    {
        const MemoryRegion* region = memory.find({pa});
        if (region == nullptr) return std::nullopt;
        return TableEntry(region->host + (pa - region->base.value), big_endian, region->read_only);
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
    TableEntry(u8* host, bool big_endian, bool read_only)
        : host_(reinterpret_cast<u64*>(host)), big_endian_(big_endian), read_only_(read_only)
    {
    }
    u64 order(u64 value) const { return big_endian_ ? __builtin_bswap64(value) : value; }

    u64* host_;
    bool big_endian_;
    bool read_only_;
};

/// Attributes gathered from table descriptors on the way down.
struct Hierarchy {
    bool no_el0{};
    bool read_only{};
    bool uxn{};
    bool pxn{};
};

void gather(Hierarchy& hierarchy, Desc table)
{
    const u8 ap = Desc::ap_table::get(table);
    hierarchy.no_el0 |= test_bit(ap, 0);
    hierarchy.read_only |= test_bit(ap, 1);
    hierarchy.uxn |= Desc::uxn_table::get(table);
    hierarchy.pxn |= Desc::pxn_table::get(table);
}

WalkRights leaf_rights(Desc leaf, const Hierarchy& hierarchy, SctlrEl1 sctlr, bool writable)
{
    const bool el0 = Desc::ap_el0::get(leaf) && !hierarchy.no_el0;
    const bool wxn = SctlrEl1::wxn::get(sctlr);
    WalkRights rights;
    rights.el1_read = true;
    rights.el1_write = writable;
    rights.el0_read = el0;
    rights.el0_write = el0 && writable;
    rights.el0_execute = !(Desc::uxn::get(leaf) || hierarchy.uxn) && !(wxn && rights.el0_write);
    // Memory that EL0 can write is never executable at EL1.
    rights.el1_execute = !(Desc::pxn::get(leaf) || hierarchy.pxn) && !rights.el0_write && !(wxn && rights.el1_write);
    return rights;
}

Translation flat(SctlrEl1 sctlr, u64 va, WalkAccess access)
{
    constexpr u8 write_through = 0xAA;
    constexpr u8 non_cacheable = 0x44;
    Translation flat;
    flat.page = align_down(va, 4096);
    flat.device = access != WalkAccess::execute;
    if (!flat.device) flat.memory_attributes = SctlrEl1::i::get(sctlr) ? write_through : non_cacheable;
    flat.shareability = 2;
    flat.rights = {true, true, true, true, true, true};
    return flat;
}

constexpr WalkFault fault(FaultStatus kind, unsigned level) { return {arch::fault_status(kind, level)}; }

struct Leaf {
    Desc descriptor{};
    unsigned level{};
    u64 address{}; ///< Of the descriptor.
    Hierarchy hierarchy{};
};

class Walker {
public:
    Walker(GuestMemory& memory, const WalkRegisters& registers, u64 va)
        : memory_(memory),
          registers_(registers),
          tcr_{registers.tcr},
          va_(va),
          half_(decode_half(tcr_, va)),
          big_endian_(SctlrEl1::ee::get({registers.sctlr})),
          output_bits_(output_bits(tcr_))
    {
    }

    Result<Translation, WalkFault> run(WalkAccess access, bool privileged, bool pan)
    {
        if (refused_at_level_0(privileged)) return fail(fault(FaultStatus::translation, 0));
        // Another PE may change the leaf while its flags are updated; then the walk starts over.
        for (;;) {
            GIMBAL_TRY(leaf, descend());
            bool changed = false;
            auto translation = finish(leaf, access, privileged, pan, changed);
            if (!changed) return translation;
        }
    }

private:
    bool refused_at_level_0(bool privileged) const
    {
        const unsigned top = top_byte_ignored(registers_.tcr, va_) ? 55 : 63;
        const unsigned width = top - half_.input_bits + 1;
        const u64 above = bits(va_, half_.input_bits, width);
        return above != (half_.upper ? low_mask(width) : 0) || half_.disabled || (half_.e0pd && !privileged);
    }

    Result<Leaf, WalkFault> descend() const
    {
        const unsigned stride = arch::bits_per_level(half_.granule);
        unsigned level = arch::stage1_start_level(half_.granule, half_.input_bits);
        // The first table is aligned to its own size, 64 bytes at least.
        const unsigned table_shift = half_.input_bits - arch::entry_shift(half_.granule, level) + 3;
        u64 table = arch::Ttbr{half_.upper ? registers_.ttbr1 : registers_.ttbr0}.base();
        table = align_down(table, u64{1} << (table_shift < 6 ? 6 : table_shift));
        if (!in_range(table)) return fail(fault(FaultStatus::address_size, 0));

        Leaf leaf;
        for (;; ++level) {
            const unsigned lsb = arch::entry_shift(half_.granule, level);
            const unsigned msb = lsb + stride < half_.input_bits ? lsb + stride : half_.input_bits;
            leaf.address = table + bits(va_, lsb, msb - lsb) * 8;
            leaf.level = level;
            const auto entry = TableEntry::at(memory_, leaf.address, big_endian_);
            if (!entry) return fail(fault(FaultStatus::external_abort_on_walk, level));
            leaf.descriptor = {entry->load()};
            if (!Desc::valid::get(leaf.descriptor)) return fail(fault(FaultStatus::translation, level));
            if (level == 3 || !Desc::not_block::get(leaf.descriptor)) break;
            table = leaf.descriptor.raw & low_mask(48) & ~low_mask(arch::granule_shift(half_.granule));
            if (!in_range(table)) return fail(fault(FaultStatus::address_size, level));
            if (!half_.no_hierarchy) gather(leaf.hierarchy, leaf.descriptor);
        }
        const bool is_page = level == 3 && Desc::not_block::get(leaf.descriptor);
        const bool is_block = level != 3 && arch::block_allowed(half_.granule, level);
        if (!is_page && !is_block) return fail(fault(FaultStatus::translation, level));
        return leaf;
    }

    bool in_range(u64 pa) const { return (pa >> output_bits_) == 0; }

    Result<Translation, WalkFault> finish(const Leaf& leaf, WalkAccess access, bool privileged, bool pan, bool& changed)
    {
        if (!in_range(output(leaf))) return fail(fault(FaultStatus::address_size, leaf.level));
        const bool hardware_af = TcrEl1::ha::get(tcr_);
        Desc wanted = leaf.descriptor;
        if (!Desc::af::get(wanted)) {
            if (!hardware_af) return fail(fault(FaultStatus::access_flag, leaf.level));
            wanted = Desc::af::set(wanted, true);
        }
        const bool dirty_managed = hardware_af && TcrEl1::hd::get(tcr_) && Desc::dbm::get(leaf.descriptor);
        const bool read_only = Desc::ap_read_only::get(leaf.descriptor);
        const bool writable = (!read_only || dirty_managed) && !leaf.hierarchy.read_only;
        Translation result;
        result.rights = leaf_rights(leaf.descriptor, leaf.hierarchy, {registers_.sctlr}, writable);
        const bool allowed = permitted(result.rights, access, privileged, pan);
        // The dirty state changes only for a write that goes ahead; the access flag may also be set for one that
        // faults.
        if (allowed && access == WalkAccess::write && dirty_managed) wanted = Desc::ap_read_only::set(wanted, false);
        if (wanted.raw != leaf.descriptor.raw) {
            const auto entry = TableEntry::at(memory_, leaf.address, big_endian_);
            if (!entry || entry->read_only()) return fail(fault(FaultStatus::external_abort_on_walk, leaf.level));
            if (!entry->update(leaf.descriptor.raw, wanted.raw)) {
                changed = true;
                return Translation{};
            }
            memory_.log_write({leaf.address}, 8);
        }
        describe(result, leaf, wanted);
        if (!allowed) return fail(WalkFault{arch::fault_status(FaultStatus::permission, leaf.level), result.device});
        return result;
    }

    u64 output(const Leaf& leaf) const
    {
        return leaf.descriptor.raw & low_mask(48) & ~low_mask(arch::entry_shift(half_.granule, leaf.level));
    }

    void describe(Translation& result, const Leaf& leaf, Desc descriptor) const
    {
        const unsigned granule = arch::granule_shift(half_.granule);
        const unsigned level_shift = arch::entry_shift(half_.granule, leaf.level);
        result.page = output(leaf) | align_down(va_ & low_mask(level_shift), u64{1} << granule);
        result.page_shift = static_cast<u8>(granule);
        const unsigned joined =
            Desc::contiguous::get(descriptor) ? arch::contiguous_shift(half_.granule, leaf.level) : 0;
        result.block_shift = static_cast<u8>(level_shift + joined);
        result.memory_attributes = arch::mair_attribute(registers_.mair, Desc::attr_indx::get(descriptor));
        result.device = arch::is_device_memory(result.memory_attributes);
        result.shareability = result.device ? u8{2} : Desc::sh::get(descriptor);
        result.global = !Desc::ng::get(descriptor);
        result.dirty = !Desc::ap_read_only::get(descriptor);
    }

    GuestMemory& memory_;
    const WalkRegisters& registers_;
    TcrEl1 tcr_;
    u64 va_;
    Half half_;
    bool big_endian_;
    unsigned output_bits_;
};

} // namespace

bool top_byte_ignored(u64 tcr, u64 va)
{
    return test_bit(va, 55) ? TcrEl1::tbi1::get({tcr}) : TcrEl1::tbi0::get({tcr});
}

unsigned granule_shift(const WalkRegisters& registers, u64 va)
{
    if (!SctlrEl1::m::get({registers.sctlr})) return arch::granule_shift(Granule::kib4);
    return arch::granule_shift(TcrEl1{registers.tcr}.granule(test_bit(va, 55)));
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
    if (!SctlrEl1::m::get({registers.sctlr})) {
        const u64 address = top_byte_ignored(registers.tcr, va) ? bits(va, 0, 56) : va;
        if ((address >> physical_address_bits) != 0) return fail(fault(FaultStatus::address_size, 0));
        return flat({registers.sctlr}, address, access);
    }
    return Walker(memory, registers, va).run(access, privileged, pan);
}

} // namespace gimbal::translator::aarch64
