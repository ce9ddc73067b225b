// SPDX-License-Identifier: Apache-2.0
// Operations that only move elements, against their description element by element.
#include <vector>

#include "test/engine/translator/vector/reference.hpp"

namespace gimbal::translator::vector::test {
namespace {

using ir::VecOp;

std::vector<u64> elements(const V128& v, unsigned bits, unsigned bytes)
{
    std::vector<u64> list;
    for (unsigned i = 0; i < bytes * 8 / bits; ++i) list.push_back(element(v, bits, i));
    return list;
}

V128 joined(const std::vector<u64>& list, unsigned bits)
{
    V128 v{};
    for (unsigned i = 0; i < list.size(); ++i) set_element(v, bits, i, list[i]);
    return v;
}

using List = std::vector<u64>;

struct Case {
    VecOp op;
    List (*permute)(const List& a, const List& b);
};

List zipped(const List& a, const List& b)
{
    List all;
    for (usize i = 0; i < a.size(); ++i) all.insert(all.end(), {a[i], b[i]});
    return all;
}

List every_second(const List& a, const List& b, usize first)
{
    List all = a;
    all.insert(all.end(), b.begin(), b.end());
    List result;
    for (usize i = first; i < all.size(); i += 2) result.push_back(all[i]);
    return result;
}

/// Each pair of elements is a 2 x 2 matrix with the pair of the other register.
List transposed(const List& a, const List& b, usize which)
{
    List result;
    for (usize i = 0; i < a.size(); i += 2) result.insert(result.end(), {a[i + which], b[i + which]});
    return result;
}

const Case cases[] = {
    {VecOp::zip_low,
     [](const List& a,                        const List& b) {
         List all = zipped(a, b);
         all.resize(a.size());
         return all;
     }                                                                  },
    {VecOp::zip_high,
     [](const List& a,                        const List& b) {
         const List all = zipped(a, b);
         return List(all.begin() + static_cast<std::ptrdiff_t>(a.size()), all.end());
     }                                                                  },
    {VecOp::unzip_even,     [](const List& a, const List& b) { return every_second(a, b, 0); }},
    {VecOp::unzip_odd,      [](const List& a, const List& b) { return every_second(a, b, 1); }},
    {VecOp::transpose_even, [](const List& a, const List& b) { return transposed(a, b, 0); }  },
    {VecOp::transpose_odd,  [](const List& a, const List& b) { return transposed(a, b, 1); }  },
};

TEST(Permute, TwoRegisters)
{
    Operands operands;
    for (const Case& c : cases)
        for (unsigned bits = 8; bits <= 64; bits *= 2)
            for (unsigned bytes = bits == 64 ? 16 : 8; bytes <= 16; bytes *= 2)
                for (unsigned i = 0; i < 20; ++i) {
                    const V128 a = operands.vector();
                    const V128 b = operands.vector();
                    const V128 want = joined(c.permute(elements(a, bits, bytes), elements(b, bits, bytes)), bits);
                    expect(run(c.op, bits, bytes, a, b, {}, 0), want, false, c.op, bits, bytes, 0);
                }
}

TEST(Permute, InterleavesThreeAndBack)
{
    Operands operands;
    for (unsigned bits = 8; bits <= 64; bits *= 2)
        for (const unsigned bytes : {8U, 16U}) {
            const V128 in[] = {operands.vector(), operands.vector(), operands.vector()};
            List stream;
            for (unsigned i = 0; i < bytes * 8 / bits; ++i)
                for (const V128& v : in) stream.push_back(element(v, bits, i));
            V128 parts[3];
            for (unsigned part = 0; part < 3; ++part) {
                const auto first = stream.begin() + static_cast<std::ptrdiff_t>(part * stream.size() / 3);
                const V128 want = joined({first, first + static_cast<std::ptrdiff_t>(stream.size() / 3)}, bits);
                const Outcome outcome = run(VecOp::interleave_3, bits, bytes, in[0], in[1], in[2], part);
                expect(outcome, want, false, VecOp::interleave_3, bits, bytes, part);
                parts[part] = outcome.d;
            }
            for (unsigned part = 0; part < 3; ++part) {
                const V128 want = joined(elements(in[part], bits, bytes), bits);
                expect(run(VecOp::deinterleave_3, bits, bytes, parts[0], parts[1], parts[2], part), want, false,
                       VecOp::deinterleave_3, bits, bytes, part);
            }
        }
}

TEST(Permute, ReversesInsideUnits)
{
    Operands operands;
    for (unsigned unit = 2; unit <= 8; unit *= 2)
        for (unsigned bits = 8; bits < unit * 8; bits *= 2)
            for (const unsigned bytes : {8U, 16U}) {
                const V128 a = operands.vector();
                List list;
                const unsigned in_unit = unit * 8 / bits;
                for (unsigned first = 0; first < bytes * 8 / bits; first += in_unit)
                    for (unsigned i = in_unit; i-- > 0;) list.push_back(element(a, bits, first + i));
                expect(run(VecOp::reverse_elements, bits, bytes, a, {}, {}, unit), joined(list, bits), false,
                       VecOp::reverse_elements, bits, bytes, unit);
            }
}

TEST(Permute, ExtractsBytesOfAPair)
{
    Operands operands;
    for (const unsigned bytes : {8U, 16U})
        for (unsigned first = 0; first < bytes; ++first) {
            const V128 a = operands.vector();
            const V128 b = operands.vector();
            const u128 mask = bytes == 8 ? u128{~u64{0}} : ~u128{0};
            const u128 low = (number(a) & mask) >> (8 * first);
            const u128 high = first == 0 ? 0 : number(b) << (8 * (bytes - first));
            expect(run(VecOp::extract, 8, bytes, a, b, {}, first), vector_of((low | high) & mask), false,
                   VecOp::extract, 8, bytes, first);
        }
}

TEST(Permute, LooksUpTables)
{
    Operands operands;
    for (const unsigned bytes : {8U, 16U})
        for (unsigned i = 0; i < rounds; ++i) {
            const V128 table = operands.vector();
            const V128 old = operands.vector();
            V128 index = operands.vector();
            const u64 base = 16 * (i % 4);
            for (unsigned n = 0; n < 16; n += 2) set_element(index, 8, n, operands.next() % 80);
            V128 looked_up{};
            V128 extended{};
            for (unsigned n = 0; n < bytes; ++n) {
                const u64 at = element(index, 8, n);
                if (at < 16) set_element(looked_up, 8, n, element(table, 8, static_cast<unsigned>(at)));
                const bool inside = at >= base && at < base + 16;
                set_element(extended, 8, n,
                            inside ? element(table, 8, static_cast<unsigned>(at - base)) : element(old, 8, n));
            }
            expect(run(VecOp::table_lookup, 8, bytes, table, index, {}, 0), looked_up, false, VecOp::table_lookup, 8,
                   bytes, 0);
            expect(run(VecOp::table_extend, 8, bytes, old, table, index, base), extended, false, VecOp::table_extend, 8,
                   bytes, base);
        }
}

TEST(Permute, EveryIntegerOperationHasAnImplementation)
{
    struct Entry {
        VecOp op;
        char flag;
    };
    constexpr Entry entries[] = {
#define GIMBAL_VEC_OP(name, args, flags) {VecOp::name, #flags[0]},
#include "engine/translator/ir/vec_ops.inc"
#undef GIMBAL_VEC_OP
    };
    for (const auto& [op, flag] : entries) {
        if (flag == 'F') continue;
        unsigned defined = 0;
        for (unsigned bits = 8; bits <= 64; bits *= 2)
            for (unsigned bytes = 1; bytes <= 16; bytes *= 2) defined += function(op, bits, bytes) != nullptr ? 1 : 0;
        EXPECT_GT(defined, 0U) << name(op);
    }
    EXPECT_EQ(function(VecOp::add, 128, 16), nullptr);
    EXPECT_EQ(function(VecOp::add, 8, 32), nullptr);
    EXPECT_EQ(function(VecOp::add, 8, 3), nullptr);
}

} // namespace
} // namespace gimbal::translator::vector::test
