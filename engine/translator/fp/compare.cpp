// SPDX-License-Identifier: Apache-2.0
#include "engine/translator/fp/detail.hpp"

namespace gimbal::fp {

using namespace detail;

namespace {

/// Orders numbers as integers do; both zeros, and what was flushed to one, are 0.
template <FloatFormat F>
i64 sort_key(Bits<F> value, const Unpacked& parts)
{
    if (parts.is_zero()) return 0;
    const i64 magnitude = static_cast<i64>(value & ~Layout<F>::sign_mask);
    return parts.sign ? -magnitude : magnitude;
}

template <FloatFormat F, bool want_max>
Bits<F> extremum(Bits<F> a, Bits<F> b, FpEnv& env)
{
    const Unpacked x = unpack<F>(a, env);
    const Unpacked y = unpack<F>(b, env);
    if (x.is_nan() || y.is_nan()) return process_nans<F>(env, a, x, b, y);
    const i64 left = sort_key<F>(a, x);
    const i64 right = sort_key<F>(b, y);
    const bool take_left = want_max ? left > right : left < right;
    if ((take_left ? left : right) != 0) return take_left ? a : b;
    if (left != right) return zero<F>(take_left ? x.sign : y.sign);
    return zero<F>(want_max ? x.sign && y.sign : x.sign || y.sign);
}

/// A quiet NaN beside a number, or beside a signaling NaN, turns into the infinity that never wins.
template <FloatFormat F, bool want_max>
Bits<F> extremum_number(Bits<F> a, Bits<F> b, FpEnv& env)
{
    const bool a_quiet = unpack<F>(a, env).kind == Kind::quiet_nan;
    const bool b_quiet = unpack<F>(b, env).kind == Kind::quiet_nan;
    if (a_quiet && !b_quiet) a = infinity<F>(want_max);
    if (b_quiet && !a_quiet) b = infinity<F>(want_max);
    return extremum<F, want_max>(a, b, env);
}

} // namespace

template <FloatFormat F>
Bits<F> min(Bits<F> a, Bits<F> b, FpEnv& env)
{
    return extremum<F, false>(a, b, env);
}

template <FloatFormat F>
Bits<F> max(Bits<F> a, Bits<F> b, FpEnv& env)
{
    return extremum<F, true>(a, b, env);
}

template <FloatFormat F>
Bits<F> minnm(Bits<F> a, Bits<F> b, FpEnv& env)
{
    return extremum_number<F, false>(a, b, env);
}

template <FloatFormat F>
Bits<F> maxnm(Bits<F> a, Bits<F> b, FpEnv& env)
{
    return extremum_number<F, true>(a, b, env);
}

template <FloatFormat F>
Order compare(Bits<F> a, Bits<F> b, NanCompare nans, FpEnv& env)
{
    const Unpacked x = unpack<F>(a, env);
    const Unpacked y = unpack<F>(b, env);
    if (x.is_nan() || y.is_nan()) [[unlikely]] {
        if (nans == NanCompare::signaling || x.kind == Kind::signaling_nan || y.kind == Kind::signaling_nan)
            env.raise(flag::invalid);
        return Order::unordered;
    }
    const i64 left = sort_key<F>(a, x);
    const i64 right = sort_key<F>(b, y);
    if (left == right) return Order::equal;
    return left < right ? Order::less : Order::greater;
}

#define GIMBAL_FP_INSTANTIATE(F)                                                                                       \
    template Bits<F> min<F>(Bits<F>, Bits<F>, FpEnv&);                                                                 \
    template Bits<F> max<F>(Bits<F>, Bits<F>, FpEnv&);                                                                 \
    template Bits<F> minnm<F>(Bits<F>, Bits<F>, FpEnv&);                                                               \
    template Bits<F> maxnm<F>(Bits<F>, Bits<F>, FpEnv&);                                                               \
    template Order compare<F>(Bits<F>, Bits<F>, NanCompare, FpEnv&)

GIMBAL_FP_INSTANTIATE(F16);
GIMBAL_FP_INSTANTIATE(F32);
GIMBAL_FP_INSTANTIATE(F64);
#undef GIMBAL_FP_INSTANTIATE

} // namespace gimbal::fp
