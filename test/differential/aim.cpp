// SPDX-License-Identifier: Apache-2.0
#include <string_view>

#include "base/bits.hpp"
#include "test/differential/generator.hpp"

// Addresses of loads, stores and branches.
namespace gimbal::differential {
namespace {

using translator::aarch64::Insn;

bool is_pair(std::string_view name)
{
    return name.starts_with("ldp") || name.starts_with("stp") || name.starts_with("ldnp") || name.starts_with("stnp");
}

bool is_structure(std::string_view name)
{
    return name.find("_multiple") != name.npos || name[3] == '_' || name[3] == 'r';
}

bool has_register_offset(std::string_view name)
{
    return name.ends_with("_register") || name.ends_with("_register_simd");
}

bool is_unscaled(std::string_view name)
{
    return name.starts_with("ldur") || name.starts_with("stur") || name.starts_with("ldtr") ||
           name.starts_with("sttr") || name.starts_with("prfum") || name.starts_with("ldapur") ||
           name.starts_with("stlur");
}

/// log2 of the bytes of one register that is transferred; what immediates are scaled by.
unsigned scale(Group group, std::string_view name, Insn i)
{
    if (group == Group::simd_load_store) {
        if (is_pair(name)) return 2 + i.field(30, 2);
        return i.field(30, 2) == 0 && i.test(23) ? 4 : i.field(30, 2);
    }
    if (is_pair(name)) return name.starts_with("ldpsw") || !i.sf() ? 2 : 3;
    return i.field(30, 2);
}

/// What the access adds to its base register, by the immediate.
i64 displacement(Group group, std::string_view name, Insn i)
{
    if (name.find("_unsigned_offset") != name.npos) return i64{i.field(10, 12)} << scale(group, name, i);
    if (name.ends_with("_post_index") || (group == Group::simd_load_store && name.ends_with("_simd_post_index")))
        return 0;
    if (is_pair(name)) return i.signed_field(15, 7) * (i64{1} << scale(group, name, i));
    if (name.find("_pre_index") != name.npos || is_unscaled(name)) return i.signed_field(12, 9);
    return 0;
}

u64 random_target(Group group, Random& random)
{
    u64 target = data_base + 0x800 + random.below(0x1000);
    if (random.one_in(3)) target = data_base + 0x1000 - random.below(64);      // across the page's end
    if (random.one_in(24)) target = data_base + data_bytes - random.below(64); // into the read-only page
    if (random.one_in(48)) target = data_base - random.below(64);              // unmapped
    if (random.one_in(64)) target = data_base + data_bytes + read_only_bytes - random.below(64);
    if (group == Group::atomic) {
        // Aligned, or across 16 bytes: what lies between faults without FEAT_LSE2 only.
        target = align_down(target, 16);
        if (random.one_in(24)) target += 15;
    } else if (random.one_in(2)) {
        target = align_down(target, 16);
    }
    return target;
}

void write_register(Registers& registers, unsigned n, u64 value) { (n == 31 ? registers.sp : registers.x[n]) = value; }

/// The extended, shifted offset of the access.
u64 register_offset(const Registers& registers, Insn i, unsigned shift)
{
    const u64 m = i.rm() == 31 ? 0 : registers.x[i.rm()];
    const u64 extended = i.field(13, 3) == 2   ? m & 0xFFFF'FFFF
                         : i.field(13, 3) == 6 ? static_cast<u64>(sign_extend(m, 32))
                                               : m;
    return i.test(12) ? extended << shift : extended;
}

/// So that compares succeed: the expected value is what is there.
void expect_memory(Test& test, Insn i, u64 target, u64 data_seed)
{
    u64 words[data_words];
    fill_data(data_seed, words);
    const u64 at = (target - data_base) / 8;
    if (at + 1 >= data_words) return;
    if (i.rs() != 31 && i.rs() != i.rn()) test.input.registers.x[i.rs()] = words[at];
    const bool is_pair_of_64 = i.test(30);
    if (i.rs() < 30 && i.rs() + 1 != i.rn() && !i.test(31))
        test.input.registers.x[i.rs() + 1] = is_pair_of_64 ? words[at + 1] : words[at] >> 32;
}

bool is_literal(std::string_view name) { return name.find("_literal") != name.npos; }

i64 landing(unsigned at, unsigned count, bool alone, Random& random)
{
    const i64 forward = random.between(1, slot_words - 1 - at);
    // Behind slot 0 is the header, behind the others the BRKs of the slot before.
    if (alone && random.one_in(4)) return -random.between(1, slot_words - max_words - 1) - static_cast<i64>(at);
    return random.one_in(2) && at + 1 < count ? random.between(1, count - at) : forward;
}

struct Displacement {
    unsigned low;
    unsigned width;
};

/// Where a direct branch has its displacement in words.
Displacement displacement_field(std::string_view name)
{
    if (name == "b" || name == "bl") return {0, 26};
    return name.starts_with("tb") ? Displacement{5, 14} : Displacement{5, 19};
}

} // namespace

void aim_access(Test& test, unsigned at, u64 data_seed, Random& random)
{
    const DecodeRow& row = *test.rows[at];
    const std::string_view name = row.name;
    const Insn i{test.input.words[at]};
    Registers& registers = test.input.registers;
    if (is_literal(name)) {
        test.input.words[at] = with_field(i.raw, 5, 19, static_cast<u64>(random.between(-i64{at}, 28 - i64{at})));
        return;
    }
    const Group group = group_of(row);
    const u64 target = random_target(group, random);
    u64 offset = static_cast<u64>(displacement(group, name, i));
    if (has_register_offset(name) && i.rm() != i.rn()) {
        const u64 junk = i.test(13) ? 0 : random.next() << 32; // what UXTW and SXTW ignore
        const u64 small = random.below(64);
        const bool negative = i.field(13, 3) != 2 && random.one_in(2);
        if (i.rm() != 31)
            registers.x[i.rm()] =
                i.test(13) ? (negative ? -small : small) : junk | ((negative ? -small : small) & 0xFFFF'FFFF);
        offset = register_offset(registers, i, scale(group, name, i));
    }
    const u64 tag = random.one_in(8) ? random.next() << 56 : 0; // TCR_EL1.TBI0
    write_register(registers, i.rn(), (target - offset) ^ tag);
    if (name.starts_with("cas") && random.one_in(2)) expect_memory(test, i, target, data_seed);
}

void aim_sequence_access(Test& test, unsigned at, Random& random)
{
    const DecodeRow& row = *test.rows[at];
    const std::string_view name = row.name;
    u32 word = test.input.words[at];
    if (is_literal(name)) return aim_access(test, at, 0, random);
    const Group group = group_of(row);
    // x24 stays aligned for what must be.
    const unsigned base = group == Group::atomic ? (random.one_in(2) ? first_pointer : 31)
                          : random.one_in(5)     ? 31
                                                 : first_pointer + random.below(last_pointer - first_pointer + 1);
    // What moves by the size of a structure leaves nothing aligned.
    const bool odd_step = group == Group::simd_load_store && is_structure(name);
    word = with_field(word, 5, 5, odd_step && (base == 31 || base == first_pointer) ? last_pointer : base);
    if (name.find("_unsigned_offset") != name.npos) word = with_field(word, 10, 12, random.below(16));
    if (has_register_offset(name) ||
        (is_structure(name) && name.ends_with("_post_index") && group == Group::simd_load_store))
        word = with_field(word, 16, 5, random.one_in(3) ? 31 : first_offset + random.below(2));
    if (group == Group::atomic && (name.starts_with("ldapur") || name.starts_with("stlur")))
        word = with_field(word, 12, 9, 16 * random.below(4));
    // SP and x24 move by sixteens.
    if (name.find("_index") != name.npos && !is_pair(name) && !is_structure(name) &&
        (base == 31 || base == first_pointer))
        word = with_field(word, 12, 9, static_cast<u64>(16 * random.between(-4, 4)));
    if (translator::aarch64::decode(Insn{word}) == &row && not_comparable(row, word) == nullptr)
        test.input.words[at] = word;
}

void aim_branch(Test& test, unsigned at, Random& random)
{
    const std::string_view name = test.rows[at]->name;
    u32& word = test.input.words[at];
    const bool alone = test.count == 1;
    const auto to = static_cast<u64>(landing(at, test.count, alone, random));
    if (!is_indirect(*test.rows[at])) {
        const Displacement field = displacement_field(name);
        // Far away is nothing; nearer is other cases' code.
        const bool far = alone && field.width == 26 && random.one_in(8);
        word = with_field(word, field.low, field.width, far ? 0x0100'0000 | random.below(0x00FF'FFFF) : to);
    } else if (alone) {
        const Insn i{word};
        if (i.rn() == 31) return;
        u64 target = slot_address(test.slot());
        target += 4 * static_cast<u64>(random.between(1, slot_words - 1));
        if (random.one_in(16)) target += 2;
        if (random.one_in(16)) target ^= random.next() << 56;
        if (random.one_in(16)) target = data_base;
        test.input.registers.x[i.rn()] = target;
    }
}

bool is_indirect(const DecodeRow& row)
{
    const std::string_view name = row.name;
    return name == "br" || name == "blr" || name == "ret";
}

void land_off_indirect(Test& test, unsigned at)
{
    const DecodeRow& row = *test.rows[at];
    // ADR gives an indirect branch its target.
    const bool gives = std::string_view(row.name) == "adr" && at + 1 < test.count && is_indirect(*test.rows[at + 1]);
    if (is_indirect(row) || (group_of(row) != Group::branch && !gives)) return;
    const Displacement field = displacement_field(row.name);
    u32& word = test.input.words[at];
    const i64 to = Insn{word}.signed_field(field.low, field.width);
    const i64 target = at + to;
    if (target > 0 && target < test.count && is_indirect(*test.rows[target]))
        word = with_field(word, field.low, field.width, static_cast<u64>(to + 1));
}

} // namespace gimbal::differential
