// SPDX-License-Identifier: Apache-2.0
#include "test/engine/translator/mmu/reference_walker.hpp"

namespace gimbal::reference {

namespace {

constexpr unsigned pa_max = 48;
constexpr u8 address_size_fault = 0b000000;
constexpr u8 translation_fault = 0b000100;
constexpr u8 access_flag_fault = 0b001000;
constexpr u8 permission_fault = 0b001100;
constexpr u8 external_on_walk = 0b010100;

u64 extract(u64 value, unsigned high, unsigned low) { return (value >> low) & ((u64{2} << (high - low)) - 1); }
bool flag(u64 value, unsigned n) { return ((value >> n) & 1) != 0; }

/// S1TTWParams: what TCR_EL1 and SCTLR_EL1 say for one half.
struct Params {
    bool upper{};
    bool tbi{};
    bool epd{};
    bool hpd{};
    bool e0pd{};
    bool ha{};
    bool hd{};
    bool wxn{};
    unsigned txsz{};
    unsigned granule_bits{};
    unsigned output_bits{};
};

unsigned decode_tg0(u64 field) { return field == 0b01 ? 16 : field == 0b10 ? 14 : 12; }
unsigned decode_tg1(u64 field) { return field == 0b01 ? 14 : field == 0b11 ? 16 : 12; }

/// AArch64.PhysicalAddressSize
unsigned physical_address_size(u64 ps)
{
    constexpr unsigned sizes[] = {32, 36, 40, 42, 44, 48, 48, 48};
    return sizes[ps] < pa_max ? sizes[ps] : pa_max;
}

Params get_params(const Registers& registers, u64 va)
{
    const u64 tcr = registers.tcr;
    Params p;
    p.upper = flag(va, 55);
    p.tbi = flag(tcr, p.upper ? 38 : 37);
    p.epd = flag(tcr, p.upper ? 23 : 7);
    p.hpd = flag(tcr, p.upper ? 42 : 41);
    p.e0pd = flag(tcr, p.upper ? 56 : 55);
    p.txsz = static_cast<unsigned>(p.upper ? extract(tcr, 21, 16) : extract(tcr, 5, 0));
    p.granule_bits = p.upper ? decode_tg1(extract(tcr, 31, 30)) : decode_tg0(extract(tcr, 15, 14));
    p.output_bits = physical_address_size(extract(tcr, 34, 32));
    p.ha = flag(tcr, 39);
    p.hd = p.ha && flag(tcr, 40);
    p.wxn = flag(registers.sctlr, 19);
    return p;
}

Result fault(u8 kind, unsigned level)
{
    Result result;
    result.faulted = true;
    result.status = static_cast<u8>(kind | level);
    result.level = level;
    return result;
}

/// AArch64.VAIsOutOfRange, with AddrTop
bool out_of_range(const Params& p, u64 va)
{
    const unsigned top = p.tbi ? 55 : 63;
    const unsigned input_bits = 64 - p.txsz;
    const u64 above = extract(va, top, input_bits);
    const u64 ones = extract(~u64{0}, top, input_bits);
    return above != (p.upper ? ones : 0);
}

/// Accumulated over the walk: S1 walk state's permissions.
struct Hierarchy {
    u64 ap_table{};
    bool uxn{};
    bool pxn{};
};

struct Leaf {
    u64 descriptor{};
    u64 location{};
    unsigned level{};
    unsigned shift{};
    Hierarchy tables{};
};

struct WalkEnd {
    std::optional<Result> failed;
    Leaf leaf{};
};

bool beyond_output(const Params& p, u64 address)
{
    return p.output_bits < 48 && extract(address, 47, p.output_bits) != 0;
}

/// AArch64.BlockDescSupported
bool block_supported(const Params& p, unsigned level) { return level == 2 || (level == 1 && p.granule_bits == 12); }

/// AArch64.S1Walk
WalkEnd walk(const Memory& memory, const Params& p, u64 ttbr, u64 va)
{
    const unsigned stride = p.granule_bits - 3;
    const unsigned input_bits = 64 - p.txsz;
    unsigned level = 4 - (1 + (input_bits - p.granule_bits - 1) / stride);
    unsigned shift = p.granule_bits + (3 - level) * stride;
    // The base: aligned to the size of the first table, at least 64 bytes.
    const unsigned first_table_bits = input_bits - shift + 3;
    u64 base = extract(ttbr, 47, 1) << 1;
    base &= ~u64{0} << (first_table_bits < 6 ? 6 : first_table_bits);
    if (beyond_output(p, base)) return {fault(address_size_fault, 0), {}};
    Hierarchy tables;
    unsigned index_top = input_bits - 1;
    for (;;) {
        const u64 location = base + extract(va, index_top, shift) * 8;
        const auto descriptor = memory.read(location);
        if (!descriptor) return {fault(external_on_walk, level), {}};
        const u64 type = *descriptor & 3;
        if ((type & 1) == 0 || (level == 3 && type == 1)) return {fault(translation_fault, level), {}};
        if (level == 3 || type == 1) {
            if (level != 3 && !block_supported(p, level)) return {fault(translation_fault, level), {}};
            if (beyond_output(p, *descriptor & ~u64{0} << shift)) return {fault(address_size_fault, level), {}};
            return {
                std::nullopt, {*descriptor, location, level, shift, tables}
            };
        }
        base = extract(*descriptor, 47, p.granule_bits) << p.granule_bits;
        if (beyond_output(p, base)) return {fault(address_size_fault, level), {}};
        if (!p.hpd) {
            tables.ap_table |= extract(*descriptor, 62, 61);
            tables.uxn = tables.uxn || flag(*descriptor, 60);
            tables.pxn = tables.pxn || flag(*descriptor, 59);
        }
        index_top = shift - 1;
        shift -= stride;
        ++level;
    }
}

/// AArch64.S1DirectBasePermissions: what the descriptor and the tables above it allow.
struct Permissions {
    bool r{}, w{}, x{};
};

Permissions permissions(const Params& p, const Leaf& leaf, bool privileged, bool pan)
{
    u64 ap = extract(leaf.descriptor, 7, 6); // AP[2:1]
    // The effective AP[2] of a descriptor with DBM is 0 (AArch64.S1ApplyOutputPerms).
    if (p.hd && flag(leaf.descriptor, 51)) ap &= ~u64{2};
    // APTable<1> takes writes away, APTable<0> takes EL0's access away.
    if ((leaf.tables.ap_table & 2) != 0) ap |= 2;
    if ((leaf.tables.ap_table & 1) != 0) ap &= ~u64{1};
    const bool user = flag(ap, 0);
    const bool writable = !flag(ap, 1);
    Permissions result;
    if (privileged) {
        result.r = true;
        result.w = writable;
        // PAN takes data accesses to what EL0 can reach away; writable by EL0 is not executable at EL1.
        const bool pxn = flag(leaf.descriptor, 53) || leaf.tables.pxn;
        result.x = !pxn && !(user && writable) && !(p.wxn && writable);
        if (pan && user) result.r = result.w = false;
    } else {
        result.r = user;
        result.w = user && writable;
        const bool uxn = flag(leaf.descriptor, 54) || leaf.tables.uxn;
        result.x = !uxn && !(p.wxn && result.w);
    }
    return result;
}

/// AArch64.ContiguousSize: log2 of how many entries one contiguous set has (tables of D8.7.1).
unsigned contiguous_entries(const Params& p, unsigned level)
{
    if (p.granule_bits == 16) return 5;
    if (p.granule_bits == 14) return level == 2 ? 5 : 7;
    return 4;
}

/// AArch64.S1DisabledOutput
Result disabled(const Registers& registers, const Params& p, u64 va, Access access)
{
    const unsigned top = p.tbi ? 55 : 63;
    if (extract(va, top, pa_max) != 0) return fault(address_size_fault, 0);
    Result result;
    result.address = extract(va, 47, 0);
    result.global = true;
    const bool cached_fetch = access == Access::execute && flag(registers.sctlr, 12);
    result.attribute = access == Access::execute ? (cached_fetch ? 0xAA : 0x44) : 0;
    result.shareability = 2;
    return result;
}

} // namespace

Result translate(const Memory& memory, const Registers& registers, u64 va, Access access, bool privileged, bool pan)
{
    const Params p = get_params(registers, va);
    if (!flag(registers.sctlr, 0)) return disabled(registers, p, va, access);
    if (out_of_range(p, va)) return fault(translation_fault, 0);
    if (p.epd || (p.e0pd && !privileged)) return fault(translation_fault, 0);
    const WalkEnd end = walk(memory, p, p.upper ? registers.ttbr1 : registers.ttbr0, va);
    if (end.failed) return *end.failed;
    const Leaf& leaf = end.leaf;
    if (!flag(leaf.descriptor, 10) && !p.ha) return fault(access_flag_fault, leaf.level);
    const Permissions allowed = permissions(p, leaf, privileged, pan && access != Access::execute);
    const bool permitted = access == Access::read ? allowed.r : access == Access::write ? allowed.w : allowed.x;
    // The access flag may be set by an access that faults; this one, like the engine, does so only without a fault.
    if (!permitted) return fault(permission_fault, leaf.level);
    u64 updated = leaf.descriptor | u64{1} << 10;
    if (p.hd && access == Access::write && flag(updated, 51)) updated &= ~(u64{1} << 7);
    if (updated != leaf.descriptor) memory.write(leaf.location, updated);
    Result result;
    const u64 index = extract(leaf.descriptor, 4, 2);
    result.attribute = static_cast<u8>(
        extract(registers.mair, static_cast<unsigned>(8 * index + 7), static_cast<unsigned>(8 * index)));
    result.shareability = static_cast<u8>(extract(leaf.descriptor, 9, 8));
    result.global = !flag(leaf.descriptor, 11);
    result.level = leaf.level;
    result.leaf_shift = leaf.shift + (flag(leaf.descriptor, 52) ? contiguous_entries(p, leaf.level) : 0);
    const u64 offset = va & ((u64{1} << leaf.shift) - 1);
    result.address = (extract(leaf.descriptor, 47, leaf.shift) << leaf.shift) | offset;
    return result;
}

} // namespace gimbal::reference
