// SPDX-License-Identifier: Apache-2.0
#include "engine/translator/fp/detail.hpp"
#include "engine/translator/fp/integer_sqrt.hpp"

namespace gimbal::fp {

using namespace detail;

namespace {

template <FloatFormat F, bool negate_b>
Bits<F> add_or_sub(Bits<F> a, Bits<F> b, FpEnv& env)
{
    const Unpacked x = unpack<F>(a, env);
    const Unpacked y = unpack<F>(b, env);
    const bool y_sign = y.sign != negate_b;
    if (x.kind == Kind::finite && y.kind == Kind::finite) [[likely]] {
        const Term<u64> sum = add_terms<u64>({x.mantissa, x.exponent, x.sign}, {y.mantissa, y.exponent, y_sign});
        return round_term<F>(sum, env);
    }
    if (x.is_nan() || y.is_nan()) return process_nans<F>(env, a, x, b, y); // a NaN keeps its sign under FSUB
    if (x.is_infinity()) return y.is_infinity() && x.sign != y_sign ? invalid_result<F>(env) : infinity<F>(x.sign);
    if (y.is_infinity()) return infinity<F>(y_sign);
    if (x.is_zero() && y.is_zero()) return zero<F>(x.sign == y_sign ? x.sign : env.rounding == Rounding::minus_inf);
    // One operand is zero; the other still goes through rounding, which may flush it.
    const Unpacked& rest = x.is_zero() ? y : x;
    return round_pack<F>(x.is_zero() ? y_sign : x.sign, rest.exponent, rest.mantissa, env);
}

/// The 128-bit product of two mantissas with a sticky bottom; bit 63 of the result is set.
template <FloatFormat F>
Bits<F> multiply_finite(const Unpacked& x, const Unpacked& y, FpEnv& env)
{
    const u128 product = u128{x.mantissa} * y.mantissa;
    u64 mantissa = static_cast<u64>(product >> 64) | static_cast<u64>(static_cast<u64>(product) != 0);
    i32 exponent = x.exponent + y.exponent + 1;
    if (!test_bit(mantissa, 63)) {
        mantissa <<= 1;
        --exponent;
    }
    return round_pack<F>(x.sign != y.sign, exponent, mantissa, env);
}

template <FloatFormat F, bool extended>
Bits<F> multiply(Bits<F> a, Bits<F> b, FpEnv& env)
{
    const Unpacked x = unpack<F>(a, env);
    const Unpacked y = unpack<F>(b, env);
    if (x.kind == Kind::finite && y.kind == Kind::finite) [[likely]]
        return multiply_finite<F>(x, y, env);
    if (x.is_nan() || y.is_nan()) return process_nans<F>(env, a, x, b, y);
    const bool sign = x.sign != y.sign;
    const bool any_infinity = x.is_infinity() || y.is_infinity();
    if (any_infinity && (x.is_zero() || y.is_zero())) {
        if constexpr (extended) return pack<F>(sign, static_cast<u64>(Layout<F>::bias + 1) << F::fraction_bits); // 2.0
        return invalid_result<F>(env);
    }
    return any_infinity ? infinity<F>(sign) : zero<F>(sign);
}

/// The quotient's leading bits, bit 63 or 62 first, with a sticky bit 0.
template <FloatFormat F>
u64 divide_mantissas(u64 dividend, u64 divisor)
{
    if constexpr (F::fraction_bits <= F32::fraction_bits) {
        constexpr unsigned unused = 63 - F32::fraction_bits;
        const u64 short_divisor = divisor >> unused;
        const u64 quotient = (dividend >> 1) / short_divisor;
        const u64 remainder = (dividend >> 1) % short_divisor;
        return quotient << (64 - unused) | static_cast<u64>(remainder != 0);
    } else {
        const u128 wide = u128{dividend} << 63;
        const u64 quotient = static_cast<u64>(wide / divisor);
        return quotient | static_cast<u64>(u128{quotient} * divisor != wide);
    }
}

template <FloatFormat F>
Bits<F> divide_finite(const Unpacked& x, const Unpacked& y, FpEnv& env)
{
    u64 mantissa = divide_mantissas<F>(x.mantissa, y.mantissa);
    i32 exponent = x.exponent - y.exponent;
    const int shift = std::countl_zero(mantissa);
    mantissa <<= shift;
    exponent -= shift;
    return round_pack<F>(x.sign != y.sign, exponent, mantissa, env);
}

} // namespace

template <FloatFormat F>
Bits<F> add(Bits<F> a, Bits<F> b, FpEnv& env)
{
    return add_or_sub<F, false>(a, b, env);
}

template <FloatFormat F>
Bits<F> sub(Bits<F> a, Bits<F> b, FpEnv& env)
{
    return add_or_sub<F, true>(a, b, env);
}

template <FloatFormat F>
Bits<F> mul(Bits<F> a, Bits<F> b, FpEnv& env)
{
    return multiply<F, false>(a, b, env);
}

template <FloatFormat F>
Bits<F> mulx(Bits<F> a, Bits<F> b, FpEnv& env)
{
    return multiply<F, true>(a, b, env);
}

template <FloatFormat F>
Bits<F> div(Bits<F> a, Bits<F> b, FpEnv& env)
{
    const Unpacked x = unpack<F>(a, env);
    const Unpacked y = unpack<F>(b, env);
    if (x.kind == Kind::finite && y.kind == Kind::finite) [[likely]]
        return divide_finite<F>(x, y, env);
    if (x.is_nan() || y.is_nan()) return process_nans<F>(env, a, x, b, y);
    if ((x.is_infinity() && y.is_infinity()) || (x.is_zero() && y.is_zero())) return invalid_result<F>(env);
    const bool sign = x.sign != y.sign;
    if (x.is_infinity()) return infinity<F>(sign);
    if (y.is_zero()) {
        env.raise(flag::divide_by_zero);
        return infinity<F>(sign);
    }
    return zero<F>(sign);
}

template <FloatFormat F>
Bits<F> sqrt(Bits<F> a, FpEnv& env)
{
    const Unpacked x = unpack<F>(a, env);
    if (x.is_nan()) return process_nan<F>(a, env);
    if (x.is_zero()) return zero<F>(x.sign);
    if (x.sign) return invalid_result<F>(env);
    if (x.is_infinity()) return infinity<F>(false);
    // An odd exponent lends the mantissa one bit: the radicand is in [1/4, 1) at scale 2^64, the root's exponent whole.
    const bool odd = (x.exponent & 1) != 0;
    const u64 root = sqrt_fraction(odd ? x.mantissa : x.mantissa >> 1);
    return round_pack<F>(false, (x.exponent - i32{odd}) / 2, root, env);
}

#define GIMBAL_FP_INSTANTIATE(F)                                                                                       \
    template Bits<F> add<F>(Bits<F>, Bits<F>, FpEnv&);                                                                 \
    template Bits<F> sub<F>(Bits<F>, Bits<F>, FpEnv&);                                                                 \
    template Bits<F> mul<F>(Bits<F>, Bits<F>, FpEnv&);                                                                 \
    template Bits<F> mulx<F>(Bits<F>, Bits<F>, FpEnv&);                                                                \
    template Bits<F> div<F>(Bits<F>, Bits<F>, FpEnv&);                                                                 \
    template Bits<F> sqrt<F>(Bits<F>, FpEnv&)

GIMBAL_FP_INSTANTIATE(F16);
GIMBAL_FP_INSTANTIATE(F32);
GIMBAL_FP_INSTANTIATE(F64);
#undef GIMBAL_FP_INSTANTIATE

} // namespace gimbal::fp
