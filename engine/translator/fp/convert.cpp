// SPDX-License-Identifier: Apache-2.0
#include "engine/translator/fp/detail.hpp"

namespace gimbal::fp {

using namespace detail;

namespace {

struct Integral {
    u64 magnitude;
    bool inexact;
};

/// Rounds a finite number below 2^64 in magnitude to an integer.
Integral round_to_integral(const Unpacked& x, Rounding rounding)
{
    const u64 whole = x.exponent < 0 ? 0 : x.mantissa >> (63 - x.exponent);
    const u64 remainder = x.exponent < 0     ? shift_right_jam(x.mantissa, -1 - x.exponent)
                          : x.exponent == 63 ? 0
                                             : x.mantissa << (x.exponent + 1);
    if (remainder == 0) return {whole, false};
    if (rounding == Rounding::odd) return {whole | 1, true};
    // With a remainder, whole is below 2^63.
    return {whole + static_cast<u64>(rounds_up(rounding, x.sign, (whole & 1) != 0, remainder)), true};
}

u64 saturated(bool negative, const IntFormat& to)
{
    if (!to.is_signed) return negative ? 0 : low_mask(to.width);
    return negative ? bit(to.width - 1u) : low_mask(to.width - 1u);
}

/// FPRoundCV to f16 under FPCR.AHP: one more exponent, and overflow is invalid rather than infinite.
Bits<F16> round_alternative_half(bool sign, i32 exponent, u64 mantissa, Rounding rounding, FpEnv& env)
{
    constexpr u64 limit = u64{1} << Layout<F16>::sign_position;
    const Rounded rounded = round_magnitude<F16>(sign, exponent, mantissa, rounding);
    if (rounded.magnitude >= limit) {
        env.raise(flag::invalid);
        return pack<F16>(sign, limit - 1);
    }
    if (rounded.inexact)
        env.raise(exponent < Layout<F16>::min_exponent ? flag::underflow | flag::inexact : flag::inexact);
    return pack<F16>(sign, rounded.magnitude);
}

/// FPUnpackCV: f16 is never flushed, and under FPCR.AHP its largest exponent is an ordinary one.
template <FloatFormat F>
Unpacked unpack_for_convert(Bits<F> value, FpEnv& env)
{
    if constexpr (std::same_as<F, F16>) {
        if (env.alternative_half && (value & Layout<F16>::infinity) == Layout<F16>::infinity)
            return unpack_normal<F16>(Layout<F16>::exponent_max, value & Layout<F16>::fraction_mask,
                                      test_bit(value, Layout<F16>::sign_position));
        return unpack_with<F16>(value, false, env);
    } else {
        return unpack<F>(value, env);
    }
}

/// FPConvertNaN: the payload's leading bits stay leading.
template <FloatFormat To, FloatFormat From>
Bits<To> convert_nan(Bits<From> value, bool sign)
{
    constexpr unsigned unused = 64 - From::fraction_bits;
    const u64 payload = (u64{value} << unused) >> (64 - To::fraction_bits);
    return pack<To>(sign, Layout<To>::default_nan | payload);
}

template <FloatFormat To, FloatFormat From>
Bits<To> convert_special(Bits<From> value, const Unpacked& x, FpEnv& env)
{
    const bool alternative = std::same_as<To, F16> && env.alternative_half;
    if (x.is_zero()) return zero<To>(x.sign);
    if (x.is_infinity()) {
        if (!alternative) return infinity<To>(x.sign);
        env.raise(flag::invalid);
        return pack<To>(x.sign, Layout<To>::sign_mask - 1);
    }
    if (alternative || x.kind == Kind::signaling_nan) env.raise(flag::invalid);
    if (alternative) return zero<To>(x.sign);
    return env.default_nan ? default_nan<To>() : convert_nan<To, From>(value, x.sign);
}

} // namespace

template <FloatFormat F>
u64 to_int(Bits<F> a, IntFormat to, Rounding rounding, FpEnv& env)
{
    Unpacked x = unpack<F>(a, env);
    if (x.is_zero()) return 0;
    if (x.is_nan()) {
        env.raise(flag::invalid);
        return 0;
    }
    x.exponent += to.fraction_bits;
    if (x.is_infinity() || x.exponent > 63) {
        env.raise(flag::invalid);
        return saturated(x.sign, to);
    }
    const Integral integral = round_to_integral(x, rounding);
    const u64 limit = to.is_signed ? low_mask(to.width - 1u) + u64{x.sign} : x.sign ? 0 : low_mask(to.width);
    if (integral.magnitude > limit) {
        env.raise(flag::invalid);
        return saturated(x.sign, to);
    }
    if (integral.inexact) env.raise(flag::inexact);
    return (x.sign ? ~integral.magnitude + 1 : integral.magnitude) & low_mask(to.width);
}

template <FloatFormat F>
Bits<F> from_int(u64 value, IntFormat from, FpEnv& env)
{
    if (value == 0) return zero<F>(false);
    const bool sign = from.is_signed && test_bit(value, 63);
    const u64 magnitude = sign ? ~value + 1 : value;
    const int shift = std::countl_zero(magnitude);
    return round_pack<F>(sign, 63 - shift - from.fraction_bits, magnitude << shift, env);
}

template <FloatFormat F>
Bits<F> round_to_int(Bits<F> a, Rounding rounding, Exact exact, FpEnv& env)
{
    const Unpacked x = unpack<F>(a, env);
    if (x.is_nan()) return process_nan<F>(a, env);
    if (x.is_zero()) return zero<F>(x.sign);
    if (x.is_infinity() || x.exponent >= static_cast<i32>(F::fraction_bits)) return a;
    const Integral integral = round_to_integral(x, rounding);
    if (integral.inexact && exact == Exact::reported) env.raise(flag::inexact);
    if (integral.magnitude == 0) return zero<F>(x.sign);
    const int shift = std::countl_zero(integral.magnitude);
    return round_pack<F>(x.sign, 63 - shift, integral.magnitude << shift, env);
}

template <FloatFormat To, FloatFormat From>
Bits<To> convert(Bits<From> a, Rounding rounding, FpEnv& env)
{
    const Unpacked x = unpack_for_convert<From>(a, env);
    if (x.kind != Kind::finite) return convert_special<To, From>(a, x, env);
    if constexpr (std::same_as<To, F16>) {
        if (env.alternative_half) return round_alternative_half(x.sign, x.exponent, x.mantissa, rounding, env);
        return round_pack<F16>(x.sign, x.exponent, x.mantissa, rounding, false, env); // FZ16 has no say here
    } else {
        return round_pack<To>(x.sign, x.exponent, x.mantissa, rounding, env.flush_to_zero, env);
    }
}

#define GIMBAL_FP_INSTANTIATE(F)                                                                                       \
    template u64 to_int<F>(Bits<F>, IntFormat, Rounding, FpEnv&);                                                      \
    template Bits<F> from_int<F>(u64, IntFormat, FpEnv&);                                                              \
    template Bits<F> round_to_int<F>(Bits<F>, Rounding, Exact, FpEnv&)

GIMBAL_FP_INSTANTIATE(F16);
GIMBAL_FP_INSTANTIATE(F32);
GIMBAL_FP_INSTANTIATE(F64);
#undef GIMBAL_FP_INSTANTIATE

template Bits<F16> convert<F16, F32>(Bits<F32>, Rounding, FpEnv&);
template Bits<F16> convert<F16, F64>(Bits<F64>, Rounding, FpEnv&);
template Bits<F32> convert<F32, F16>(Bits<F16>, Rounding, FpEnv&);
template Bits<F32> convert<F32, F64>(Bits<F64>, Rounding, FpEnv&);
template Bits<F64> convert<F64, F16>(Bits<F16>, Rounding, FpEnv&);
template Bits<F64> convert<F64, F32>(Bits<F32>, Rounding, FpEnv&);

} // namespace gimbal::fp
