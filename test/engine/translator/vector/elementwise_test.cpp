// SPDX-License-Identifier: Apache-2.0
// Operations on elements that do not change their size, against exact arithmetic that is cut down at the end.
#include "test/engine/translator/vector/reference.hpp"

namespace gimbal::translator::vector::test {
namespace {

using ir::VecOp;

/// Arguments as numbers.
struct In {
    i128 a, b, c;
    unsigned bits;
    u64 imm;
};

enum class Imm : u8 { none, left, right, flag };
enum Sizes : unsigned { all = 0b1111, to_32 = 0b0111, halves_words = 0b0110, only_8 = 0b0001 };

struct Case {
    VecOp op;
    bool is_signed;
    Fit fit;
    i128 (*exact)(const In& in);
    Sizes sizes{all};
    Imm imm{Imm::none};
};

i128 power(u64 n) { return i128{1} << n; }

/// value * 2^amount for any amount, negative too, rounded down or to nearest. Where the power is out of reach it is
/// enough to keep the sign and the low zeros.
i128 scaled(i128 value, i128 amount, bool rounding)
{
    if (amount >= 64) return value == 0 ? 0 : value < 0 ? -power(100) : power(100);
    if (amount >= 0) return value * power(static_cast<u64>(amount));
    const auto right = static_cast<u64>(amount < -100 ? 100 : -amount);
    return (value + (rounding ? power(right - 1) : 0)) >> right;
}

i128 low_byte(const In& in) { return static_cast<i8>(static_cast<u8>(in.b)); }
i128 unsigned_of(i128 value, unsigned bits) { return value & (power(bits) - 1); }
i128 signed_of(i128 value, unsigned bits) { return sign_extend(static_cast<u64>(static_cast<u128>(value)), bits); }
i128 truth(bool value) { return value ? -1 : 0; }
i128 imm(const In& in) { return static_cast<i128>(in.imm); }
i128 minus(i128 value) { return -value; }
i128 magnitude(i128 value) { return value < 0 ? -value : value; }
/// 2 * a * b + (c << bits) and rounding, all shifted right by the size.
i128 high(const In& in, i128 product, bool rounding)
{
    return (in.c * power(in.bits) + 2 * product + (rounding ? power(in.bits - 1) : 0)) >> in.bits;
}

i128 count_bits(i128 value, unsigned bits)
{
    i128 count = 0;
    for (unsigned i = 0; i < bits; ++i) count += (value >> i) & 1;
    return count;
}

/// Bits from the top that equal `value`'s bit `bits - 1`, or zeros.
i128 leading(i128 value, unsigned bits, bool wanted)
{
    i128 count = 0;
    while (count < bits && ((value >> (bits - 1 - static_cast<unsigned>(count))) & 1) == (wanted ? 1 : 0)) ++count;
    return count;
}

i128 reversed(i128 value)
{
    i128 result = 0;
    for (unsigned i = 0; i < 8; ++i)
        if ((value >> i & 1) != 0) result |= power(7 - i);
    return result;
}

i128 carryless(const In& in)
{
    i128 product = 0;
    for (unsigned i = 0; i < 8; ++i)
        for (unsigned j = 0; j < 8; ++j) product ^= ((in.a >> i & 1) & (in.b >> j & 1)) << (i + j);
    return product;
}

constexpr bool s = true;
constexpr bool u = false;
constexpr Fit wrap = Fit::modulo;
constexpr Fit sat_s = Fit::saturate_s;
constexpr Fit sat_u = Fit::saturate_u;

const Case cases[] = {
    {VecOp::add, u, wrap, [](const In& in) { return in.a + in.b; }},
    {VecOp::sub, u, wrap, [](const In& in) { return in.a - in.b; }},
    {VecOp::mul, s, wrap, [](const In& in) { return in.a * in.b; }},
    {VecOp::neg, s, wrap, [](const In& in) { return minus(in.a); }},
    {VecOp::abs, s, wrap, [](const In& in) { return magnitude(in.a); }},
    {VecOp::halving_add_s, s, wrap, [](const In& in) { return (in.a + in.b) >> 1; }},
    {VecOp::halving_add_u, u, wrap, [](const In& in) { return (in.a + in.b) >> 1; }},
    {VecOp::halving_sub_s, s, wrap, [](const In& in) { return (in.a - in.b) >> 1; }},
    {VecOp::halving_sub_u, u, wrap, [](const In& in) { return (in.a - in.b) >> 1; }},
    {VecOp::rounding_halving_add_s, s, wrap, [](const In& in) { return (in.a + in.b + 1) >> 1; }},
    {VecOp::rounding_halving_add_u, u, wrap, [](const In& in) { return (in.a + in.b + 1) >> 1; }},
    {VecOp::absolute_difference_s, s, wrap, [](const In& in) { return magnitude(in.a - in.b); }},
    {VecOp::absolute_difference_u, u, wrap, [](const In& in) { return magnitude(in.a - in.b); }},
    {VecOp::max_s, s, wrap, [](const In& in) { return in.a < in.b ? in.b : in.a; }},
    {VecOp::max_u, u, wrap, [](const In& in) { return in.a < in.b ? in.b : in.a; }},
    {VecOp::min_s, s, wrap, [](const In& in) { return in.b < in.a ? in.b : in.a; }},
    {VecOp::min_u, u, wrap, [](const In& in) { return in.b < in.a ? in.b : in.a; }},
    {VecOp::saturating_add_s, s, sat_s, [](const In& in) { return in.a + in.b; }},
    {VecOp::saturating_add_u, u, sat_u, [](const In& in) { return in.a + in.b; }},
    {VecOp::saturating_sub_s, s, sat_s, [](const In& in) { return in.a - in.b; }},
    {VecOp::saturating_sub_u, u, sat_u, [](const In& in) { return in.a - in.b; }},
    {VecOp::saturating_add_su, s, sat_s, [](const In& in) { return in.a + unsigned_of(in.b, in.bits); }},
    {VecOp::saturating_add_us, u, sat_u, [](const In& in) { return in.a + signed_of(in.b, in.bits); }},
    {VecOp::saturating_abs, s, sat_s, [](const In& in) { return magnitude(in.a); }},
    {VecOp::saturating_neg, s, sat_s, [](const In& in) { return minus(in.a); }},
    {VecOp::doubling_mul_high, s, sat_s,
     [](const In& in) { return high({in.a, in.b, 0, in.bits, 0}, in.a * in.b, in.imm != 0); }, halves_words, Imm::flag},
    {VecOp::doubling_mul_add_high, s, sat_s, [](const In& in) { return high(in, in.a * in.b, true); }, halves_words},
    {VecOp::doubling_mul_sub_high, s, sat_s, [](const In& in) { return high(in, -(in.a * in.b), true); }, halves_words},
    {VecOp::compare_equal, u, wrap, [](const In& in) { return truth(in.a == in.b); }},
    {VecOp::compare_greater_s, s, wrap, [](const In& in) { return truth(in.a > in.b); }},
    {VecOp::compare_greater_u, u, wrap, [](const In& in) { return truth(in.a > in.b); }},
    {VecOp::compare_greater_equal_s, s, wrap, [](const In& in) { return truth(in.a >= in.b); }},
    {VecOp::compare_greater_equal_u, u, wrap, [](const In& in) { return truth(in.a >= in.b); }},
    {VecOp::compare_test, u, wrap, [](const In& in) { return truth((in.a & in.b) != 0); }},
    {VecOp::compare_equal_zero, s, wrap, [](const In& in) { return truth(in.a == 0); }},
    {VecOp::compare_greater_zero, s, wrap, [](const In& in) { return truth(in.a > 0); }},
    {VecOp::compare_greater_equal_zero, s, wrap, [](const In& in) { return truth(in.a >= 0); }},
    {VecOp::compare_less_zero, s, wrap, [](const In& in) { return truth(in.a < 0); }},
    {VecOp::compare_less_equal_zero, s, wrap, [](const In& in) { return truth(in.a <= 0); }},
    {VecOp::shift_s, s, wrap, [](const In& in) { return scaled(in.a, low_byte(in), false); }},
    {VecOp::shift_u, u, wrap, [](const In& in) { return scaled(in.a, low_byte(in), false); }},
    {VecOp::shift_rounding_s, s, wrap, [](const In& in) { return scaled(in.a, low_byte(in), true); }},
    {VecOp::shift_rounding_u, u, wrap, [](const In& in) { return scaled(in.a, low_byte(in), true); }},
    {VecOp::shift_saturating_s, s, sat_s, [](const In& in) { return scaled(in.a, low_byte(in), false); }},
    {VecOp::shift_saturating_u, u, sat_u, [](const In& in) { return scaled(in.a, low_byte(in), false); }},
    {VecOp::shift_rounding_saturating_s, s, sat_s, [](const In& in) { return scaled(in.a, low_byte(in), true); }},
    {VecOp::shift_rounding_saturating_u, u, sat_u, [](const In& in) { return scaled(in.a, low_byte(in), true); }},
    {VecOp::shift_left, u, wrap, [](const In& in) { return scaled(in.a, imm(in), false); }, all, Imm::left},
    {VecOp::shift_left_saturating_s, s, sat_s, [](const In& in) { return scaled(in.a, imm(in), false); }, all,
     Imm::left},
    {VecOp::shift_left_saturating_u, u, sat_u, [](const In& in) { return scaled(in.a, imm(in), false); }, all,
     Imm::left},
    {VecOp::shift_left_saturating_su, s, sat_u, [](const In& in) { return scaled(in.a, imm(in), false); }, all,
     Imm::left},
    {VecOp::shift_right_s, s, wrap, [](const In& in) { return scaled(in.a, -imm(in), false); }, all, Imm::right},
    {VecOp::shift_right_u, u, wrap, [](const In& in) { return scaled(in.a, -imm(in), false); }, all, Imm::right},
    {VecOp::shift_right_rounding_s, s, wrap, [](const In& in) { return scaled(in.a, -imm(in), true); }, all,
     Imm::right},
    {VecOp::shift_right_rounding_u, u, wrap, [](const In& in) { return scaled(in.a, -imm(in), true); }, all,
     Imm::right},
    {VecOp::shift_left_insert, u, wrap,
     [](const In& in) { return unsigned_of(in.a, static_cast<unsigned>(in.imm)) + scaled(in.b, imm(in), false); }, all,
     Imm::left},
    {VecOp::shift_right_insert, u, wrap,
     [](const In& in) {
         const i128 kept = power(in.bits - in.imm);
         return in.a / kept * kept + scaled(in.b, -imm(in), false);
     }, all, Imm::right},
    {VecOp::count_ones, u, wrap, [](const In& in) { return count_bits(in.a, in.bits); }, only_8},
    {VecOp::reverse_bits, u, wrap, [](const In& in) { return reversed(in.a); }, only_8},
    {VecOp::count_leading_zeros, u, wrap, [](const In& in) { return leading(in.a, in.bits, false); }, to_32},
    {VecOp::count_leading_sign, s, wrap, [](const In& in) { return leading(in.a, in.bits, in.a < 0) - 1; }, to_32},
    {VecOp::polynomial_mul, u, wrap, carryless, only_8},
};

u64 immediate(const Case& c, unsigned bits, u64 random)
{
    switch (c.imm) {
    case Imm::none: return 0;
    case Imm::left: return random % bits;
    case Imm::right: return random % bits + 1;
    case Imm::flag: return random % 2;
    }
    return 0;
}

void check(const Case& c, unsigned bits, unsigned bytes, Operands& operands)
{
    const V128 a = operands.vector();
    const V128 b = operands.vector();
    const V128 d = operands.vector();
    const u64 imm = immediate(c, bits, operands.next());
    V128 want{};
    bool saturated = false;
    for (unsigned i = 0; i < bytes * 8 / bits; ++i) {
        const auto number_at = [&](const V128& v) { return value_of(element(v, bits, i), bits, c.is_signed); };
        const i128 exact = c.exact({number_at(a), number_at(b), number_at(d), bits, imm});
        set_element(want, bits, i, fit(exact, bits, c.fit, saturated));
    }
    expect(run(c.op, bits, bytes, a, b, d, imm), want, saturated, c.op, bits, bytes, imm);
}

TEST(Elementwise, MatchesExactArithmetic)
{
    Operands operands;
    for (const Case& c : cases)
        for (unsigned bits = 8; bits <= 64; bits *= 2) {
            if ((c.sizes & (bits / 8)) == 0) {
                EXPECT_EQ(function(c.op, bits, 16), nullptr) << name(c.op) << " " << bits;
                continue;
            }
            for (const unsigned bytes : {bits / 8, 8U, 16U})
                for (unsigned i = 0; i < rounds; ++i) check(c, bits, bytes, operands);
        }
}

TEST(Elementwise, SaturatesAtTheLimits)
{
    const V128 minimum{0x8000'0000'8000'7f80, 0};
    const V128 ones{~u64{0}, 0};
    EXPECT_EQ(run(VecOp::saturating_neg, 8, 1, minimum, {}, {}, 0).d.lo, 0x7fU);
    EXPECT_TRUE(run(VecOp::saturating_neg, 8, 1, minimum, {}, {}, 0).saturated);
    // What lies beyond the scalar neither is computed nor saturates.
    EXPECT_FALSE(run(VecOp::saturating_neg, 8, 1, {0x8001, 0}, {}, {}, 0).saturated);
    EXPECT_EQ(run(VecOp::saturating_add_u, 64, 8, ones, {1, 0}, {}, 0).d.lo, ~u64{0});
    EXPECT_TRUE(run(VecOp::saturating_add_u, 64, 8, ones, {1, 0}, {}, 0).saturated);
    // -1 * -1 doubled is the one product that does not fit.
    EXPECT_EQ(run(VecOp::doubling_mul_high, 16, 2, {0x8000, 0}, {0x8000, 0}, {}, 0).d.lo, 0x7fffU);
}

TEST(Elementwise, BitwiseIgnoresTheSize)
{
    Operands operands;
    for (unsigned i = 0; i < rounds; ++i) {
        const V128 a = operands.vector();
        const V128 b = operands.vector();
        const V128 c = operands.vector();
        const std::pair<VecOp, u128> wanted[] = {
            {VecOp::and_,        number(a) & number(b)                            },
            {VecOp::or_,         number(a) | number(b)                            },
            {VecOp::xor_,        number(a) ^ number(b)                            },
            {VecOp::and_not,     number(a) & ~number(b)                           },
            {VecOp::or_not,      number(a) | ~number(b)                           },
            {VecOp::not_,        ~number(a)                                       },
            {VecOp::select_bits, number(c) ^ (number(a) & (number(b) ^ number(c)))},
        };
        for (const auto& [op, want] : wanted)
            for (unsigned bits = 8; bits <= 64; bits *= 2) {
                expect(run(op, bits, 16, a, b, c, 0), vector_of(want), false, op, bits, 16, 0);
                expect(run(op, bits, 8, a, b, c, 0), {static_cast<u64>(want), 0}, false, op, bits, 8, 0);
            }
    }
}

} // namespace
} // namespace gimbal::translator::vector::test
