// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "base/field.hpp"

// The VMSAv8-64 translation system: control registers and descriptors (DDI 0487, "The AArch64 Virtual Memory System
// Architecture").
namespace gimbal::aarch64 {

/// A translation granule; the value is log2 of its size.
enum class Granule : u8 { kib4 = 12, kib16 = 14, kib64 = 16 };

constexpr unsigned granule_shift(Granule granule) { return static_cast<unsigned>(granule); }
constexpr unsigned bits_per_level(Granule granule) { return granule_shift(granule) - 3; }

/// log2 of the bytes that one entry at `level` (0..3) maps.
constexpr unsigned entry_shift(Granule granule, unsigned level)
{
    return granule_shift(granule) + (3 - level) * bits_per_level(granule);
}

/// The first level of a stage 1 walk that resolves `input_bits`.
constexpr unsigned stage1_start_level(Granule granule, unsigned input_bits)
{
    const unsigned stride = bits_per_level(granule);
    return 4 - (input_bits - granule_shift(granule) + stride - 1) / stride;
}

/// True if a block may stand at `level` (levels 1 and 2; 48-bit output addresses).
constexpr bool block_allowed(Granule granule, unsigned level)
{
    return level == 2 || (level == 1 && granule == Granule::kib4);
}

/// log2 of the number of adjacent entries that the Contiguous bit joins at a level that holds blocks or pages.
constexpr unsigned contiguous_shift(Granule granule, unsigned level)
{
    switch (granule) {
    case Granule::kib4: return 4;
    case Granule::kib16: return level == 3 ? 7 : 5;
    case Granule::kib64: return 5;
    }
    return 0;
}

constexpr std::optional<Granule> decode_tg0(u8 tg0)
{
    switch (tg0) {
    case 0: return Granule::kib4;
    case 1: return Granule::kib64;
    case 2: return Granule::kib16;
    }
    return std::nullopt;
}
constexpr std::optional<Granule> decode_tg1(u8 tg1)
{
    switch (tg1) {
    case 1: return Granule::kib16;
    case 2: return Granule::kib4;
    case 3: return Granule::kib64;
    }
    return std::nullopt;
}

/// Physical address bits of TCR_EL1.IPS, TCR_EL2.PS, VTCR_EL2.PS and ID_AA64MMFR0_EL1.PARange; reserved values read as
/// the largest size that we support.
constexpr unsigned decode_pa_bits(u8 code)
{
    constexpr unsigned sizes[] = {32, 36, 40, 42, 44, 48};
    return code < 6 ? sizes[code] : 48;
}

/// The code of at most `pa_bits` physical address bits (32..48): the inverse, rounded down.
constexpr u8 encode_pa_bits(unsigned pa_bits)
{
    u8 code = 5;
    while (code > 0 && decode_pa_bits(code) > pa_bits) --code;
    return code;
}

/// The first level of a stage 2 walk of `ipa_bits` (32..48) with the 4 KiB granule: as few levels as there can be, for
/// up to sixteen tables stand side by side at the first one.
constexpr unsigned stage2_start_level(unsigned ipa_bits)
{
    return ipa_bits > entry_shift(Granule::kib4, 0) + 4 ? 0 : 1;
}

/// log2 of the number of tables that stand side by side at `start_level`; their address is aligned to all of them.
constexpr unsigned stage2_concatenation_shift(unsigned ipa_bits, unsigned start_level)
{
    const unsigned one_table = entry_shift(Granule::kib4, start_level) + bits_per_level(Granule::kib4);
    return ipa_bits > one_table ? ipa_bits - one_table : 0;
}

/// VTCR_EL2.SL0 for the 4 KiB granule and start levels 0 to 2.
constexpr u8 encode_stage2_sl0(unsigned start_level) { return static_cast<u8>(2 - start_level); }

/// Stage 2 MemAttr[3:0] without FEAT_S2FWB; the outer and inner cacheability of Normal memory are the same here.
enum class Stage2MemAttr : u8 {
    device_ngnrne = 0b0000,
    device_ngnre = 0b0001,
    device_ngre = 0b0010,
    device_gre = 0b0011,
    normal_non_cacheable = 0b0101,
    normal_write_through = 0b1010,
    normal_write_back = 0b1111,
};

/// XN[1:0] of a stage 2 descriptor. Without FEAT_XNX bit 0 is RES0.
enum class Stage2Xn : u8 { execute_all = 0b00, execute_el0 = 0b01, execute_none = 0b10, execute_el1 = 0b11 };

enum class Shareability : u8 { non_shareable = 0, outer = 2, inner = 3 };

/// IRGN and ORGN of the translation control registers.
inline constexpr u8 walk_write_back = 1;

struct TcrEl1 {
    u64 raw{};
    using t0sz = Field<TcrEl1, 0, 6, u8>;
    using epd0 = Field<TcrEl1, 7, 1, bool>;
    using irgn0 = Field<TcrEl1, 8, 2, u8>;
    using orgn0 = Field<TcrEl1, 10, 2, u8>;
    using sh0 = Field<TcrEl1, 12, 2, u8>;
    using tg0 = Field<TcrEl1, 14, 2, u8>;
    using t1sz = Field<TcrEl1, 16, 6, u8>;
    using a1 = Field<TcrEl1, 22, 1, bool>; ///< The ASID is TTBR1_EL1's.
    using epd1 = Field<TcrEl1, 23, 1, bool>;
    using irgn1 = Field<TcrEl1, 24, 2, u8>;
    using orgn1 = Field<TcrEl1, 26, 2, u8>;
    using sh1 = Field<TcrEl1, 28, 2, u8>;
    using tg1 = Field<TcrEl1, 30, 2, u8>;
    using ips = Field<TcrEl1, 32, 3, u8>;
    using as = Field<TcrEl1, 36, 1, bool>; ///< 16-bit ASIDs
    using tbi0 = Field<TcrEl1, 37, 1, bool>;
    using tbi1 = Field<TcrEl1, 38, 1, bool>;
    using ha = Field<TcrEl1, 39, 1, bool>;
    using hd = Field<TcrEl1, 40, 1, bool>;
    using hpd0 = Field<TcrEl1, 41, 1, bool>;
    using hpd1 = Field<TcrEl1, 42, 1, bool>;
    using tbid0 = Field<TcrEl1, 51, 1, bool>;
    using tbid1 = Field<TcrEl1, 52, 1, bool>;
    using nfd0 = Field<TcrEl1, 53, 1, bool>;
    using nfd1 = Field<TcrEl1, 54, 1, bool>;
    using e0pd0 = Field<TcrEl1, 55, 1, bool>;
    using e0pd1 = Field<TcrEl1, 56, 1, bool>;
    using ds = Field<TcrEl1, 59, 1, bool>;

    /// The granule of one half (`high`: TTBR1_EL1's). Reserved values behave as 4 KiB, a choice that the
    /// register's description leaves us.
    constexpr Granule granule(bool high) const
    {
        return (high ? decode_tg1(tg1::get(*this)) : decode_tg0(tg0::get(*this))).value_or(Granule::kib4);
    }
    /// Input address bits of one half before the limits of the implementation: 64 - TxSZ.
    constexpr unsigned input_bits(bool high) const { return 64u - (high ? t1sz::get(*this) : t0sz::get(*this)); }
};

struct TcrEl2 { // E2H = 0
    u64 raw{};
    using t0sz = Field<TcrEl2, 0, 6, u8>;
    using tg0 = Field<TcrEl2, 14, 2, u8>;
    using ps = Field<TcrEl2, 16, 3, u8>;
    using tbi = Field<TcrEl2, 20, 1, bool>;
    using ha = Field<TcrEl2, 21, 1, bool>;
    using hd = Field<TcrEl2, 22, 1, bool>;
    using hpd = Field<TcrEl2, 24, 1, bool>;
    using tbid = Field<TcrEl2, 29, 1, bool>;
};

struct VtcrEl2 {
    u64 raw{};
    using t0sz = Field<VtcrEl2, 0, 6, u8>;
    using sl0 = Field<VtcrEl2, 6, 2, u8>;
    using irgn0 = Field<VtcrEl2, 8, 2, u8>;
    using orgn0 = Field<VtcrEl2, 10, 2, u8>;
    using sh0 = Field<VtcrEl2, 12, 2, u8>;
    using tg0 = Field<VtcrEl2, 14, 2, u8>;
    using ps = Field<VtcrEl2, 16, 3, u8>;
    using vs = Field<VtcrEl2, 19, 1, bool>; ///< 16-bit VMIDs
    using ha = Field<VtcrEl2, 21, 1, bool>;
    using hd = Field<VtcrEl2, 22, 1, bool>;
    using res1 = Field<VtcrEl2, 31, 1, bool>;
};

/// TTBR0_EL1, TTBR1_EL1 and TTBR0_EL2.
struct Ttbr {
    u64 raw{};
    using cnp = Field<Ttbr, 0, 1, bool>;
    using baddr = Field<Ttbr, 1, 47, u64>; ///< Bits [47:1] of the address
    using asid = Field<Ttbr, 48, 16, u16>;

    constexpr u64 base() const { return raw & baddr::mask; }
};

struct VttbrEl2 {
    u64 raw{};
    using cnp = Field<VttbrEl2, 0, 1, bool>;
    using baddr = Field<VttbrEl2, 1, 47, u64>;
    using vmid = Field<VttbrEl2, 48, 16, u16>;
};

/// PAR_EL1 after an address translation instruction.
struct ParEl1 {
    u64 raw{};
    using f = Field<ParEl1, 0, 1, bool>;
    using fst = Field<ParEl1, 1, 6, u8>;   ///< F = 1: the fault status
    using ptw = Field<ParEl1, 8, 1, bool>; ///< F = 1: a stage 2 fault of the stage 1 walk
    using s = Field<ParEl1, 9, 1, bool>;   ///< F = 1: a stage 2 fault
    using sh = Field<ParEl1, 7, 2, u8>;    ///< F = 0
    using ns = Field<ParEl1, 9, 1, bool>;  ///< F = 0
    using pa = Field<ParEl1, 12, 40, u64>; ///< F = 0: bits [51:12]
    using attr = Field<ParEl1, 56, 8, u8>; ///< F = 0: as in MAIR_EL1
    static constexpr u64 res1 = bit(11);
};

/// One attribute byte of MAIR_EL1, by AttrIndx (0..7).
constexpr u8 mair_attribute(u64 mair, unsigned index) { return static_cast<u8>(bits(mair, index * 8, 8)); }
constexpr bool is_device_memory(u8 attribute) { return (attribute & 0xF0) == 0; }

enum class DescriptorKind : u8 { invalid, block, table, page };

/// A stage 1 or stage 2 descriptor with a 48-bit output address.
struct Descriptor {
    u64 raw{};
    using valid = Field<Descriptor, 0, 1, bool>;
    using not_block = Field<Descriptor, 1, 1, bool>; ///< A table, or at level 3 a page
    // Stage 1 block and page
    using attr_indx = Field<Descriptor, 2, 3, u8>;
    using ns = Field<Descriptor, 5, 1, bool>;
    using ap = Field<Descriptor, 6, 2, u8>;
    using ap_el0 = Field<Descriptor, 6, 1, bool>;
    using ap_read_only = Field<Descriptor, 7, 1, bool>;
    using sh = Field<Descriptor, 8, 2, u8>;
    using af = Field<Descriptor, 10, 1, bool>;
    using ng = Field<Descriptor, 11, 1, bool>;
    using dbm = Field<Descriptor, 51, 1, bool>;
    using contiguous = Field<Descriptor, 52, 1, bool>;
    using pxn = Field<Descriptor, 53, 1, bool>;
    using uxn = Field<Descriptor, 54, 1, bool>; ///< XN where the regime has one privilege level
    // Stage 1 table
    using pxn_table = Field<Descriptor, 59, 1, bool>;
    using uxn_table = Field<Descriptor, 60, 1, bool>;
    using ap_table = Field<Descriptor, 61, 2, u8>;
    using ns_table = Field<Descriptor, 63, 1, bool>;
    // Stage 2 block and page
    using mem_attr = Field<Descriptor, 2, 4, u8>;
    using s2ap = Field<Descriptor, 6, 2, u8>; ///< Bit 0 read, bit 1 write
    using s2_xn = Field<Descriptor, 53, 2, u8>;

    /// What the descriptor is at `level` (0..3). A kind that the level does not allow is invalid.
    constexpr DescriptorKind kind(Granule granule, unsigned level) const
    {
        if (!valid::get(*this)) return DescriptorKind::invalid;
        if (not_block::get(*this)) return level == 3 ? DescriptorKind::page : DescriptorKind::table;
        return level != 3 && block_allowed(granule, level) ? DescriptorKind::block : DescriptorKind::invalid;
    }
    /// The output address of a block or page at `level`.
    constexpr u64 output_address(Granule granule, unsigned level) const
    {
        return bits(raw, 0, 48) & ~low_mask(entry_shift(granule, level));
    }
    /// The next level's table.
    constexpr u64 next_table(Granule granule) const { return bits(raw, 0, 48) & ~low_mask(granule_shift(granule)); }
};

static_assert(stage1_start_level(Granule::kib4, 48) == 0 && stage1_start_level(Granule::kib4, 39) == 1);
static_assert(stage1_start_level(Granule::kib16, 48) == 0 && stage1_start_level(Granule::kib16, 47) == 1);
static_assert(stage1_start_level(Granule::kib64, 48) == 1 && stage1_start_level(Granule::kib64, 42) == 2);
static_assert(stage1_start_level(Granule::kib4, 25) == 2 && stage1_start_level(Granule::kib64, 25) == 3);
static_assert(stage2_start_level(39) == 1 && stage2_start_level(43) == 1 && stage2_start_level(44) == 0);
static_assert(stage2_concatenation_shift(39, 1) == 0 && stage2_concatenation_shift(43, 1) == 4);
static_assert(stage2_concatenation_shift(48, 0) == 0 && stage2_concatenation_shift(32, 1) == 0);
static_assert(encode_pa_bits(48) == 5 && encode_pa_bits(40) == 2 && encode_pa_bits(43) == 3 && encode_pa_bits(32) == 0);
static_assert(entry_shift(Granule::kib4, 1) == 30 && entry_shift(Granule::kib16, 2) == 25);
static_assert(entry_shift(Granule::kib64, 2) == 29);
static_assert(Descriptor{0x0060'0000'4020'0711}.output_address(Granule::kib4, 2) == 0x4020'0000);
static_assert(Descriptor{0x1}.kind(Granule::kib16, 1) == DescriptorKind::invalid);

} // namespace gimbal::aarch64
