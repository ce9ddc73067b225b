// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "engine/translator/fp/fp.hpp"
#include "engine/translator/ir/fp_immediate.hpp"

/// One operation on numbers of any format, named by the first argument; what scalar and vector operations share.
namespace gimbal::translator::vector::fp_op {

using fp::Bits;
using fp::FloatFormat;
using fp::FpEnv;

template <FloatFormat F>
inline constexpr unsigned width = sizeof(Bits<F>) * 8;
template <FloatFormat F>
inline constexpr auto sign = static_cast<Bits<F>>(bit(width<F> - 1));

inline constexpr auto abs = []<class F>(F, Bits<F> a, FpEnv&) { return static_cast<Bits<F>>(a & ~sign<F>); };
inline constexpr auto neg = []<class F>(F, Bits<F> a, FpEnv&) { return static_cast<Bits<F>>(a ^ sign<F>); };
inline constexpr auto sqrt = []<class F>(F, Bits<F> a, FpEnv& env) { return fp::sqrt<F>(a, env); };
inline constexpr auto recip_estimate = []<class F>(F, Bits<F> a, FpEnv& env) { return fp::recip_estimate<F>(a, env); };
inline constexpr auto rsqrt_estimate = []<class F>(F, Bits<F> a, FpEnv& env) { return fp::rsqrt_estimate<F>(a, env); };
inline constexpr auto recip_exponent = []<class F>(F, Bits<F> a, FpEnv& env) { return fp::recip_exponent<F>(a, env); };

inline constexpr auto add = []<class F>(F, Bits<F> a, Bits<F> b, FpEnv& env) { return fp::add<F>(a, b, env); };
inline constexpr auto sub = []<class F>(F, Bits<F> a, Bits<F> b, FpEnv& env) { return fp::sub<F>(a, b, env); };
inline constexpr auto mul = []<class F>(F, Bits<F> a, Bits<F> b, FpEnv& env) { return fp::mul<F>(a, b, env); };
inline constexpr auto mulx = []<class F>(F, Bits<F> a, Bits<F> b, FpEnv& env) { return fp::mulx<F>(a, b, env); };
inline constexpr auto div = []<class F>(F, Bits<F> a, Bits<F> b, FpEnv& env) { return fp::div<F>(a, b, env); };
inline constexpr auto max = []<class F>(F, Bits<F> a, Bits<F> b, FpEnv& env) { return fp::max<F>(a, b, env); };
inline constexpr auto min = []<class F>(F, Bits<F> a, Bits<F> b, FpEnv& env) { return fp::min<F>(a, b, env); };
inline constexpr auto maxnm = []<class F>(F, Bits<F> a, Bits<F> b, FpEnv& env) { return fp::maxnm<F>(a, b, env); };
inline constexpr auto minnm = []<class F>(F, Bits<F> a, Bits<F> b, FpEnv& env) { return fp::minnm<F>(a, b, env); };
inline constexpr auto recip_step = []<class F>(F, Bits<F> a, Bits<F> b, FpEnv& env) {
    return fp::recip_step<F>(a, b, env);
};
inline constexpr auto rsqrt_step = []<class F>(F, Bits<F> a, Bits<F> b, FpEnv& env) {
    return fp::rsqrt_step<F>(a, b, env);
};

// The sign changes are part of the instructions and apply to NaNs too.
inline constexpr auto mul_neg = []<class F>(F f, Bits<F> a, Bits<F> b, FpEnv& env) {
    return neg(f, fp::mul<F>(a, b, env), env);
};
inline constexpr auto absolute_difference = []<class F>(F f, Bits<F> a, Bits<F> b, FpEnv& env) {
    return abs(f, fp::sub<F>(a, b, env), env);
};
inline constexpr auto fma = []<class F>(F, Bits<F> a, Bits<F> b, Bits<F> c, FpEnv& env) {
    return fp::fma<F>(c, a, b, env);
};
inline constexpr auto fms = []<class F>(F f, Bits<F> a, Bits<F> b, Bits<F> c, FpEnv& env) {
    return fp::fma<F>(c, neg(f, a, env), b, env);
};
inline constexpr auto fnma = []<class F>(F f, Bits<F> a, Bits<F> b, Bits<F> c, FpEnv& env) {
    return fp::fma<F>(neg(f, c, env), neg(f, a, env), b, env);
};
inline constexpr auto fnms = []<class F>(F f, Bits<F> a, Bits<F> b, Bits<F> c, FpEnv& env) {
    return fp::fma<F>(neg(f, c, env), a, b, env);
};

inline fp::Rounding rounding_of(ir::FpConversion conversion, const FpEnv& env)
{
    return conversion.rounding == ir::FpRounding::current ? env.rounding
                                                          : static_cast<fp::Rounding>(conversion.rounding);
}
static_assert(static_cast<u8>(ir::FpRounding::odd) == static_cast<u8>(fp::Rounding::odd));

template <FloatFormat F>
Bits<F> round_to_int(Bits<F> a, ir::FpConversion conversion, FpEnv& env)
{
    return fp::round_to_int<F>(a, rounding_of(conversion, env), static_cast<fp::Exact>(conversion.exact), env);
}

/// To an integer or fixed-point number of int_width bits.
template <FloatFormat F, unsigned int_width, bool is_signed>
u64 to_int(Bits<F> a, ir::FpConversion conversion, FpEnv& env)
{
    return fp::to_int<F>(a, {int_width, is_signed, conversion.fraction_bits}, rounding_of(conversion, env), env);
}

/// From the low int_width bits of `value`.
template <FloatFormat F, unsigned int_width, bool is_signed>
Bits<F> from_int(u64 value, ir::FpConversion conversion, FpEnv& env)
{
    const u64 extended = is_signed ? static_cast<u64>(sign_extend(value, int_width)) : value & low_mask(int_width);
    return fp::from_int<F>(extended, {int_width, is_signed, conversion.fraction_bits}, env);
}

} // namespace gimbal::translator::vector::fp_op
