// SPDX-License-Identifier: Apache-2.0
// Single and double precision against the host's SSE unit: values and flags in its four rounding modes.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <immintrin.h>

#include "test/engine/translator/fp/operands.hpp"

namespace gimbal::fp::test {
namespace {

constexpr int case_count = 100'000; // per operation, format and rounding mode
constexpr Rounding modes[] = {Rounding::nearest_even, Rounding::plus_inf, Rounding::minus_inf, Rounding::zero};

template <FloatFormat F>
using Native = std::conditional_t<std::same_as<F, F64>, double, float>;

template <FloatFormat F>
Native<F> native(Bits<F> value)
{
    return std::bit_cast<Native<F>>(value);
}

u32 mxcsr_for(Rounding rounding)
{
    const u32 all_masked = 0x1f80;
    switch (rounding) {
    case Rounding::minus_inf: return all_masked | 0x2000;
    case Rounding::plus_inf: return all_masked | 0x4000;
    case Rounding::zero: return all_masked | 0x6000;
    case Rounding::nearest_even:
    case Rounding::nearest_away:
    case Rounding::odd: break;
    }
    return all_masked;
}

struct Outcome {
    u64 bits;
    u32 flags; ///< as FPSR has them
};

/// Runs one host operation; volatile operands keep the compiler from moving it past the control register's writes.
template <class Call, class T>
Outcome on_host(Rounding rounding, Call call, T a, T b, T c)
{
    volatile T x = a;
    volatile T y = b;
    volatile T z = c;
    const u32 saved = _mm_getcsr();
    _mm_setcsr(mxcsr_for(rounding));
    volatile auto result = call(x, y, z);
    const u32 status = _mm_getcsr();
    _mm_setcsr(saved);
    const u32 flags = (status & 1) | (status >> 1 & 0x1e); // the host's denormal flag has no counterpart
    const auto value = result;
    if constexpr (sizeof(value) == 8)
        return {std::bit_cast<u64>(value), flags};
    else
        return {std::bit_cast<u32>(value), flags};
}

/// Arm's choice among NaN operands; false if there is none.
template <FloatFormat F>
bool nan_among(std::initializer_list<Bits<F>> operands, u64& result)
{
    for (const Bits<F> value : operands)
        if (is_signaling<F>(value)) {
            result = value | quiet_bit<F>;
            return true;
        }
    for (const Bits<F> value : operands)
        if (is_nan<F>(value)) {
            result = value;
            return true;
        }
    return false;
}

template <FloatFormat F>
void check(const char* what, Rounding rounding, std::initializer_list<Bits<F>> operands, Outcome ours, Outcome host)
{
    constexpr u64 min_normal = bit(F::fraction_bits);
    if (magnitude<F>(static_cast<Bits<F>>(host.bits)) == min_normal)
        host.flags |= ours.flags & flag::underflow; // the host judges tininess after rounding
    if (!nan_among<F>(operands, host.bits) && is_nan<F>(static_cast<Bits<F>>(host.bits)))
        host.bits = infinity_bits<F> | quiet_bit<F>; // the host's default NaN is negative
    if (ours.bits == host.bits && ours.flags == host.flags) return;
    ADD_FAILURE() << std::hex << what << " rounding " << int{static_cast<u8>(rounding)} << ": " << ours.bits << '/'
                  << ours.flags << ", host " << host.bits << '/' << host.flags;
}

template <FloatFormat F, class Ours, class Host>
void compare_binary(const char* what, u64 seed, Ours ours, Host host)
{
    Random random(seed);
    for (const Rounding rounding : modes)
        for (int i = 0; i < case_count; ++i) {
            const Bits<F> a = random_operand<F>(random);
            const Bits<F> b = random_partner<F>(random, a);
            FpEnv env;
            env.rounding = rounding;
            const u64 result = ours(a, b, env);
            check<F>(what, rounding, {a, b}, {result, env.flags},
                     on_host(rounding, host, native<F>(a), native<F>(b), native<F>(b)));
        }
}

template <FloatFormat F>
void compare_arithmetic()
{
    using T = Native<F>;
    compare_binary<F>("add", 1, add<F>, [](T a, T b, T) { return a + b; });
    compare_binary<F>("sub", 2, sub<F>, [](T a, T b, T) { return a - b; });
    compare_binary<F>("mul", 3, mul<F>, [](T a, T b, T) { return a * b; });
    compare_binary<F>("div", 4, div<F>, [](T a, T b, T) { return a / b; });
}

TEST(Host, SingleArithmetic) { compare_arithmetic<F32>(); }
TEST(Host, DoubleArithmetic) { compare_arithmetic<F64>(); }

double host_sqrt(double a) { return _mm_cvtsd_f64(_mm_sqrt_sd(_mm_set_sd(0), _mm_set_sd(a))); }
float host_sqrt(float a) { return _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(a))); }

template <FloatFormat F>
void compare_sqrt_and_fma()
{
    using T = Native<F>;
    Random random(5);
    for (const Rounding rounding : modes)
        for (int i = 0; i < case_count; ++i) {
            const Bits<F> a = random_operand<F>(random);
            const Bits<F> b = random_operand<F>(random);
            FpEnv env;
            const Bits<F> cancelling = static_cast<Bits<F>>(mul<F>(a, b, env) ^ bit(sign_position<F>));
            const Bits<F> c = random_partner<F>(random, cancelling);
            env = {};
            env.rounding = rounding;
            const u64 root = sqrt<F>(a, env);
            check<F>("sqrt", rounding, {a}, {root, env.flags},
                     on_host(rounding, [](T x, T, T) { return host_sqrt(x); }, native<F>(a), T{}, T{}));
            env.flags = 0;
            const u64 fused = fma<F>(c, a, b, env);
            Outcome host = on_host(
                rounding, [](T x, T y, T z) { return std::fma(x, y, z); }, native<F>(a), native<F>(b), native<F>(c));
            const bool zero_times_infinity = (magnitude<F>(a) == 0 && magnitude<F>(b) == infinity_bits<F>) ||
                                             (magnitude<F>(b) == 0 && magnitude<F>(a) == infinity_bits<F>);
            if (zero_times_infinity && is_nan<F>(c)) continue; // the two architectures differ; a golden case covers it
            check<F>("fma", rounding, {c, a, b}, {fused, env.flags}, host);
        }
}

TEST(Host, SingleRootAndFused) { compare_sqrt_and_fma<F32>(); }
TEST(Host, DoubleRootAndFused) { compare_sqrt_and_fma<F64>(); }

TEST(Host, Conversions)
{
    Random random(6);
    for (const Rounding rounding : modes)
        for (int i = 0; i < case_count; ++i) {
            // Half of the doubles have an exponent that f32 can nearly hold.
            u64 wide = random_operand<F64>(random);
            if (random.below(2) == 0) wide = (wide & ~(u64{0x7ff} << 52)) | (1023 - 160 + random.below(320)) << 52;
            FpEnv env;
            env.rounding = rounding;
            const u32 narrow = convert<F32, F64>(wide, rounding, env);
            Outcome host = on_host(
                rounding, [](double x, double, double) { return static_cast<float>(x); }, native<F64>(wide), 0.0, 0.0);
            if (magnitude<F32>(static_cast<u32>(host.bits)) == 0x0080'0000) host.flags |= env.flags & flag::underflow;
            ASSERT_EQ(narrow, host.bits) << std::hex << wide; // NaNs too: both keep the leading payload
            ASSERT_EQ(env.flags, host.flags) << std::hex << wide;
            const u32 single = random_operand<F32>(random);
            env.flags = 0;
            const u64 widened = convert<F64, F32>(single, rounding, env);
            const Outcome widened_host = on_host(
                rounding, [](float x, float, float) { return static_cast<double>(x); }, native<F32>(single), 0.0f,
                0.0f);
            ASSERT_EQ(widened, widened_host.bits) << std::hex << single;
            ASSERT_EQ(env.flags, widened_host.flags) << std::hex << single;
        }
}

/// What an out-of-range or NaN operand becomes; the host has one "indefinite" value for all of them.
template <FloatFormat F>
u64 saturated(Bits<F> value, unsigned width)
{
    if (is_nan<F>(value)) return 0;
    return test_bit(value, sign_position<F>) ? bit(width - 1) : low_mask(width - 1);
}

template <FloatFormat F, class To64, class To32>
void compare_to_int(To64 to64, To32 to32)
{
    using T = Native<F>;
    Random random(7);
    for (const Rounding rounding : modes)
        for (int i = 0; i < case_count; ++i) {
            const Bits<F> a = random_operand<F>(random);
            FpEnv env;
            const u64 wide = to_int<F>(a, {64, true, 0}, rounding, env);
            const Outcome wide_host = on_host(rounding, to64, native<F>(a), T{}, T{});
            ASSERT_EQ(wide, (wide_host.flags & flag::invalid) != 0 ? saturated<F>(a, 64) : wide_host.bits)
                << std::hex << a;
            ASSERT_EQ(env.flags, wide_host.flags) << std::hex << a;
            env.flags = 0;
            const u64 narrow = to_int<F>(a, {32, true, 0}, rounding, env);
            const Outcome narrow_host = on_host(rounding, to32, native<F>(a), T{}, T{});
            ASSERT_EQ(narrow, (narrow_host.flags & flag::invalid) != 0 ? saturated<F>(a, 32) : narrow_host.bits)
                << std::hex << a;
            ASSERT_EQ(env.flags, narrow_host.flags) << std::hex << a;
        }
}

TEST(Host, ToInteger)
{
    compare_to_int<F64>([](double a, double, double) { return i64{_mm_cvtsd_si64(_mm_set_sd(a))}; },
                        [](double a, double, double) { return _mm_cvtsd_si32(_mm_set_sd(a)); });
    compare_to_int<F32>([](float a, float, float) { return i64{_mm_cvtss_si64(_mm_set_ss(a))}; },
                        [](float a, float, float) { return _mm_cvtss_si32(_mm_set_ss(a)); });
}

TEST(Host, FromInteger)
{
    Random random(8);
    for (const Rounding rounding : modes)
        for (int i = 0; i < case_count; ++i) {
            u64 value = random.next() >> random.below(64);
            if (random.below(2) != 0) value = ~value;
            const i64 as_signed = static_cast<i64>(value);
            FpEnv env;
            env.rounding = rounding;
            const u64 wide = from_int<F64>(value, {64, true, 0}, env);
            const Outcome wide_host =
                on_host(rounding, [](i64 x, i64, i64) { return static_cast<double>(x); }, as_signed, i64{}, i64{});
            ASSERT_EQ(wide, wide_host.bits) << std::hex << value;
            ASSERT_EQ(env.flags, wide_host.flags) << std::hex << value;
            env.flags = 0;
            const u64 single = from_int<F32>(value, {64, true, 0}, env);
            const Outcome single_host =
                on_host(rounding, [](i64 x, i64, i64) { return static_cast<float>(x); }, as_signed, i64{}, i64{});
            ASSERT_EQ(single, single_host.bits) << std::hex << value;
            ASSERT_EQ(env.flags, single_host.flags) << std::hex << value;
        }
}

TEST(Host, RoundToIntegral)
{
    // The library's own: GCC's inline expansion is right only when rounding to nearest.
    static double (*volatile library_rint)(double) = std::rint;
    Random random(9);
    for (const Rounding rounding : modes)
        for (int i = 0; i < case_count; ++i) {
            const u64 a = random_operand<F64>(random);
            FpEnv env;
            const u64 result = round_to_int<F64>(a, rounding, Exact::reported, env);
            const Outcome host =
                on_host(rounding, [](double x, double, double) { return library_rint(x); }, native<F64>(a), 0.0, 0.0);
            check<F64>("rint", rounding, {a}, {result, env.flags}, host);
            env.flags = 0;
            const u64 away = round_to_int<F64>(a, Rounding::nearest_away, Exact::ignored, env);
            if (is_nan<F64>(a)) continue;
            ASSERT_EQ(away, std::bit_cast<u64>(std::round(native<F64>(a)))) << std::hex << a;
        }
}

template <FloatFormat F>
void compare_orders()
{
    Random random(10);
    for (int i = 0; i < 4 * case_count; ++i) {
        const Bits<F> a = random_operand<F>(random);
        const Bits<F> b = random_partner<F>(random, a);
        const Native<F> x = native<F>(a);
        const Native<F> y = native<F>(b);
        FpEnv env;
        const Order order = compare<F>(a, b, NanCompare::quiet, env);
        const Order host = x < y ? Order::less : x > y ? Order::greater : x == y ? Order::equal : Order::unordered;
        ASSERT_EQ(order, host) << std::hex << a << ' ' << b;
        ASSERT_EQ(env.flags, is_signaling<F>(a) || is_signaling<F>(b) ? flag::invalid : 0) << std::hex << a << ' ' << b;
        if (order == Order::unordered || order == Order::equal) continue;
        ASSERT_EQ(max<F>(a, b, env), order == Order::less ? b : a);
        ASSERT_EQ(min<F>(a, b, env), order == Order::less ? a : b);
    }
}

TEST(Host, Compare)
{
    compare_orders<F32>();
    compare_orders<F64>();
}

} // namespace
} // namespace gimbal::fp::test
