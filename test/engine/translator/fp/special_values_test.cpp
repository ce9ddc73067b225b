// SPDX-License-Identifier: Apache-2.0
// What the manual says in words (DDI 0487, J1.3, functions named in each test), case by case.
#include <gtest/gtest.h>

#include "engine/translator/fp/fp.hpp"

namespace gimbal::fp {
namespace {

constexpr u32 one = 0x3f80'0000;
constexpr u32 two = 0x4000'0000;
constexpr u32 inf = 0x7f80'0000;
constexpr u32 sign = 0x8000'0000;
constexpr u32 min_normal = 0x0080'0000;
constexpr u32 max_normal = 0x7f7f'ffff;
constexpr u32 default_nan = 0x7fc0'0000;
constexpr u32 snan_a = 0xff80'0011;
constexpr u32 snan_b = 0x7f80'0022;
constexpr u32 qnan_a = 0x7fc0'0033;
constexpr u32 qnan_b = 0xffc0'0044;

constexpr FpEnv rounding_env(Rounding rounding)
{
    FpEnv env;
    env.rounding = rounding;
    return env;
}
constexpr FpEnv flushing_env()
{
    FpEnv env;
    env.flush_to_zero = true;
    env.flush_half = true;
    return env;
}

/// The result must be `value` and the flags exactly `flags`; `call` sees a copy of `start`.
template <class Call>
void expect(u64 value, u32 flags, Call call, FpEnv start = {})
{
    FpEnv env = start;
    const u64 result = static_cast<u64>(call(env));
    EXPECT_EQ(result, value) << std::hex << result << " for " << value;
    EXPECT_EQ(env.flags, flags);
}
#define FP(...) [&](FpEnv& env) { return __VA_ARGS__; }

TEST(Nan, FirstSignalingThenFirstQuiet) // FPProcessNaNs
{
    expect(snan_b | 0x0040'0000, flag::invalid, FP(add<F32>(qnan_a, snan_b, env)));
    expect(snan_a | 0x0040'0000, flag::invalid, FP(mul<F32>(snan_a, snan_b, env)));
    expect(qnan_a, 0, FP(div<F32>(qnan_a, qnan_b, env)));
    expect(qnan_b, 0, FP(sub<F32>(one, qnan_b, env))); // not negated
    expect(0xfe01, flag::invalid, FP(sqrt<F16>(0xfc01, env)));
    expect(0x7ff8'0000'0000'0001, flag::invalid, FP(max<F64>(0x7ff0'0000'0000'0001, 0, env)));
}

TEST(Nan, FusedLooksAtTheAddendFirst) // FPProcessNaNs3, FPMulAdd
{
    expect(qnan_a, 0, FP(fma<F32>(qnan_a, qnan_b, one, env)));
    expect(snan_b | 0x0040'0000, flag::invalid, FP(fma<F32>(qnan_a, qnan_b, snan_b, env)));
    expect(snan_a | 0x0040'0000, flag::invalid, FP(fma<F32>(one, snan_a, snan_b, env)));
    expect(qnan_b, 0, FP(fma<F32>(one, qnan_b, qnan_a, env)));
    expect(default_nan, flag::invalid, FP(fma<F32>(qnan_a, inf, 0, env)));
    expect(snan_a | 0x0040'0000, flag::invalid, FP(fma<F32>(snan_a, inf, 0, env)));
    FpEnv loongarch;
    loongarch.nan_rule = NanRule::loongarch;
    expect(qnan_a, flag::invalid, FP(fma<F32>(qnan_a, inf, 0, env)), loongarch);
}

TEST(Nan, DefaultNanModeStillSignals)
{
    FpEnv start;
    start.default_nan = true;
    expect(default_nan, 0, FP(add<F32>(qnan_b, one, env)), start);
    expect(default_nan, flag::invalid, FP(add<F32>(snan_a, one, env)), start);
    expect(0x7e00, flag::invalid, FP(convert<F16, F32>(snan_a, env.rounding, env)), start);
}

TEST(Nan, StepsNegateTheFirstOperand) // FPRecipStepFused, FPRSqrtStepFused
{
    expect(qnan_a ^ sign, 0, FP(recip_step<F32>(qnan_a, one, env)));
    expect(qnan_b, 0, FP(rsqrt_step<F32>(one, qnan_b, env)));
    expect(two, 0, FP(recip_step<F32>(inf, 0, env)));
    expect(0x3fc0'0000, 0, FP(rsqrt_step<F32>(0, inf, env)));
    expect(inf | sign, 0, FP(recip_step<F32>(inf, one, env)));
    expect(0, 0, FP(recip_step<F32>(one, two, env)));
    expect(sign, 0, FP(recip_step<F32>(one, two, env)), rounding_env(Rounding::minus_inf));
    expect(one, 0, FP(rsqrt_step<F32>(one, one, env)));
}

TEST(Invalid, OperationsWithoutAResult)
{
    expect(default_nan, flag::invalid, FP(sub<F32>(inf, inf, env)));
    expect(default_nan, flag::invalid, FP(mul<F32>(sign, inf, env)));
    expect(default_nan, flag::invalid, FP(div<F32>(0, sign, env)));
    expect(default_nan, flag::invalid, FP(div<F32>(inf, inf, env)));
    expect(default_nan, flag::invalid, FP(sqrt<F32>(one | sign, env)));
    expect(sign, 0, FP(sqrt<F32>(sign, env)));
    expect(default_nan, flag::invalid, FP(fma<F32>(inf, inf | sign, one, env)));
    expect(inf | sign, flag::divide_by_zero, FP(div<F32>(one, sign, env)));
    expect(inf, 0, FP(div<F32>(inf, 0, env)));
    expect(two | sign, 0, FP(mulx<F32>(sign, inf, env)));
    expect(0x4000, 0, FP(mulx<F16>(0x7c00, 0, env)));
}

TEST(Zero, SignOfAnExactZero)
{
    expect(0, 0, FP(sub<F32>(one, one, env)));
    expect(sign, 0, FP(sub<F32>(one, one, env)), rounding_env(Rounding::minus_inf));
    expect(sign, 0, FP(add<F32>(sign, sign, env)));
    expect(0, 0, FP(add<F32>(sign, 0, env)));
    expect(sign, 0, FP(fma<F32>(sign, sign, one, env)));
    expect(0, 0, FP(fma<F32>(one, one | sign, one, env)));
}

TEST(Rounding, OverflowFollowsTheDirection) // FPRoundBase
{
    const u32 flags = flag::overflow | flag::inexact;
    expect(inf, flags, FP(add<F32>(max_normal, max_normal, env)));
    expect(inf, flags, FP(add<F32>(max_normal, max_normal, env)), rounding_env(Rounding::plus_inf));
    expect(max_normal, flags, FP(add<F32>(max_normal, max_normal, env)), rounding_env(Rounding::minus_inf));
    expect(max_normal | sign, flags, FP(mul<F32>(max_normal | sign, max_normal, env)), rounding_env(Rounding::zero));
}

TEST(Rounding, TininessIsJudgedBeforeIt)
{
    // (1 - 2^-24) * the smallest normal rounds up to it and is tiny all the same.
    expect(min_normal, flag::underflow | flag::inexact, FP(mul<F32>(0x3f7f'ffff, min_normal, env)));
    expect(min_normal >> 1, 0, FP(mul<F32>(0x3f00'0000, min_normal, env))); // exact: no underflow
}

TEST(Flush, OperandsRaiseInputDenormalButNotForHalf)
{
    expect(one, flag::input_denormal, FP(add<F32>(1, one, env)), flushing_env());
    expect(0x3c00, 0, FP(add<F16>(1, 0x3c00, env)), flushing_env());
    expect(qnan_a, flag::input_denormal, FP(add<F32>(1, qnan_a, env)), flushing_env());
    expect(inf, flag::input_denormal | flag::divide_by_zero, FP(div<F32>(one, 1, env)), flushing_env());
    expect(0, flag::input_denormal, FP(to_int<F64>(1, {64, true, 0}, Rounding::plus_inf, env)), flushing_env());
    FpEnv env = flushing_env();
    EXPECT_EQ(compare<F64>(1, bit(63), NanCompare::quiet, env), Order::equal);
}

TEST(Flush, ResultsRaiseUnderflowAlone)
{
    expect(0, flag::underflow, FP(mul<F32>(0x3f7f'ffff, min_normal, env)), flushing_env());
    expect(0x8000, flag::underflow, FP(mul<F16>(0x0400, 0xb800, env)), flushing_env());
    expect(0, flag::underflow, FP(convert<F32, F64>(0x3800'0000'0000'0000, env.rounding, env)), flushing_env());
    // Conversions to and from half ignore FZ16.
    expect(0x0001, 0, FP(convert<F16, F32>(0x3380'0000, env.rounding, env)), flushing_env());
    expect(0x3380'0000, 0, FP(convert<F32, F16>(0x0001, env.rounding, env)), flushing_env());
}

TEST(MinMax, ZerosAndNumbersOverNans) // FPMax, FPMin, FPMaxNum, FPMinNum
{
    expect(0, 0, FP(max<F32>(sign, 0, env)));
    expect(sign, 0, FP(min<F32>(0, sign, env)));
    expect(qnan_a, 0, FP(max<F32>(one, qnan_a, env)));
    expect(one, 0, FP(maxnm<F32>(one, qnan_a, env)));
    expect(inf | sign, 0, FP(maxnm<F32>(qnan_a, inf | sign, env)));
    expect(one, 0, FP(minnm<F32>(qnan_b, one, env)));
    expect(qnan_a, 0, FP(minnm<F32>(qnan_a, qnan_b, env)));
    expect(snan_b | 0x0040'0000, flag::invalid, FP(minnm<F32>(qnan_a, snan_b, env)));
    expect(snan_b | 0x0040'0000, flag::invalid, FP(maxnm<F32>(one, snan_b, env)));
    expect(0, flag::input_denormal, FP(min<F32>(1, one, env)), flushing_env());
}

TEST(Compare, QuietAndSignaling) // FPCompare
{
    const auto order = [](u32 a, u32 b, NanCompare nans, u32 flags) {
        FpEnv env;
        const Order result = compare<F32>(a, b, nans, env);
        EXPECT_EQ(env.flags, flags);
        return result;
    };
    EXPECT_EQ(order(sign, 0, NanCompare::quiet, 0), Order::equal);
    EXPECT_EQ(order(one | sign, one, NanCompare::quiet, 0), Order::less);
    EXPECT_EQ(order(one, inf | sign, NanCompare::signaling, 0), Order::greater);
    EXPECT_EQ(order(one, qnan_a, NanCompare::quiet, 0), Order::unordered);
    EXPECT_EQ(order(one, qnan_a, NanCompare::signaling, flag::invalid), Order::unordered);
    EXPECT_EQ(order(snan_a, one, NanCompare::quiet, flag::invalid), Order::unordered);
}

TEST(ToInt, SaturatesAndRounds) // FPToFixed
{
    const Rounding rz = Rounding::zero;
    expect(0, flag::invalid, FP(to_int<F32>(qnan_a, {32, true, 0}, rz, env)));
    expect(0x7fff'ffff, flag::invalid, FP(to_int<F32>(inf, {32, true, 0}, rz, env)));
    expect(0x8000'0000, flag::invalid, FP(to_int<F32>(0xcf00'0001, {32, true, 0}, rz, env)));
    expect(0x8000'0000, 0, FP(to_int<F32>(0xcf00'0000, {32, true, 0}, rz, env)));
    expect(0, flag::invalid, FP(to_int<F32>(one | sign, {64, false, 0}, rz, env)));
    expect(0, flag::inexact, FP(to_int<F32>(0xbf00'0000, {64, false, 0}, rz, env)));
    expect(0xffff, flag::invalid, FP(to_int<F16>(0x7c00, {16, false, 0}, rz, env)));
    expect(0x8000, flag::invalid, FP(to_int<F16>(0xf801, {16, true, 0}, rz, env)));
    expect(0xffff'ffff'ffff'f800, 0, FP(to_int<F64>(0x43ef'ffff'ffff'ffff, {64, false, 0}, rz, env)));
    expect(u64{1} << 63, 0, FP(to_int<F64>(0x3fe0'0000'0000'0000, {64, false, 64}, rz, env)));
    expect(2, flag::inexact, FP(to_int<F32>(0x4020'0000, {32, true, 0}, Rounding::nearest_even, env)));
    expect(3, flag::inexact, FP(to_int<F32>(0x4020'0000, {32, true, 0}, Rounding::nearest_away, env)));
}

TEST(FromInt, RoundsOnce) // FixedToFP
{
    expect(0, 0, FP(from_int<F32>(0, {64, true, 5}, env)), rounding_env(Rounding::minus_inf));
    expect(0x5f80'0000, flag::inexact, FP(from_int<F32>(~u64{0}, {64, false, 0}, env)));
    expect(0xbf80'0000, 0, FP(from_int<F32>(~u64{0}, {64, true, 0}, env)));
    expect(0x7c00, flag::overflow | flag::inexact, FP(from_int<F16>(65520, {64, true, 0}, env)));
    expect(0x0001, 0, FP(from_int<F16>(1, {64, true, 24}, env)));
    expect(0, flag::underflow, FP(from_int<F16>(1, {64, true, 24}, env)), flushing_env());
}

TEST(RoundToInt, KeepsTheSignAndReportsOnRequest) // FPRoundInt
{
    expect(sign, 0, FP(round_to_int<F32>(0xbe80'0000, Rounding::nearest_even, Exact::ignored, env)));
    expect(sign, flag::inexact, FP(round_to_int<F32>(0xbe80'0000, Rounding::nearest_even, Exact::reported, env)));
    expect(one, 0, FP(round_to_int<F32>(1, Rounding::plus_inf, Exact::ignored, env)));
    expect(0x4b00'0001, 0, FP(round_to_int<F32>(0x4b00'0001, Rounding::nearest_even, Exact::reported, env)));
    expect(0x4000'0000'0000'0000, 0,
           FP(round_to_int<F64>(0x3ff8'0000'0000'0000, Rounding::nearest_away, Exact::ignored, env)));
}

TEST(Convert, NansKeepTheirLeadingPayload) // FPConvertNaN
{
    expect(0xffc2'2000, flag::invalid, FP(convert<F32, F16>(0xfc11, env.rounding, env)));
    expect(0x7e01, 0, FP(convert<F16, F64>(0x7ff8'0400'0000'0001, env.rounding, env)));
}

TEST(Convert, AlternativeHalf)
{
    FpEnv start = flushing_env();
    start.alternative_half = true;
    expect(0x47ff'e000, 0, FP(convert<F32, F16>(0x7fff, env.rounding, env)), start);
    expect(0x7fff, flag::inexact, FP(convert<F16, F32>(0x47ff'efff, env.rounding, env)), start);
    expect(0x7fff, flag::invalid, FP(convert<F16, F32>(0x47ff'f000, env.rounding, env)), start);
    expect(0xffff, flag::invalid, FP(convert<F16, F32>(inf | sign, env.rounding, env)), start);
    expect(0x8000, flag::invalid, FP(convert<F16, F32>(qnan_b, env.rounding, env)), start);
    expect(0x7e00, 0, FP(add<F16>(0x7e00, 0, env)), start); // arithmetic knows no AHP
}

TEST(Convert, RoundToOdd) // FCVTXN
{
    expect(one | 1, flag::inexact, FP(convert<F32, F64>(0x3ff0'0000'0000'0001, Rounding::odd, env)));
    expect(max_normal, flag::overflow | flag::inexact,
           FP(convert<F32, F64>(0x7fef'ffff'ffff'ffff, Rounding::odd, env)));
    expect(1, flag::underflow | flag::inexact, FP(convert<F32, F64>(1, Rounding::odd, env)));
}

TEST(Estimate, Reciprocal) // FPRecipEstimate
{
    expect(0x3f7f'8000, 0, FP(recip_estimate<F32>(one, env)));
    expect(0x3fef'f000'0000'0000, 0, FP(recip_estimate<F64>(0x3ff0'0000'0000'0000, env)));
    expect(0x3bfc, 0, FP(recip_estimate<F16>(0x3c00, env)));
    expect(sign, 0, FP(recip_estimate<F32>(inf | sign, env)));
    expect(inf | sign, flag::divide_by_zero, FP(recip_estimate<F32>(sign, env)));
    const u32 too_big = flag::overflow | flag::inexact;
    expect(inf, too_big, FP(recip_estimate<F32>(0x001f'ffff, env)));
    expect(max_normal, too_big, FP(recip_estimate<F32>(0x001f'ffff, env)), rounding_env(Rounding::zero));
    expect(max_normal | sign, too_big, FP(recip_estimate<F32>(sign | 1, env)), rounding_env(Rounding::plus_inf));
    expect(0x7f7f'8000, 0, FP(recip_estimate<F32>(0x0020'0000, env)));
    expect(0x007f'c000, 0, FP(recip_estimate<F32>(0x7e80'0000, env)));
    expect(0, flag::underflow, FP(recip_estimate<F32>(0x7e80'0000, env)), flushing_env());
}

TEST(Estimate, ReciprocalSquareRoot) // FPRSqrtEstimate
{
    expect(0x3f7f'8000, 0, FP(rsqrt_estimate<F32>(one, env)));
    expect(0x3f34'8000, 0, FP(rsqrt_estimate<F32>(two, env)));
    expect(inf | sign, flag::divide_by_zero, FP(rsqrt_estimate<F32>(sign, env)));
    expect(default_nan, flag::invalid, FP(rsqrt_estimate<F32>(inf | sign, env)));
    expect(0, 0, FP(rsqrt_estimate<F32>(inf, env)));
    expect(0x6bfc, 0, FP(rsqrt_estimate<F16>(0x0001, env)));
}

TEST(Estimate, ExponentAndUnsigned) // FPRecpX, UnsignedRecipEstimate, UnsignedRSqrtEstimate
{
    expect(0x4000'0000, 0, FP(recip_exponent<F32>(one, env)));
    expect(0xff00'0000, 0, FP(recip_exponent<F32>(sign | 1, env)));
    expect(0, 0, FP(recip_exponent<F32>(inf, env)));
    EXPECT_EQ(unsigned_recip_estimate(0x7fff'ffff), 0xffff'ffff);
    EXPECT_EQ(unsigned_recip_estimate(0x8000'0000), 0xff80'0000);
    EXPECT_EQ(unsigned_recip_estimate(0xffff'ffff), 0x8000'0000);
    EXPECT_EQ(unsigned_rsqrt_estimate(0x3fff'ffff), 0xffff'ffff);
    EXPECT_EQ(unsigned_rsqrt_estimate(0x4000'0000), 0xff80'0000);
    EXPECT_EQ(unsigned_rsqrt_estimate(0xffff'ffff), 0x8000'0000);
}

TEST(Flags, Accumulate)
{
    FpEnv env;
    div<F32>(one, 0, env);
    div<F32>(one, 0x4040'0000, env);
    EXPECT_EQ(env.flags, flag::divide_by_zero | flag::inexact);
}

} // namespace
} // namespace gimbal::fp
