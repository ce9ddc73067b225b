// SPDX-License-Identifier: Apache-2.0
#include <type_traits>

#include "engine/translator/fp/detail.hpp"

namespace gimbal::fp {

using namespace detail;

namespace {

/// Wide enough for an exact product and its alignment with an addend.
template <FloatFormat F>
using Product = std::conditional_t<std::same_as<F, F64>, u128, u64>;

/// The exact product of two finite numbers.
template <FloatFormat F>
Term<Product<F>> exact_product(const Unpacked& x, const Unpacked& y)
{
    using M = Product<F>;
    constexpr unsigned half = 4 * sizeof(M);
    M mantissa = M{x.mantissa >> (64 - half)} * M{y.mantissa >> (64 - half)};
    i32 exponent = x.exponent + y.exponent + 1;
    if ((mantissa >> (2 * half - 1)) == 0) {
        mantissa <<= 1;
        --exponent;
    }
    return {mantissa, exponent, x.sign != y.sign};
}

template <FloatFormat F>
Term<Product<F>> widen(const Unpacked& x)
{
    return {static_cast<Product<F>>(Product<F>{x.mantissa} << (8 * sizeof(Product<F>) - 64)), x.exponent, x.sign};
}

/// fma where at least one operand is a zero, an infinity or a NaN.
template <FloatFormat F>
Bits<F> fma_special(Bits<F> addend, Bits<F> a, Bits<F> b, const Unpacked& z, const Unpacked& x, const Unpacked& y,
                    FpEnv& env)
{
    const bool invalid_product = (x.is_infinity() && y.is_zero()) || (x.is_zero() && y.is_infinity());
    if (z.is_nan() || x.is_nan() || y.is_nan()) {
        const Bits<F> chosen = process_nans<F>(env, addend, z, a, x, b, y);
        if (z.kind != Kind::quiet_nan || !invalid_product) return chosen;
        env.raise(flag::invalid);
        return env.nan_rule == NanRule::arm ? default_nan<F>() : chosen;
    }
    const bool product_sign = x.sign != y.sign;
    const bool product_infinite = x.is_infinity() || y.is_infinity();
    if (invalid_product || (z.is_infinity() && product_infinite && z.sign != product_sign))
        return invalid_result<F>(env);
    if (z.is_infinity()) return infinity<F>(z.sign);
    if (product_infinite) return infinity<F>(product_sign);
    const bool product_zero = x.is_zero() || y.is_zero();
    if (z.is_zero() && product_zero)
        return zero<F>(z.sign == product_sign ? z.sign : env.rounding == Rounding::minus_inf);
    return round_term<F>(product_zero ? widen<F>(z) : exact_product<F>(x, y), env);
}

/// (constant - a * b) / 2^halvings, fused; infinity * 0 counts as a zero product.
template <FloatFormat F>
Bits<F> step(Bits<F> a, Bits<F> b, Term<Product<F>> constant, i32 halvings, FpEnv& env)
{
    a = static_cast<Bits<F>>(a ^ Layout<F>::sign_mask); // NaNs too: the manual negates before it looks
    const Unpacked x = unpack<F>(a, env);
    const Unpacked y = unpack<F>(b, env);
    if (x.is_nan() || y.is_nan()) return process_nans<F>(env, a, x, b, y);
    Term<Product<F>> result = constant;
    if (!x.is_zero() && !y.is_zero()) {
        if (x.is_infinity() || y.is_infinity()) return infinity<F>(x.sign != y.sign);
        result = add_terms(constant, exact_product<F>(x, y));
    }
    result.exponent -= halvings;
    return round_term<F>(result, env);
}

} // namespace

template <FloatFormat F>
Bits<F> fma(Bits<F> addend, Bits<F> a, Bits<F> b, FpEnv& env)
{
    const Unpacked z = unpack<F>(addend, env);
    const Unpacked x = unpack<F>(a, env);
    const Unpacked y = unpack<F>(b, env);
    if (z.kind != Kind::finite || x.kind != Kind::finite || y.kind != Kind::finite) [[unlikely]]
        return fma_special<F>(addend, a, b, z, x, y, env);
    return round_term<F>(add_terms(widen<F>(z), exact_product<F>(x, y)), env);
}

template <FloatFormat F>
Bits<F> recip_step(Bits<F> a, Bits<F> b, FpEnv& env)
{
    constexpr unsigned top = 8 * sizeof(Product<F>) - 1;
    return step<F>(a, b, {static_cast<Product<F>>(Product<F>{1} << top), 1, false}, 0, env);
}

template <FloatFormat F>
Bits<F> rsqrt_step(Bits<F> a, Bits<F> b, FpEnv& env)
{
    constexpr unsigned top = 8 * sizeof(Product<F>) - 1;
    return step<F>(a, b, {static_cast<Product<F>>(Product<F>{3} << (top - 1)), 1, false}, 1, env);
}

#define GIMBAL_FP_INSTANTIATE(F)                                                                                       \
    template Bits<F> fma<F>(Bits<F>, Bits<F>, Bits<F>, FpEnv&);                                                        \
    template Bits<F> recip_step<F>(Bits<F>, Bits<F>, FpEnv&);                                                          \
    template Bits<F> rsqrt_step<F>(Bits<F>, Bits<F>, FpEnv&)

GIMBAL_FP_INSTANTIATE(F16);
GIMBAL_FP_INSTANTIATE(F32);
GIMBAL_FP_INSTANTIATE(F64);
#undef GIMBAL_FP_INSTANTIATE

} // namespace gimbal::fp
