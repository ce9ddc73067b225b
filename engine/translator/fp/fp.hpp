// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>

#include "base/bits.hpp"

/// Exact guest floating point in integer code: every result bit and status flag follows the Arm ARM (DDI 0487,
/// "Shared pseudocode", floating point) whatever the host's FPU does. FEAT_AFP and FEAT_EBF16 are not modelled.
namespace gimbal::fp {

/// The first four have the encoding of FPCR.RMode.
enum class Rounding : u8 { nearest_even, plus_inf, minus_inf, zero, nearest_away, odd };

/// How NaN operands choose the result; both share quieting, priority and the positive default NaN.
enum class NanRule : u8 {
    arm,       ///< fma: infinity * 0 + quiet NaN is the default NaN.
    loongarch, ///< fma: infinity * 0 + quiet NaN keeps the addend's payload.
};

/// Status flags at their places in FPSR.
namespace flag {
inline constexpr u32 invalid = u32{1} << 0;        ///< IOC
inline constexpr u32 divide_by_zero = u32{1} << 1; ///< DZC
inline constexpr u32 overflow = u32{1} << 2;       ///< OFC
inline constexpr u32 underflow = u32{1} << 3;      ///< UFC: tiny before rounding and inexact, or flushed to zero
inline constexpr u32 inexact = u32{1} << 4;        ///< IXC
inline constexpr u32 input_denormal = u32{1} << 7; ///< IDC: an f32 or f64 operand was flushed to zero
} // namespace flag

/// One guest's control bits, and the flags that operations add to; nothing here ever clears a flag.
struct FpEnv {
    Rounding rounding{Rounding::nearest_even};
    bool flush_to_zero{};    ///< FPCR.FZ: f32 and f64 operands and results
    bool flush_half{};       ///< FPCR.FZ16: f16 operands and results, except in conversions between formats
    bool default_nan{};      ///< FPCR.DN
    bool alternative_half{}; ///< FPCR.AHP: in conversions, f16 has neither infinities nor NaNs
    NanRule nan_rule{NanRule::arm};
    u32 flags{};

    constexpr void raise(u32 which) { flags |= which; }
};

struct F16 {
    using Bits = u16;
    static constexpr unsigned exponent_bits = 5;
    static constexpr unsigned fraction_bits = 10;
};
struct F32 {
    using Bits = u32;
    static constexpr unsigned exponent_bits = 8;
    static constexpr unsigned fraction_bits = 23;
};
struct F64 {
    using Bits = u64;
    static constexpr unsigned exponent_bits = 11;
    static constexpr unsigned fraction_bits = 52;
};

template <class F>
concept FloatFormat = std::same_as<F, F16> || std::same_as<F, F32> || std::same_as<F, F64>;

/// Raw IEEE 754 bits of format F.
template <FloatFormat F>
using Bits = typename F::Bits;

template <FloatFormat F> Bits<F> add(Bits<F> a, Bits<F> b, FpEnv& env);  ///< FPAdd
template <FloatFormat F> Bits<F> sub(Bits<F> a, Bits<F> b, FpEnv& env);  ///< FPSub
template <FloatFormat F> Bits<F> mul(Bits<F> a, Bits<F> b, FpEnv& env);  ///< FPMul
template <FloatFormat F> Bits<F> mulx(Bits<F> a, Bits<F> b, FpEnv& env); ///< FPMulX: infinity * 0 is 2 with their sign
template <FloatFormat F> Bits<F> div(Bits<F> a, Bits<F> b, FpEnv& env);  ///< FPDiv
template <FloatFormat F> Bits<F> sqrt(Bits<F> a, FpEnv& env);            ///< FPSqrt

/// FPMulAdd: addend + a * b, rounded once. The addend comes first, as it does in NaN priority.
template <FloatFormat F> Bits<F> fma(Bits<F> addend, Bits<F> a, Bits<F> b, FpEnv& env);
template <FloatFormat F> Bits<F> recip_step(Bits<F> a, Bits<F> b, FpEnv& env); ///< FPRecipStepFused: 2 - a * b
template <FloatFormat F> Bits<F> rsqrt_step(Bits<F> a, Bits<F> b, FpEnv& env); ///< FPRSqrtStepFused: (3 - a * b) / 2

template <FloatFormat F> Bits<F> min(Bits<F> a, Bits<F> b, FpEnv& env);   ///< FPMin
template <FloatFormat F> Bits<F> max(Bits<F> a, Bits<F> b, FpEnv& env);   ///< FPMax
template <FloatFormat F> Bits<F> minnm(Bits<F> a, Bits<F> b, FpEnv& env); ///< FPMinNum: a lone quiet NaN loses
template <FloatFormat F> Bits<F> maxnm(Bits<F> a, Bits<F> b, FpEnv& env); ///< FPMaxNum

enum class Order : u8 { less, equal, greater, unordered };
enum class NanCompare : u8 {
    quiet,     ///< FCMP, FCMEQ: only a signaling NaN is invalid.
    signaling, ///< FCMPE, FCMGE, FCMGT: any NaN is invalid.
};
template <FloatFormat F> Order compare(Bits<F> a, Bits<F> b, NanCompare nans, FpEnv& env);

/// An integer or fixed-point type.
struct IntFormat {
    u8 width{64}; ///< 16, 32 or 64 bits
    bool is_signed{};
    u8 fraction_bits{}; ///< 0..width; the value is the integer / 2^fraction_bits
};

/// FPToFixed. Out of range saturates and is invalid, a NaN gives 0 and is invalid. Zero-extended from `to.width`.
template <FloatFormat F> u64 to_int(Bits<F> a, IntFormat to, Rounding rounding, FpEnv& env);

/// FixedToFP of all 64 bits of `value` (the caller extends narrower sources by their sign); `from.width` is ignored.
template <FloatFormat F> Bits<F> from_int(u64 value, IntFormat from, FpEnv& env);

/// Whether rounding to an integral value reports inexact (FRINTX) or not (the other FRINT forms).
enum class Exact : bool { ignored, reported };
template <FloatFormat F> Bits<F> round_to_int(Bits<F> a, Rounding rounding, Exact exact, FpEnv& env); ///< FPRoundInt

/// FPConvert. FCVT passes env.rounding, FCVTXN passes Rounding::odd.
template <FloatFormat To, FloatFormat From> Bits<To> convert(Bits<From> a, Rounding rounding, FpEnv& env);

template <FloatFormat F> Bits<F> recip_estimate(Bits<F> a, FpEnv& env); ///< FPRecipEstimate (FRECPE), 8 bits
template <FloatFormat F> Bits<F> rsqrt_estimate(Bits<F> a, FpEnv& env); ///< FPRSqrtEstimate (FRSQRTE), 8 bits
template <FloatFormat F> Bits<F> recip_exponent(Bits<F> a, FpEnv& env); ///< FPRecpX (FRECPX)

u32 unsigned_recip_estimate(u32 a); ///< UnsignedRecipEstimate (URECPE)
u32 unsigned_rsqrt_estimate(u32 a); ///< UnsignedRSqrtEstimate (URSQRTE)

} // namespace gimbal::fp
