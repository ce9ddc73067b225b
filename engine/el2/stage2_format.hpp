// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "arch/aarch64/id_registers.hpp"
#include "arch/aarch64/translation.hpp"
#include "base/result.hpp"

// What stage 2 looks like: the shape of its tables, the control registers and the bits of a descriptor. Always the 4
// KiB granule and 48-bit output addresses (DDI 0487, "The AArch64 Virtual Memory System Architecture").
namespace gimbal::el2 {

enum class Stage2Error : u8 {
    no_4kib_granule, ///< The CPU has no 4 KiB granule at stage 2.
    bad_ipa_size,    ///< Not 32..48 bits, or more than the CPU's physical addresses have.
    misaligned,      ///< An address or a size that is not a multiple of 4096, or no size.
    out_of_range,    ///< Beyond the IPA size, or beyond the CPU's physical addresses.
    bad_attributes,  ///< Device memory that may be executed; EL0 and EL1 told apart without FEAT_XNX.
    mapped,          ///< Some of the range is mapped already.
    not_mapped,      ///< Some of the range is not mapped.
    out_of_pages,    ///< The pool is empty.
};

/// What a CPU's stage 2 can do.
struct Stage2Features {
    bool granule_4kib{};
    u8 pa_bits{32};  ///< 32..48
    u8 vmid_bits{8}; ///< 8 or 16
    bool xnx{};      ///< Execution at EL0 and at EL1 can be forbidden separately.
    bool cnp{};      ///< VTTBR_EL2.CnP exists.

    friend constexpr bool operator==(const Stage2Features&, const Stage2Features&) = default;
};

constexpr Stage2Features probe_stage2(aarch64::IdAa64mmfr0 mmfr0, aarch64::IdAa64mmfr1 mmfr1,
                                      aarch64::IdAa64mmfr2 mmfr2)
{
    using namespace aarch64;
    return {.granule_4kib = mmfr0.stage2_has_4kib(),
            .pa_bits = static_cast<u8>(decode_pa_bits(IdAa64mmfr0::pa_range::get(mmfr0))),
            .vmid_bits = IdAa64mmfr1::vmid_bits::get(mmfr1) == 2 ? u8{16} : u8{8},
            .xnx = IdAa64mmfr1::xnx::get(mmfr1) != 0,
            .cnp = IdAa64mmfr2::cnp::get(mmfr2) != 0};
}

/// What two CPUs have in common: a VM may run on both.
constexpr Stage2Features common(const Stage2Features& a, const Stage2Features& b)
{
    return {.granule_4kib = a.granule_4kib && b.granule_4kib,
            .pa_bits = a.pa_bits < b.pa_bits ? a.pa_bits : b.pa_bits,
            .vmid_bits = a.vmid_bits < b.vmid_bits ? a.vmid_bits : b.vmid_bits,
            .xnx = a.xnx && b.xnx,
            .cnp = a.cnp && b.cnp};
}

/// The shape of a VM's tables.
struct Stage2Layout {
    u8 ipa_bits{};
    u8 start_level{}; ///< 0 or 1
    u8 root_order{};  ///< log2 of the number of tables side by side at the start level, 0..4
    u8 pa_bits{};
    bool vmid16{};
    bool xnx{};
    bool cnp{};

    constexpr aarch64::VtcrEl2 vtcr() const;
    /// VTTBR_EL2 for tables whose root is at `root` (physical).
    constexpr aarch64::VttbrEl2 vttbr(u64 root, u16 vmid) const
    {
        using V = aarch64::VttbrEl2;
        return V::cnp::set(V::vmid::set(V{root}, vmid), cnp);
    }
};

/// The shape for guest physical addresses of `ipa_bits` on CPUs that all have `features`.
constexpr Result<Stage2Layout, Stage2Error> make_stage2_layout(const Stage2Features& features, unsigned ipa_bits)
{
    if (!features.granule_4kib) return fail(Stage2Error::no_4kib_granule);
    // More than pa_bits is not allowed; this also keeps start level 0 to CPUs with 44 bits, which alone have it.
    if (ipa_bits < 32 || ipa_bits > 48 || ipa_bits > features.pa_bits) return fail(Stage2Error::bad_ipa_size);
    const unsigned level = aarch64::stage2_start_level(ipa_bits);
    return Stage2Layout{.ipa_bits = static_cast<u8>(ipa_bits),
                        .start_level = static_cast<u8>(level),
                        .root_order = static_cast<u8>(aarch64::stage2_concatenation_shift(ipa_bits, level)),
                        .pa_bits = features.pa_bits,
                        .vmid16 = features.vmid_bits == 16,
                        .xnx = features.xnx,
                        .cnp = features.cnp};
}

constexpr aarch64::VtcrEl2 Stage2Layout::vtcr() const
{
    using aarch64::VtcrEl2;
    VtcrEl2 value = VtcrEl2::res1::set({}, true);
    value = VtcrEl2::t0sz::set(value, static_cast<u8>(64 - ipa_bits));
    value = VtcrEl2::sl0::set(value, aarch64::encode_stage2_sl0(start_level));
    value = VtcrEl2::irgn0::set(value, aarch64::walk_write_back);
    value = VtcrEl2::orgn0::set(value, aarch64::walk_write_back);
    value = VtcrEl2::sh0::set(value, static_cast<u8>(aarch64::Shareability::inner));
    value = VtcrEl2::ps::set(value, aarch64::encode_pa_bits(pa_bits));
    return VtcrEl2::vs::set(value, vmid16);
}

/// Stage 1 of the guest can only make a type stronger, so Device here is the weakest that a guest may have for a
/// register: nGnRE, and nGnRnE where it asks for that.
enum class Stage2Memory : u8 { normal, normal_non_cacheable, device };

struct Stage2Attributes {
    Stage2Memory memory{Stage2Memory::normal};
    bool read{};
    bool write{};
    bool execute_el0{};
    bool execute_el1{};

    friend constexpr bool operator==(const Stage2Attributes&, const Stage2Attributes&) = default;
};

inline constexpr Stage2Attributes stage2_ram{.read = true, .write = true, .execute_el0 = true, .execute_el1 = true};
inline constexpr Stage2Attributes stage2_shared{.read = true, .write = true}; ///< Memory that another VM writes too.
inline constexpr Stage2Attributes stage2_device{.memory = Stage2Memory::device, .read = true, .write = true};

/// Whether descriptors can say it on this VM's CPUs.
constexpr bool can_express(const Stage2Attributes& attributes, const Stage2Layout& layout)
{
    if (attributes.memory == Stage2Memory::device && (attributes.execute_el0 || attributes.execute_el1)) return false;
    return layout.xnx || attributes.execute_el0 == attributes.execute_el1;
}

/// A block or page descriptor at `level` (1..3); `physical` is aligned to what the level maps. The access flag is set:
/// nobody looks for it here.
aarch64::Descriptor make_stage2_leaf(u64 physical, unsigned level, const Stage2Attributes& attributes);
aarch64::Descriptor make_stage2_table(u64 physical);

/// What a block or page descriptor of make_stage2_leaf() allows.
Stage2Attributes stage2_attributes(aarch64::Descriptor leaf);

/// Whether a live `from` may become `to` by one store, without break-before-make: the same translation, and nothing
/// but access permissions differs.
constexpr bool only_permissions_differ(aarch64::Descriptor from, aarch64::Descriptor to)
{
    return ((from.raw ^ to.raw) & ~(aarch64::Descriptor::s2ap::mask | aarch64::Descriptor::s2_xn::mask)) == 0;
}

} // namespace gimbal::el2
