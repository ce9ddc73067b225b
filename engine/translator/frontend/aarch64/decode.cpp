// SPDX-License-Identifier: Apache-2.0
#include "engine/translator/frontend/aarch64/decode.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>
#include <vector>

#include "engine/translator/frontend/aarch64/instructions.hpp"

namespace gimbal::translator::aarch64 {
namespace {

/// Not constexpr: reaching it while the table is built stops the compilation.
void malformed_pattern() {}

constexpr DecodeRow make_row(const char* name, const char (&pattern)[33], TranslateFn translate)
{
    u32 mask = 0;
    u32 value = 0;
    for (unsigned at = 0; at < 32; ++at) {
        const char c = pattern[at];
        const bool fixed = c == '0' || c == '1';
        if (!fixed && c != '-' && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z')) malformed_pattern();
        mask = mask << 1 | u32{fixed};
        value = value << 1 | u32{c == '1'};
    }
    return {name, pattern, mask, value, translate};
}

constexpr DecodeRow table[] = {
#define A64(name, pattern) make_row(#name, pattern, &insn::name),
#include "engine/translator/frontend/aarch64/tables/all.inc"
#undef A64
};
constexpr usize row_count = std::size(table);

constexpr bool overlap(const DecodeRow& a, const DecodeRow& b) { return ((a.value ^ b.value) & a.mask & b.mask) == 0; }

constexpr bool ordered(const DecodeRow& a, const DecodeRow& b)
{
    const u32 common = a.mask & b.mask;
    return a.mask != b.mask && (common == a.mask || common == b.mask);
}

constexpr usize chunk_rows = 32;

/// Index of the first row of the chunk that is ambiguous with a later row, or row_count.
constexpr usize first_ambiguous(usize chunk)
{
    const usize end = std::min(row_count, (chunk + 1) * chunk_rows);
    for (usize a = chunk * chunk_rows; a < end; ++a)
        for (usize b = a + 1; b < row_count; ++b)
            if (overlap(table[a], table[b]) && !ordered(table[a], table[b])) return a;
    return row_count;
}

// One constant for each chunk, because compilers bound the work of one constant evaluation. The comparison is a
// template argument so that the diagnostic shows the row's index.
template <usize Row>
struct Unambiguous {
    static_assert(Row == row_count, "table[Row] overlaps a later row and neither is the more specific one");
    static constexpr bool value = true;
};
template <usize Chunk>
constexpr usize ambiguous_row = first_ambiguous(Chunk);
template <usize... Chunk>
constexpr bool all_unambiguous(std::index_sequence<Chunk...>)
{
    return (Unambiguous<ambiguous_row<Chunk>>::value && ...);
}
static_assert(all_unambiguous(std::make_index_sequence<(row_count + chunk_rows - 1) / chunk_rows>{}));

/// Rows by the top bits of the word, most specific first.
class Index {
public:
    Index()
    {
        for (u32 bucket = 0; bucket < bucket_count; ++bucket) {
            start_[bucket] = static_cast<u32>(rows_.size());
            add_rows(bucket);
        }
        start_[bucket_count] = static_cast<u32>(rows_.size());
    }

    const DecodeRow* find(u32 raw) const
    {
        const u32 bucket = raw >> shift;
        for (u32 at = start_[bucket]; at < start_[bucket + 1]; ++at)
            if ((raw & rows_[at].mask) == rows_[at].value) return rows_[at].row;
        return nullptr;
    }

private:
    /// Bits 31:21 tell all but the SIMD groups apart.
    static constexpr unsigned shift = 21;
    static constexpr u32 bucket_count = 1U << (32 - shift);

    struct Candidate {
        u32 mask;
        u32 value;
        const DecodeRow* row;
    };

    void add_rows(u32 bucket)
    {
        const auto first = static_cast<std::ptrdiff_t>(rows_.size());
        for (const DecodeRow& row : table)
            if (((row.value >> shift ^ bucket) & row.mask >> shift) == 0) rows_.push_back({row.mask, row.value, &row});
        // Of two rows that overlap the one with more fixed bits wins, so their number alone orders them.
        std::sort(rows_.begin() + first, rows_.end(),
                  [](const Candidate& a, const Candidate& b) { return std::popcount(a.mask) > std::popcount(b.mask); });
    }

    std::array<u32, bucket_count + 1> start_{};
    std::vector<Candidate> rows_;
};

} // namespace

std::span<const DecodeRow> decode_rows() { return table; }

const DecodeRow* decode(Insn insn)
{
    static const Index index;
    return index.find(insn.raw);
}

} // namespace gimbal::translator::aarch64
