// SPDX-License-Identifier: Apache-2.0
#include "test/differential/words.hpp"

#include <string_view>

#include "arch/aarch64/sysreg.hpp"
#include "base/assert.hpp"
#include "base/bits.hpp"

namespace gimbal::differential {
namespace {

using translator::aarch64::Insn;
namespace arch = gimbal::aarch64;

unsigned random_register(Random& random, const RegisterChoice& choice, const unsigned* earlier, unsigned count)
{
    if (random.one_in(8)) return 31;
    if (count != 0 && random.one_in(4)) return earlier[random.below(count)];
    if (choice.sequence && !random.one_in(32))
        return random.below(choice.limit < first_pointer ? choice.limit : first_pointer);
    return random.below(31);
}

u32 random_field(Random& random, unsigned width)
{
    switch (random.below(6)) {
    case 0: return 0;
    case 1: return static_cast<u32>(low_mask(width));
    default: return static_cast<u32>(random.next() & low_mask(width));
    }
}

/// Fills the pattern's runs of one letter; five bits of certain letters are a register.
u32 fill_pattern(const DecodeRow& row, Random& random, const RegisterChoice& choice)
{
    constexpr std::string_view register_letters = "dnmtuas";
    const std::string_view pattern = row.pattern;
    u32 word = row.value;
    unsigned registers[8];
    unsigned count = 0;
    for (usize at = 0; at < pattern.size();) {
        usize end = at + 1;
        while (end < pattern.size() && pattern[end] == pattern[at]) ++end;
        const char letter = pattern[at];
        const auto width = static_cast<unsigned>(end - at);
        const auto low = static_cast<unsigned>(32 - end);
        at = end;
        if (letter == '0' || letter == '1') continue;
        u32 value = 0;
        if (letter == '-') {
            value = static_cast<u32>(low_mask(width)); // should be one
        } else if (width == 5 && register_letters.contains(letter)) {
            value = random_register(random, choice, registers, count);
            registers[count++] = value;
        } else {
            value = random_field(random, width);
        }
        word = with_field(word, low, width, value);
    }
    return word;
}

constexpr unsigned system_place(unsigned op0, unsigned op1, unsigned crn, unsigned crm, unsigned op2)
{
    return arch::encode_sysreg(op0, op1, crn, crm, op2);
}

/// EL0's registers whose values both sides know, and registers of EL1, which EL0 does not have.
constexpr unsigned readable[] = {
    system_place(3, 3, 4, 2, 0),                                // NZCV
    system_place(3, 3, 4, 2, 0),  system_place(3, 3, 4, 2, 5),  // DIT
    system_place(3, 3, 4, 2, 6),                                // SSBS
    system_place(3, 3, 4, 4, 0),                                // FPCR
    system_place(3, 3, 4, 4, 1),                                // FPSR
    system_place(3, 3, 4, 4, 1),  system_place(3, 3, 13, 0, 2), // TPIDR_EL0
    system_place(3, 3, 13, 0, 3),                               // TPIDRRO_EL0
    system_place(3, 0, 1, 0, 0),                                // SCTLR_EL1
    system_place(3, 0, 4, 1, 0),                                // SP_EL0
    system_place(3, 0, 4, 2, 2),                                // CurrentEL
    system_place(3, 0, 12, 0, 0),                               // VBAR_EL1
    system_place(3, 4, 1, 1, 0),                                // HCR_EL2
};
constexpr unsigned operations[] = {
    system_place(1, 3, 7, 5, 1),  // IC IVAU
    system_place(1, 3, 7, 10, 1), // DC CVAC
    system_place(1, 3, 7, 11, 1), // DC CVAU
    system_place(1, 3, 7, 12, 1), // DC CVAP
    system_place(1, 3, 7, 14, 1), // DC CIVAC
    system_place(1, 0, 7, 5, 0),  // IC IALLU
    system_place(1, 0, 7, 6, 1),  // DC IVAC
    system_place(1, 0, 7, 8, 0),  // AT S1E1R
    system_place(1, 0, 8, 7, 0),  // TLBI VMALLE1
};
constexpr u32 immediate_selectors[] = {0x0003'0020, 0x0003'0040, 0x0003'00C0, 0x0003'00E0,
                                       0x0000'0060, 0x0000'0080, 0x0000'00A0};

u32 system_word(const DecodeRow& row, u32 word, Random& random)
{
    const std::string_view name = row.name;
    const bool write = name == "msr_register";
    if (write || name == "mrs" || name == "sys") {
        const unsigned place = name == "sys" ? random.pick(operations) : random.pick(readable);
        return with_field(word, 5, 16, place);
    }
    // DAIFSet, DAIFClr, SSBS, DIT, PAN, UAO, SPSel
    if (name == "msr_immediate") return (word & ~u32{0x0007'00E0}) | random.pick(immediate_selectors);
    return word;
}

} // namespace

u32 with_field(u32 word, unsigned low, unsigned width, u64 value)
{
    const u32 mask = static_cast<u32>(low_mask(width) << low);
    return (word & ~mask) | (static_cast<u32>(value << low) & mask);
}

u32 random_word(const DecodeRow& row, Random& random, const RegisterChoice& choice)
{
    for (unsigned attempt = 0; attempt < 1000; ++attempt) {
        u32 word = fill_pattern(row, random, choice);
        if (group_of(row) == Group::system) word = system_word(row, word, random);
        if (translator::aarch64::decode(Insn{word}) == &row && not_comparable(row, word) == nullptr) return word;
    }
    panic("no word of this row can be compared", __FILE__, __LINE__);
}

} // namespace gimbal::differential
