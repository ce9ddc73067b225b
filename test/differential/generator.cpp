// SPDX-License-Identifier: Apache-2.0
#include "test/differential/generator.hpp"

#include <algorithm>
#include <string_view>

#include "base/bits.hpp"

namespace gimbal::differential {
namespace {

using translator::aarch64::Insn;

constexpr u32 adr_word = 0x1000'0000;

bool is_store_exclusive(std::string_view name) { return name.starts_with("stx") || name.starts_with("stlx"); }

void append(Test& test, const DecodeRow& row, u32 word)
{
    test.rows[test.count] = &row;
    test.input.words[test.count++] = word;
}

/// LDXR or LDXP of the size and base of the store-exclusive `store`, into registers of its own.
u32 matching_load(u32 store, Random& random, const RegisterChoice& choice)
{
    const bool pair = bits(store, 21, 1) != 0;
    const unsigned base = Insn{store}.rn();
    const auto target = [&](unsigned other) {
        unsigned n = 0;
        do {
            n = random.below(std::min(choice.limit, first_pointer));
        } while (n == base || n == other);
        return n;
    };
    const unsigned first = target(31);
    u32 word = with_field(store, 22, 1, 1);
    word = with_field(word, 16, 5, 31);
    word = with_field(word, 0, 5, first);
    return with_field(word, 10, 5, pair ? target(first) : 31);
}

/// What a system instruction writes without consequences that the two sides cannot share.
void limit_system_operand(Test& test, u32 word)
{
    constexpr u32 msr_fpcr = 0xD51B'4400;
    constexpr u32 msr_fpsr = 0xD51B'4420;
    const Insn i{word};
    if (i.rt() == 31) return;
    u64& x = test.input.registers.x[i.rt()];
    if ((word & ~u32{31}) == msr_fpcr) x &= 0x07C8'0000;
    if ((word & ~u32{31}) == msr_fpsr) x &= 0x0800'009F;
    if (bits(word, 19, 13) == 0x1AA1) x = data_base + (x & 0xFFF); // SYS: an address
}

} // namespace

Generator::Generator(u64 seed) : seed_(mix(seed + 0x6769'6D62'616C))
{
    for (const DecodeRow& row : translator::aarch64::decode_rows()) {
        if (exclusion(row) != nullptr) continue;
        rows_.push_back(&row);
        by_group_[static_cast<unsigned>(group_of(row))].push_back(&row);
    }
}

Test Generator::make(u64 index) const
{
    Test test;
    test.index = index;
    Random random(seed_ ^ mix(index));
    std::fill_n(test.input.words, slot_words, end_word);
    fill_registers(test.input.registers, random);
    if (index % 5 == 4)
        sequence(test, random);
    else
        single(test, random);
    return test;
}

void Generator::single(Test& test, Random& random) const
{
    const RegisterChoice choice{};
    const DecodeRow& row = *rows_[(test.index - test.index / 5) % rows_.size()];
    const u32 word = random_word(row, random, choice);
    if (is_store_exclusive(row.name) && !random.one_in(8)) {
        const u32 load = matching_load(word, random, choice);
        append(test, *translator::aarch64::decode(Insn{load}), load);
    }
    append(test, row, word);
    const unsigned last = test.count - 1;
    const Group group = group_of(row);
    if (is_memory(group)) aim_access(test, last, data_seed(test.index), random);
    if (group == Group::branch) aim_branch(test, last, random);
    if (group == Group::system) limit_system_operand(test, word);
}

void Generator::sequence(Test& test, Random& random) const
{
    constexpr Group mixture[] = {
        Group::integer,    Group::integer,      Group::integer,         Group::integer,   Group::load_store,
        Group::load_store, Group::atomic,       Group::simd_load_store, Group::fp_scalar, Group::simd_integer,
        Group::simd_fp,    Group::simd_integer, Group::crypto,          Group::branch,
    };
    Registers& registers = test.input.registers;
    for (unsigned n = first_pointer; n <= last_pointer; ++n)
        registers.x[n] = data_base + 0x1000 + (n == first_pointer ? 16 * random.below(64) : random.below(1024)) - 512;
    for (unsigned n = first_offset; n <= last_offset; ++n) registers.x[n] = 16 * random.below(8);
    const unsigned wanted = 2 + random.below(max_words - 1);
    const RegisterChoice choice{true, random.one_in(2) ? 5U : 24U};
    const Group favourite = random.pick(mixture);
    while (test.count < wanted) {
        const auto& rows = by_group_[static_cast<unsigned>(random.one_in(3) ? favourite : random.pick(mixture))];
        const DecodeRow& row = *rows[random.below(static_cast<u32>(rows.size()))];
        const unsigned at = test.count;
        const u32 word = random_word(row, random, choice);
        const bool exclusive = is_store_exclusive(row.name);
        if ((exclusive || is_indirect(row)) && at + 2 > max_words) continue;
        if (is_indirect(row)) {
            const u32 to = static_cast<u32>(random.between(2, slot_words - 1 - at));
            const unsigned through = Insn{word}.rn() % first_pointer;
            const u32 address = with_field(adr_word | through, 5, 19, to);
            append(test, *translator::aarch64::decode(Insn{address}), address);
            append(test, row, with_field(word, 5, 5, through));
            continue;
        }
        append(test, row, word);
        const Group group = group_of(row);
        if (group == Group::branch) aim_branch(test, at, random);
        if (is_memory(group)) aim_sequence_access(test, at, random);
        if (!exclusive) continue;
        const u32 store = test.input.words[at];
        test.input.words[at] = matching_load(store, random, choice);
        test.rows[at] = translator::aarch64::decode(Insn{test.input.words[at]});
        append(test, row, store);
    }
    for (unsigned at = 0; at < test.count; ++at) land_off_indirect(test, at);
}

} // namespace gimbal::differential
