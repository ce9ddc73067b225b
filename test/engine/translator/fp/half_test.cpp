// SPDX-License-Identifier: Apache-2.0
// Half precision against a reference with nothing in common: results are found by searching the table of all values.
#include <gtest/gtest.h>

#include <array>

#include "test/engine/translator/fp/operands.hpp"

namespace gimbal::fp::test {
namespace {

constexpr u32 half_infinity = 0x7c00;
constexpr unsigned scale = 48; // products of two denormals are whole at 2^-48

/// |value| * 2^48, exact unless `sticky` says that it is a little more.
struct Exact48 {
    bool sign;
    u128 magnitude;
    bool sticky;
};

constexpr u128 value_of(u32 magnitude)
{
    const u32 exponent = magnitude >> 10;
    const u128 fraction = magnitude & 0x3ff;
    return (exponent == 0 ? fraction : (1024 + fraction) << (exponent - 1)) << (scale - 24);
}

/// Each finite magnitude's value at 2^-48, and one entry more: what the next one would be.
const auto values = [] {
    std::array<u128, half_infinity + 1> table{};
    for (u32 i = 0; i < table.size(); ++i) table[i] = value_of(i);
    return table;
}();

struct Expected {
    u32 bits;
    u32 flags;
};

bool goes_up(Rounding rounding, bool sign, u32 below, int against_middle)
{
    switch (rounding) {
    case Rounding::nearest_even: return against_middle > 0 || (against_middle == 0 && (below & 1) != 0);
    case Rounding::nearest_away: return against_middle >= 0;
    case Rounding::plus_inf: return !sign;
    case Rounding::minus_inf: return sign;
    case Rounding::zero: return false;
    case Rounding::odd: return (below & 1) == 0;
    }
    return false;
}

Expected round_half(const Exact48& x, Rounding rounding, bool flush)
{
    const u32 sign = x.sign ? 0x8000 : 0;
    if (x.magnitude == 0 && !x.sticky) return {sign, 0};
    const bool tiny = x.magnitude < values[0x400];
    if (tiny && flush) return {sign, flag::underflow};
    u32 low = 0; // the largest entry not above x
    for (u32 step = 0x4000; step != 0; step >>= 1)
        if (low + step <= half_infinity && values[low + step] <= x.magnitude) low += step;
    const u128 gap = x.magnitude - values[low];
    if (gap == 0 && !x.sticky && low < half_infinity) return {sign | low, 0};
    u32 up = low + 1;
    if (low < half_infinity) {
        const u128 twice = 2 * gap;
        const u128 step = values[up] - values[low];
        const int against_middle = twice > step || (twice == step && x.sticky) ? 1 : twice == step ? 0 : -1;
        up = goes_up(rounding, x.sign, low, against_middle) ? low + 1 : low;
    }
    if (up < half_infinity) return {sign | up, flag::inexact | (tiny ? flag::underflow : 0)};
    const bool to_infinity = rounding == Rounding::odd ? false : goes_up(rounding, x.sign, 1, 1);
    return {sign | (to_infinity ? half_infinity : half_infinity - 1), flag::overflow | flag::inexact};
}

u128 integer_root(u128 value)
{
    u128 root = 0;
    for (u128 step = u128{1} << 62; step != 0; step >>= 1)
        if ((root + step) * (root + step) <= value) root += step;
    return root;
}

i128 signed_value(u32 half)
{
    const i128 value = static_cast<i128>(values[half & 0x7fff]);
    return (half & 0x8000) != 0 ? -value : value;
}

/// A sum of 0 takes the sign that IEEE 754 gives to x - x; the callers leave out sums of like-signed zeros.
Exact48 from_signed(i128 value, Rounding rounding)
{
    const bool sign = value < 0 || (value == 0 && rounding == Rounding::minus_inf);
    return {sign, static_cast<u128>(value < 0 ? -value : value), false};
}

u32 flushed(u32 half, bool flush) { return flush && (half & 0x7fff) < 0x400 ? half & 0x8000 : half; }

constexpr Rounding modes[] = {Rounding::nearest_even, Rounding::plus_inf, Rounding::minus_inf, Rounding::zero};

FpEnv make_env(Rounding rounding, bool flush)
{
    FpEnv env;
    env.rounding = rounding;
    env.flush_half = flush;
    return env;
}

void check(const char* what, u32 a, u32 b, u32 result, const FpEnv& env, const Expected& expected)
{
    if (result == expected.bits && env.flags == expected.flags) return;
    ADD_FAILURE() << std::hex << what << ' ' << a << ' ' << b << " rounding " << int{static_cast<u8>(env.rounding)}
                  << ": " << result << '/' << env.flags << ", expected " << expected.bits << '/' << expected.flags;
}

void check_sums(u32 a, u32 b, u32 x, u32 y, const FpEnv& start)
{
    FpEnv env = start;
    const u32 sum = add<F16>(static_cast<u16>(a), static_cast<u16>(b), env);
    if ((x & 0x7fff) != 0 || (y & 0x7fff) != 0)
        check("add", a, b, sum, env,
              round_half(from_signed(signed_value(x) + signed_value(y), env.rounding), env.rounding, env.flush_half));
    env = start;
    const u32 difference = sub<F16>(static_cast<u16>(a), static_cast<u16>(b), env);
    if ((x & 0x7fff) != 0 || (y & 0x7fff) != 0)
        check("sub", a, b, difference, env,
              round_half(from_signed(signed_value(x) - signed_value(y), env.rounding), env.rounding, env.flush_half));
}

void check_product_and_quotient(u32 a, u32 b, u32 x, u32 y, const FpEnv& start)
{
    const bool sign = ((a ^ b) & 0x8000) != 0;
    const u128 left = values[x & 0x7fff] >> (scale - 24);
    const u128 right = values[y & 0x7fff] >> (scale - 24);
    FpEnv env = start;
    const u32 product = mul<F16>(static_cast<u16>(a), static_cast<u16>(b), env);
    check("mul", a, b, product, env, round_half({sign, left * right, false}, env.rounding, env.flush_half));
    if (right == 0) return;
    env = start;
    const u32 quotient = div<F16>(static_cast<u16>(a), static_cast<u16>(b), env);
    const u128 wide = left << scale;
    const Exact48 exact{sign, wide / right, wide % right != 0};
    check("div", a, b, quotient, env, round_half(exact, env.rounding, env.flush_half));
}

TEST(Half, SumsProductsQuotients)
{
    Random random(1);
    for (int i = 0; i < 60'000; ++i) {
        const u32 a = random_operand<F16>(random);
        const u32 b = random_partner<F16>(random, static_cast<u16>(a));
        if (!is_finite<F16>(static_cast<u16>(a)) || !is_finite<F16>(static_cast<u16>(b))) continue;
        for (const Rounding mode : modes)
            for (const bool flush : {false, true}) {
                const u32 x = flushed(a, flush);
                const u32 y = flushed(b, flush);
                check_sums(a, b, x, y, make_env(mode, flush));
                check_product_and_quotient(a, b, x, y, make_env(mode, flush));
            }
    }
}

/// The product's value at 2^-48.
i128 signed_product(u32 x, u32 y) { return (signed_value(x) >> (scale - 24)) * (signed_value(y) >> (scale - 24)); }

TEST(Half, FusedAndSteps)
{
    Random random(2);
    const i128 unit = i128{1} << scale;
    for (int i = 0; i < 100'000; ++i) {
        const u16 a = random_operand<F16>(random);
        const u16 b = random_operand<F16>(random);
        FpEnv scratch;
        const u16 near = static_cast<u16>(mul<F16>(a, b, scratch) ^ 0x8000); // cancels nearly all of the product
        const u16 c = random.below(3) == 0 ? near : random_operand<F16>(random);
        if (!is_finite<F16>(a) || !is_finite<F16>(b) || !is_finite<F16>(c)) continue;
        const bool flush = random.below(4) == 0;
        const Rounding mode = modes[random.below(4)];
        const u32 x = flushed(a, flush);
        const u32 y = flushed(b, flush);
        const u32 z = flushed(c, flush);
        const i128 product = signed_product(x, y);
        FpEnv env = make_env(mode, flush);
        const u32 fused = fma<F16>(c, a, b, env);
        if (product != 0 || (z & 0x7fff) != 0)
            check("fma", a, b, fused, env, round_half(from_signed(signed_value(z) + product, mode), mode, flush));
        env = make_env(mode, flush);
        const u32 recip = recip_step<F16>(a, b, env);
        check("recip_step", a, b, recip, env, round_half(from_signed(2 * unit - product, mode), mode, flush));
        env = make_env(mode, flush);
        const u32 rsqrt = rsqrt_step<F16>(a, b, env);
        const i128 sum = 3 * unit - product;
        Exact48 halved = from_signed(sum, mode);
        halved.sticky = (halved.magnitude & 1) != 0;
        halved.magnitude >>= 1;
        check("rsqrt_step", a, b, rsqrt, env, round_half(halved, mode, flush));
    }
}

TEST(Half, EverySquareRoot)
{
    for (u32 a = 0; a < half_infinity; ++a)
        for (const Rounding mode : modes) {
            FpEnv env = make_env(mode, false);
            const u32 result = sqrt<F16>(static_cast<u16>(a), env);
            const u128 square = values[a] << scale;
            const u128 root = integer_root(square);
            check("sqrt", a, 0, result, env, round_half({false, root, root * root != square}, mode, false));
        }
}

TEST(Half, EveryValueSurvivesWideningAndNarrowing)
{
    for (u32 a = 0; a < 0x10000; ++a) {
        const u16 half = static_cast<u16>(a);
        FpEnv env;
        const u16 via_single = convert<F16, F32>(convert<F32, F16>(half, env.rounding, env), env.rounding, env);
        const u16 via_double = convert<F16, F64>(convert<F64, F16>(half, env.rounding, env), env.rounding, env);
        const u32 quieted = is_signaling<F16>(half) ? a | quiet_bit<F16> : a;
        EXPECT_EQ(via_single, quieted);
        EXPECT_EQ(via_double, quieted);
        EXPECT_EQ(env.flags, is_signaling<F16>(half) ? flag::invalid : 0);
    }
}

TEST(Half, NarrowingRoundsInEveryMode)
{
    Random random(3);
    for (int i = 0; i < 200'000; ++i) {
        // 53 random bits from 2^-40 up to 2^16, exact at 2^-48 where that matters: below, the rest is sticky.
        const unsigned cut = static_cast<unsigned>(random.below(53));
        const u64 mantissa = bit(52) | (random.next() & low_mask(52) & ~low_mask(cut));
        const int exponent = static_cast<int>(random.below(58)) - 40;
        const bool sign = random.below(2) != 0;
        const u64 wide = u64{sign} << 63 | static_cast<u64>(exponent + 1023) << 52 | (mantissa & low_mask(52));
        const int shift = exponent - 52 + static_cast<int>(scale);
        const u128 magnitude = shift >= 0 ? u128{mantissa} << shift : mantissa >> -shift;
        const bool sticky = shift < 0 && (mantissa & low_mask(static_cast<unsigned>(-shift))) != 0;
        for (const Rounding mode : {modes[0], modes[1], modes[2], modes[3], Rounding::nearest_away, Rounding::odd}) {
            FpEnv env;
            const u32 result = convert<F16, F64>(wide, mode, env);
            check("narrow", static_cast<u32>(wide >> 32), static_cast<u32>(wide), result, env,
                  round_half({sign, magnitude, sticky}, mode, false));
        }
    }
}

TEST(Half, EveryValueToInteger)
{
    const IntFormat formats[] = {
        {16, true,  0 },
        {16, false, 0 },
        {32, true,  5 },
        {16, true,  7 },
        {64, false, 24}
    };
    for (u32 a = 0; a < 0x10000; ++a) {
        if (!is_finite<F16>(static_cast<u16>(a))) continue;
        for (const IntFormat& to : formats)
            for (const Rounding mode : {modes[0], modes[1], modes[2], modes[3], Rounding::nearest_away}) {
                const bool sign = (a & 0x8000) != 0;
                const u128 scaled = values[a & 0x7fff] << to.fraction_bits;
                u128 whole = scaled >> scale;
                const u128 rest = scaled - (whole << scale);
                const u128 middle = u128{1} << (scale - 1);
                const int against_middle = rest > middle ? 1 : rest == middle ? 0 : -1;
                if (rest != 0 && goes_up(mode, sign, static_cast<u32>(whole & 1), against_middle)) ++whole;
                const i128 value = sign ? -static_cast<i128>(whole) : static_cast<i128>(whole);
                const i128 top = (i128{1} << (to.width - i32{to.is_signed})) - 1;
                const i128 bottom = to.is_signed ? -top - 1 : 0;
                const i128 clamped = value > top ? top : value < bottom ? bottom : value;
                const u32 flags = clamped != value ? flag::invalid : rest != 0 ? flag::inexact : 0;
                FpEnv env;
                const u64 result = to_int<F16>(static_cast<u16>(a), to, mode, env);
                ASSERT_EQ(result, static_cast<u64>(clamped) & low_mask(to.width)) << std::hex << a;
                ASSERT_EQ(env.flags, flags) << std::hex << a;
            }
    }
}

} // namespace
} // namespace gimbal::fp::test
