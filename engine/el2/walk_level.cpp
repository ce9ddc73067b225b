// SPDX-License-Identifier: Apache-2.0
#include "engine/el2/walk_level.hpp"

#include "arch/aarch64/translation.hpp"
#include "base/bits.hpp"

namespace gimbal::el2 {

using aarch64::Descriptor;
using aarch64::DescriptorKind;
using aarch64::TcrEl1;
using aarch64::Ttbr;

namespace {

constexpr u64 page_bytes = 4096;
constexpr unsigned descriptor_log2 = 3;
// TxSZ is 16..48 where small tables exist; what is outside behaves as the nearest (DDI 0487, TCR_EL1.T0SZ).
constexpr unsigned fewest_input_bits = 16;
constexpr unsigned most_input_bits = 48;
constexpr unsigned last_level = 3;

} // namespace

unsigned stage_one_level(u64 va, Gpa table, GuestView& guest)
{
    const StageOneRegisters registers = guest.stage_one_registers();
    const bool high = test_bit(va, 55);
    const TcrEl1 tcr{registers.tcr};
    const auto granule = tcr.granule(high);
    unsigned input_bits = tcr.input_bits(high);
    input_bits = input_bits < fewest_input_bits ? fewest_input_bits : input_bits;
    input_bits = input_bits > most_input_bits ? most_input_bits : input_bits;
    unsigned level = aarch64::stage1_start_level(granule, input_bits);
    level = level > last_level ? last_level : level;
    u64 base = Ttbr{high ? registers.ttbr1 : registers.ttbr0}.base();
    unsigned top = input_bits;
    for (;; ++level) {
        const unsigned shift = aarch64::entry_shift(granule, level);
        const u64 index = top > shift ? bits(va, shift, top - shift) : 0;
        const u64 address = base + (index << descriptor_log2);
        if (level == last_level || align_down(address, page_bytes) == align_down(table.value, page_bytes)) return level;
        u8 raw[8];
        if (!guest.read_memory({address}, raw)) return level;
        Descriptor descriptor;
        for (unsigned i = 0; i < sizeof raw; ++i) descriptor.raw |= u64{raw[i]} << (8 * i);
        if (descriptor.kind(granule, level) != DescriptorKind::table) return level;
        base = descriptor.next_table(granule);
        top = shift;
    }
}

} // namespace gimbal::el2
