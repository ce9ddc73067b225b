// SPDX-License-Identifier: Apache-2.0
// Operations that combine neighbours or change the size of elements, against exact arithmetic.
#include "test/engine/translator/vector/reference.hpp"

namespace gimbal::translator::vector::test {
namespace {

using ir::VecOp;

/// Elements in order from a first one.
struct Elements {
    V128 v;
    unsigned bits;
    bool is_signed;
    i128 operator[](unsigned i) const { return value_of(element(v, bits, i), bits, is_signed); }
};

i128 larger(i128 a, i128 b) { return a < b ? b : a; }
i128 smaller(i128 a, i128 b) { return b < a ? b : a; }
i128 sum(i128 a, i128 b) { return a + b; }

struct Combining {
    VecOp op;
    bool is_signed;
    i128 (*exact)(i128, i128);
};

TEST(Resize, PairwiseTakesNeighboursOfBoth)
{
    const Combining cases[] = {
        {VecOp::add_pairwise,   false, sum    },
        {VecOp::max_pairwise_s, true,  larger },
        {VecOp::max_pairwise_u, false, larger },
        {VecOp::min_pairwise_s, true,  smaller},
        {VecOp::min_pairwise_u, false, smaller},
    };
    Operands operands;
    for (const Combining& c : cases)
        for (unsigned i = 0; i < 4 * rounds; ++i) {
            const unsigned bits = 8U << (i % 4);
            const unsigned bytes = i / 4 % 2 != 0 || bits == 64 ? 16 : 8;
            const V128 a = operands.vector();
            const V128 b = operands.vector();
            const unsigned count = bytes * 8 / bits;
            V128 want{};
            bool saturated = false;
            for (unsigned n = 0; n < count; ++n) {
                const Elements from{n < count / 2 ? a : b, bits, c.is_signed};
                const unsigned at = 2 * n % count;
                set_element(want, bits, n, fit(c.exact(from[at], from[at + 1]), bits, Fit::modulo, saturated));
            }
            expect(run(c.op, bits, bytes, a, b, {}, 0), want, false, c.op, bits, bytes, 0);
        }
}

TEST(Resize, AcrossLeavesOneElement)
{
    struct Case {
        Combining combining;
        unsigned factor; ///< of the result's size
    };
    const Case cases[] = {
        {{VecOp::add_across, false, sum},        1},
        {{VecOp::add_long_across_s, true, sum},  2},
        {{VecOp::add_long_across_u, false, sum}, 2},
        {{VecOp::max_across_s, true, larger},    1},
        {{VecOp::max_across_u, false, larger},   1},
        {{VecOp::min_across_s, true, smaller},   1},
        {{VecOp::min_across_u, false, smaller},  1},
    };
    Operands operands;
    for (const auto& [c, factor] : cases)
        for (unsigned i = 0; i < 6 * rounds; ++i) {
            const unsigned bits = 8U << (i % 3);
            const unsigned bytes = i / 3 % 2 != 0 ? 16 : 8;
            const V128 a = operands.vector();
            const Elements from{a, bits, c.is_signed};
            i128 result = from[0];
            for (unsigned n = 1; n < bytes * 8 / bits; ++n) result = c.exact(result, from[n]);
            bool saturated = false;
            const V128 want{fit(result, bits * factor, Fit::modulo, saturated), 0};
            expect(run(c.op, bits, bytes, a, {}, {}, 0), want, false, c.op, bits, bytes, 0);
        }
}

TEST(Resize, LongTakesEitherHalf)
{
    struct Case {
        VecOp op;
        bool is_signed;
        Fit fit;
        i128 (*exact)(i128 a, i128 b, unsigned shift);
        bool shifts;
        unsigned smallest;
    };
    const auto product = [](i128 a, i128 b, unsigned) { return a * b; };
    const auto shifted = [](i128 a, i128, unsigned shift) { return a * (i128{1} << shift); };
    const auto doubled = [](i128 a, i128 b, unsigned) { return 2 * a * b; };
    const Case cases[] = {
        {VecOp::widen_s,           true,  Fit::modulo,     shifted, true,  8 },
        {VecOp::widen_u,           false, Fit::modulo,     shifted, true,  8 },
        {VecOp::mul_long_s,        true,  Fit::modulo,     product, false, 8 },
        {VecOp::mul_long_u,        false, Fit::modulo,     product, false, 8 },
        {VecOp::doubling_mul_long, true,  Fit::saturate_s, doubled, false, 16},
    };
    Operands operands;
    for (const Case& c : cases)
        for (unsigned i = 0; i < 6 * rounds; ++i) {
            const unsigned bits = 8U << (i % 3);
            if (bits < c.smallest) continue;
            const V128 a = operands.vector();
            const V128 b = operands.vector();
            const unsigned upper = i / 3 % 2;
            const unsigned shift = c.shifts ? static_cast<unsigned>(operands.next() % (bits + 1)) : 0;
            V128 want{};
            bool saturated = false;
            for (unsigned n = 0; n < 64 / bits; ++n) {
                const unsigned at = n + upper * 64 / bits;
                const i128 exact =
                    c.exact(Elements{a, bits, c.is_signed}[at], Elements{b, bits, c.is_signed}[at], shift);
                set_element(want, bits * 2, n, fit(exact, bits * 2, c.fit, saturated));
            }
            const u64 imm = upper | u64{shift} << 8;
            expect(run(c.op, bits, 16, a, b, {}, imm), want, saturated, c.op, bits, 16, imm);
        }
}

TEST(Resize, ScalarDoublingProductIgnoresTheRest)
{
    const V128 a{0x8000'8000, 0x8000};
    const Outcome outcome = run(VecOp::doubling_mul_long, 16, 4, {0x8000'0003, 0}, {0x8000'0002, 0}, {}, 0);
    expect(outcome, {12, 0}, false, VecOp::doubling_mul_long, 16, 4, 0);
    expect(run(VecOp::doubling_mul_long, 16, 4, a, a, {}, 0), {0x7fff'ffff, 0}, true, VecOp::doubling_mul_long, 16, 4,
           0);
}

TEST(Resize, PairwiseLongNeverOverflows)
{
    Operands operands;
    for (const bool is_signed : {false, true})
        for (unsigned i = 0; i < 6 * rounds; ++i) {
            const VecOp op = is_signed ? VecOp::add_pairwise_long_s : VecOp::add_pairwise_long_u;
            const unsigned bits = 8U << (i % 3);
            const unsigned bytes = i / 3 % 2 != 0 ? 16 : 8;
            const V128 a = operands.vector();
            const Elements from{a, bits, is_signed};
            V128 want{};
            for (unsigned n = 0; n < bytes * 4 / bits; ++n)
                set_element(want, bits * 2, n, static_cast<u64>(static_cast<i64>(from[2 * n] + from[2 * n + 1])));
            expect(run(op, bits, bytes, a, {}, {}, 0), want, false, op, bits, bytes, 0);
        }
}

TEST(Resize, NarrowShiftsRoundsAndSaturates)
{
    struct Case {
        VecOp op;
        bool is_signed;
        Fit fit;
    };
    const Case cases[] = {
        {VecOp::narrow,               false, Fit::modulo    },
        {VecOp::narrow_saturating_s,  true,  Fit::saturate_s},
        {VecOp::narrow_saturating_u,  false, Fit::saturate_u},
        {VecOp::narrow_saturating_su, true,  Fit::saturate_u},
    };
    Operands operands;
    for (const Case& c : cases)
        for (unsigned i = 0; i < 6 * rounds; ++i) {
            const unsigned bits = 8U << (i % 3);
            const unsigned bytes = i / 3 % 2 != 0 ? 8 : bits / 8;
            const V128 a = operands.vector();
            const auto shift = static_cast<unsigned>(operands.next() % (bits + 1));
            const bool rounding = operands.next() % 2 != 0;
            V128 want{};
            bool saturated = false;
            for (unsigned n = 0; n < bytes * 8 / bits; ++n) {
                const i128 half = rounding && shift != 0 ? i128{1} << (shift - 1) : 0;
                const i128 exact = (Elements{a, bits * 2, c.is_signed}[n] + half) >> shift;
                set_element(want, bits, n, fit(exact, bits, c.fit, saturated));
            }
            const u64 imm = shift | u64{rounding} << 8;
            expect(run(c.op, bits, bytes, a, {}, {}, imm), want, saturated, c.op, bits, bytes, imm);
        }
}

TEST(Resize, DotProductAddsFourProducts)
{
    Operands operands;
    for (const bool is_signed : {false, true})
        for (unsigned i = 0; i < rounds; ++i) {
            const VecOp op = is_signed ? VecOp::dot_s : VecOp::dot_u;
            const unsigned bytes = i % 2 != 0 ? 16 : 8;
            const V128 a = operands.vector();
            const V128 b = operands.vector();
            const V128 c = operands.vector();
            V128 want{};
            bool saturated = false;
            for (unsigned n = 0; n < bytes / 4; ++n) {
                i128 total = i128{element(c, 32, n)};
                for (unsigned j = 4 * n; j < 4 * n + 4; ++j)
                    total += Elements{a, 8, is_signed}[j] * Elements{b, 8, is_signed}[j];
                set_element(want, 32, n, fit(total, 32, Fit::modulo, saturated));
            }
            expect(run(op, 32, bytes, a, b, c, 0), want, false, op, 32, bytes, 0);
        }
}

} // namespace
} // namespace gimbal::translator::vector::test
