// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "engine/translator/fp/detail.hpp"

namespace gimbal::fp {

using namespace detail;

namespace {

/// RecipEstimate for a = index + 256: x = a / 512 in [1/2, 1) to the estimate of 1/x with 8 fraction bits, less its 1.
constexpr auto recip_table = [] {
    std::array<u8, 256> table{};
    for (u32 i = 0; i < 256; ++i) {
        const u32 middle = 2 * (i + 256) + 1;
        table[i] = static_cast<u8>((((u32{1} << 19) / middle + 1) / 2) & 0xff);
    }
    return table;
}();

/// RecipSqrtEstimate for a = index + 128: x = a / 512 in [1/4, 1) to 1/sqrt(x) with 8 fraction bits, less its 1.
constexpr auto rsqrt_table = [] {
    std::array<u8, 384> table{};
    for (u32 i = 0; i < 384; ++i) {
        const u32 a = i + 128;
        const u64 middle = a < 256 ? 2 * a + 1 : ((a & ~u32{1}) + 1) * 2;
        u64 root = 512;
        while (middle * (root + 1) * (root + 1) < (u64{1} << 28)) ++root;
        table[i] = static_cast<u8>(((root + 1) / 2) & 0xff);
    }
    return table;
}();

/// The exponent field as if it went on below zero, and the fraction without its leading one at the top of 64 bits.
struct Scaled {
    i32 biased;
    u64 fraction;
};

template <FloatFormat F>
Scaled scale(const Unpacked& x)
{
    return {x.exponent + Layout<F>::bias, x.mantissa << 1};
}

/// FPRecipEstimate where 1/|x| would overflow.
template <FloatFormat F>
Bits<F> recip_overflow(bool sign, FpEnv& env)
{
    env.raise(flag::overflow | flag::inexact);
    return pack<F>(sign, Layout<F>::infinity - u64{!overflows_to_infinity(env.rounding, sign)});
}

} // namespace

template <FloatFormat F>
Bits<F> recip_estimate(Bits<F> a, FpEnv& env)
{
    using L = Layout<F>;
    const Unpacked x = unpack<F>(a, env);
    if (x.is_nan()) return process_nan<F>(a, env);
    if (x.is_infinity()) return zero<F>(x.sign);
    if (x.is_zero()) {
        env.raise(flag::divide_by_zero);
        return infinity<F>(x.sign);
    }
    if (x.exponent < L::min_exponent - 2) return recip_overflow<F>(x.sign, env);
    if (x.exponent >= L::bias - 1 && flushes<F>(env)) {
        env.raise(flag::underflow);
        return zero<F>(x.sign);
    }
    const Scaled scaled = scale<F>(x);
    const i32 exponent = 2 * L::bias - 1 - scaled.biased; // -1 or more: below 1 the estimate is a denormal
    u64 significand = u64{recip_table[scaled.fraction >> 56]} << (F::fraction_bits - 8);
    if (exponent <= 0) significand = (significand | bit(F::fraction_bits)) >> (1 - exponent);
    const u64 field = exponent > 0 ? static_cast<u64>(exponent) : 0;
    return pack<F>(x.sign, field << F::fraction_bits | significand);
}

template <FloatFormat F>
Bits<F> rsqrt_estimate(Bits<F> a, FpEnv& env)
{
    using L = Layout<F>;
    const Unpacked x = unpack<F>(a, env);
    if (x.is_nan()) return process_nan<F>(a, env);
    if (x.is_zero()) {
        env.raise(flag::divide_by_zero);
        return infinity<F>(x.sign);
    }
    if (x.sign) return invalid_result<F>(env);
    if (x.is_infinity()) return zero<F>(false);
    const Scaled scaled = scale<F>(x);
    const bool even = (scaled.biased & 1) == 0;
    const u64 index = even ? 256 + (scaled.fraction >> 56) : 128 + (scaled.fraction >> 57);
    const i32 exponent = (3 * L::bias - 1 - scaled.biased) >> 1;
    const u64 significand = u64{rsqrt_table[index - 128]} << (F::fraction_bits - 8);
    return pack<F>(false, static_cast<u64>(exponent) << F::fraction_bits | significand);
}

template <FloatFormat F>
Bits<F> recip_exponent(Bits<F> a, FpEnv& env)
{
    using L = Layout<F>;
    const Unpacked x = unpack<F>(a, env);
    if (x.is_nan()) return process_nan<F>(a, env);
    const u64 exponent = bits(a, F::fraction_bits, F::exponent_bits);
    const u64 inverse = exponent == 0 ? L::exponent_max - 1 : exponent ^ L::exponent_max;
    return pack<F>(x.sign, inverse << F::fraction_bits);
}

u32 unsigned_recip_estimate(u32 a)
{
    if (!test_bit(a, 31)) return ~u32{0};
    return (u32{256} + recip_table[bits(a, 23, 8)]) << 23;
}

u32 unsigned_rsqrt_estimate(u32 a)
{
    if (bits(a, 30, 2) == 0) return ~u32{0};
    return (u32{256} + rsqrt_table[bits(a, 23, 9) - 128]) << 23;
}

#define GIMBAL_FP_INSTANTIATE(F)                                                                                       \
    template Bits<F> recip_estimate<F>(Bits<F>, FpEnv&);                                                               \
    template Bits<F> rsqrt_estimate<F>(Bits<F>, FpEnv&);                                                               \
    template Bits<F> recip_exponent<F>(Bits<F>, FpEnv&)

GIMBAL_FP_INSTANTIATE(F16);
GIMBAL_FP_INSTANTIATE(F32);
GIMBAL_FP_INSTANTIATE(F64);
#undef GIMBAL_FP_INSTANTIATE

} // namespace gimbal::fp
