// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <limits>

#include "engine/translator/fp/fp.hpp"

/// What the operations share: taking numbers apart, NaN rules, and the one place that rounds. Private to this folder.
namespace gimbal::fp::detail {

template <FloatFormat F>
struct Layout {
    static constexpr unsigned sign_position = F::exponent_bits + F::fraction_bits;
    static constexpr u64 exponent_max = low_mask(F::exponent_bits);
    static constexpr i32 bias = static_cast<i32>(exponent_max >> 1);
    static constexpr i32 min_exponent = 1 - bias; ///< of the smallest normal number
    static constexpr u64 fraction_mask = low_mask(F::fraction_bits);
    static constexpr u64 infinity = exponent_max << F::fraction_bits;
    static constexpr u64 sign_mask = bit(sign_position);
    static constexpr u64 quiet_bit = bit(F::fraction_bits - 1);
    static constexpr u64 default_nan = infinity | quiet_bit;
};

template <FloatFormat F>
constexpr Bits<F> pack(bool sign, u64 magnitude)
{
    return static_cast<Bits<F>>((u64{sign} << Layout<F>::sign_position) | magnitude);
}
template <FloatFormat F>
constexpr Bits<F> zero(bool sign)
{
    return pack<F>(sign, 0);
}
template <FloatFormat F>
constexpr Bits<F> infinity(bool sign)
{
    return pack<F>(sign, Layout<F>::infinity);
}
template <FloatFormat F>
constexpr Bits<F> default_nan()
{
    return pack<F>(false, Layout<F>::default_nan);
}

template <FloatFormat F>
constexpr Bits<F> invalid_result(FpEnv& env)
{
    env.raise(flag::invalid);
    return default_nan<F>();
}

enum class Kind : u8 { zero, finite, infinity, quiet_nan, signaling_nan };

/// A finite one is mantissa * 2^(exponent - 63), with bit 63 of the mantissa set. Other kinds use only `sign`.
struct Unpacked {
    u64 mantissa{};
    i32 exponent{};
    Kind kind{};
    bool sign{};

    constexpr bool is_zero() const { return kind == Kind::zero; }
    constexpr bool is_infinity() const { return kind == Kind::infinity; }
    constexpr bool is_nan() const { return kind >= Kind::quiet_nan; }
};

template <FloatFormat F>
constexpr bool flushes(const FpEnv& env)
{
    return std::same_as<F, F16> ? env.flush_half : env.flush_to_zero;
}

/// A non-zero fraction under a zero exponent field.
template <FloatFormat F>
constexpr Unpacked unpack_denormal(u64 fraction, bool sign)
{
    const int shift = std::countl_zero(fraction);
    return {fraction << shift, Layout<F>::min_exponent + 63 - static_cast<i32>(F::fraction_bits) - shift, Kind::finite,
            sign};
}

template <FloatFormat F>
constexpr Unpacked unpack_normal(u64 exponent, u64 fraction, bool sign)
{
    return {((u64{1} << F::fraction_bits) | fraction) << (63 - F::fraction_bits),
            static_cast<i32>(exponent) - Layout<F>::bias, Kind::finite, sign};
}

/// FPUnpackBase with the flush decision made by the caller.
template <FloatFormat F>
constexpr Unpacked unpack_with(Bits<F> value, bool flush, FpEnv& env)
{
    using L = Layout<F>;
    const u64 fraction = value & L::fraction_mask;
    const u64 exponent = bits(value, F::fraction_bits, F::exponent_bits);
    const bool sign = test_bit(value, L::sign_position);
    if (exponent - 1 < L::exponent_max - 1) [[likely]]
        return unpack_normal<F>(exponent, fraction, sign);
    if (exponent != 0) {
        if (fraction == 0) return {0, 0, Kind::infinity, sign};
        return {0, 0, (fraction & L::quiet_bit) != 0 ? Kind::quiet_nan : Kind::signaling_nan, sign};
    }
    if (fraction == 0) return {0, 0, Kind::zero, sign};
    if (flush) {
        if constexpr (!std::same_as<F, F16>) env.raise(flag::input_denormal);
        return {0, 0, Kind::zero, sign};
    }
    return unpack_denormal<F>(fraction, sign);
}

/// FPUnpack
template <FloatFormat F>
constexpr Unpacked unpack(Bits<F> value, FpEnv& env)
{
    return unpack_with<F>(value, flushes<F>(env), env);
}

/// FPProcessNaN; `value` is a NaN.
template <FloatFormat F>
constexpr Bits<F> process_nan(Bits<F> value, FpEnv& env)
{
    const u64 quiet = value | Layout<F>::quiet_bit;
    if (quiet != value) env.raise(flag::invalid);
    return env.default_nan ? default_nan<F>() : static_cast<Bits<F>>(quiet);
}

/// FPProcessNaNs and FPProcessNaNs3: the first signaling NaN wins, then the first quiet one. At least one is a NaN.
template <FloatFormat F, class... More>
constexpr Bits<F> process_nans(FpEnv& env, Bits<F> first, const Unpacked& first_parts, More... more)
{
    const auto pick = [&env](Kind kind, Bits<F>& result, const auto& self, Bits<F> value, const Unpacked& parts,
                             auto... rest) -> bool {
        if (parts.kind == kind) {
            result = process_nan<F>(value, env);
            return true;
        }
        if constexpr (sizeof...(rest) != 0) return self(kind, result, self, rest...);
        return false;
    };
    Bits<F> result{};
    if (!pick(Kind::signaling_nan, result, pick, first, first_parts, more...))
        pick(Kind::quiet_nan, result, pick, first, first_parts, more...);
    return result;
}

/// Shifts right by `count` (>= 0, any size); a lost one bit is kept as bit 0 so that rounding still sees it.
template <class T>
constexpr T shift_right_jam(T value, i32 count)
{
    constexpr i32 width = static_cast<i32>(8 * sizeof(T));
    if (count == 0) return value;
    if (count >= width) return value != 0 ? T{1} : T{0};
    const T lost = value << (width - count);
    return (value >> count) | static_cast<T>(lost != 0);
}

/// `remainder` is what lies below the result's last bit, scaled so that half of that bit is 2^63; it is not zero.
constexpr bool rounds_up(Rounding rounding, bool sign, bool last_bit, u64 remainder)
{
    constexpr u64 half = u64{1} << 63;
    switch (rounding) {
    case Rounding::nearest_even: return remainder > half || (remainder == half && last_bit);
    case Rounding::nearest_away: return remainder >= half;
    case Rounding::plus_inf: return !sign;
    case Rounding::minus_inf: return sign;
    case Rounding::zero:
    case Rounding::odd: return false;
    }
    return false;
}

constexpr bool overflows_to_infinity(Rounding rounding, bool sign)
{
    switch (rounding) {
    case Rounding::nearest_even:
    case Rounding::nearest_away: return true;
    case Rounding::plus_inf: return !sign;
    case Rounding::minus_inf: return sign;
    case Rounding::zero:
    case Rounding::odd: return false;
    }
    return false;
}

struct Rounded {
    u64 magnitude; ///< Exponent and fraction fields; runs on past the format's largest exponent.
    bool inexact;
};

/// Rounds mantissa * 2^(exponent - 63), bit 63 set and bit 0 sticky, to F as if its exponent had no upper limit.
template <FloatFormat F>
constexpr Rounded round_magnitude(bool sign, i32 exponent, u64 mantissa, Rounding rounding)
{
    using L = Layout<F>;
    constexpr unsigned dropped = 63 - F::fraction_bits;
    u64 base = 0;
    if (exponent >= L::min_exponent) [[likely]]
        base = static_cast<u64>(exponent - L::min_exponent) << F::fraction_bits; // the mantissa's top bit adds one
    else
        mantissa = shift_right_jam(mantissa, L::min_exponent - exponent);
    u64 magnitude = base + (mantissa >> dropped);
    const u64 remainder = mantissa << (64 - dropped);
    if (remainder == 0) return {magnitude, false};
    if (rounding == Rounding::odd)
        magnitude |= 1;
    else if (rounds_up(rounding, sign, (magnitude & 1) != 0, remainder))
        ++magnitude; // a carry out of the fraction is the next exponent
    return {magnitude, true};
}

/// FPRoundBase without the alternative half format; `flush` says whether a tiny result becomes zero.
template <FloatFormat F>
constexpr Bits<F> round_pack(bool sign, i32 exponent, u64 mantissa, Rounding rounding, bool flush, FpEnv& env)
{
    using L = Layout<F>;
    const bool tiny = exponent < L::min_exponent;
    if (tiny && flush) {
        env.raise(flag::underflow);
        return zero<F>(sign);
    }
    const Rounded rounded = round_magnitude<F>(sign, exponent, mantissa, rounding);
    if (rounded.magnitude >= L::infinity) [[unlikely]] {
        env.raise(flag::overflow | flag::inexact);
        return pack<F>(sign, overflows_to_infinity(rounding, sign) ? L::infinity : L::infinity - 1);
    }
    if (rounded.inexact) env.raise(tiny ? flag::underflow | flag::inexact : flag::inexact);
    return pack<F>(sign, rounded.magnitude);
}

/// FPRound
template <FloatFormat F>
constexpr Bits<F> round_pack(bool sign, i32 exponent, u64 mantissa, FpEnv& env)
{
    return round_pack<F>(sign, exponent, mantissa, env.rounding, flushes<F>(env), env);
}

/// A non-zero number of mixed scale: mantissa * 2^(exponent - (width of M - 1)), top bit set, bit 0 sticky.
template <class M>
struct Term {
    M mantissa{};
    i32 exponent{};
    bool sign{};
};

constexpr int leading_zeros(u64 value) { return std::countl_zero(value); }
constexpr int leading_zeros(u128 value)
{
    const u64 high = static_cast<u64>(value >> 64);
    return high != 0 ? std::countl_zero(high) : 64 + std::countl_zero(static_cast<u64>(value));
}

/// The exact sum, but for sticky bit 0. M needs three bits more than the operands use, else cancellation could meet
/// the sticky bit. An exact zero comes back with a zero mantissa.
template <class M>
constexpr Term<M> add_terms(Term<M> a, Term<M> b)
{
    if (a.exponent < b.exponent || (a.exponent == b.exponent && a.mantissa < b.mantissa)) {
        const Term<M> swap = a;
        a = b;
        b = swap;
    }
    const M large = a.mantissa >> 1; // room for the carry
    const M small = shift_right_jam<M>(b.mantissa, a.exponent - b.exponent + 1);
    const M sum = a.sign == b.sign ? large + small : large - small;
    if (sum == 0) return {};
    const int shift = leading_zeros(sum);
    return {sum << shift, a.exponent + 1 - shift, a.sign};
}

/// Rounds a sum of add_terms(); an exact zero is negative only when rounding towards minus infinity.
template <FloatFormat F, class M>
constexpr Bits<F> round_term(const Term<M>& term, FpEnv& env)
{
    if (term.mantissa == 0) return zero<F>(env.rounding == Rounding::minus_inf);
    u64 mantissa = 0;
    if constexpr (sizeof(M) == 16)
        mantissa = static_cast<u64>(term.mantissa >> 64) | static_cast<u64>(static_cast<u64>(term.mantissa) != 0);
    else
        mantissa = term.mantissa;
    return round_pack<F>(term.sign, term.exponent, mantissa, env);
}

} // namespace gimbal::fp::detail
