// SPDX-License-Identifier: Apache-2.0
//
// Floating-point IR operations by themselves: what their parameters mean, and which combinations there are.
#include <gtest/gtest.h>

#include <memory>
#include <utility>

#include "engine/translator/fp/fp.hpp"
#include "engine/translator/ir/fp_immediate.hpp"
#include "engine/translator/vector/scalar_fp.hpp"
#include "engine/translator/vector/vector.hpp"

namespace gimbal::translator::vector::test {
namespace {

using ir::FpConversion;
using ir::FpOp;
using ir::FpRounding;
using ir::Type;
using ir::VecOp;

constexpr u64 f64_one = 0x3FF0'0000'0000'0000;
constexpr u64 f64_two = 0x4000'0000'0000'0000;
constexpr u64 f64_sign = 0x8000'0000'0000'0000;
constexpr u64 f64_infinity = 0x7FF0'0000'0000'0000;
constexpr u64 f64_quiet_nan = 0x7FF8'0000'0000'0000;
constexpr u32 f32_one = 0x3F80'0000;
constexpr u32 f32_max = 0x7F7F'FFFF;
constexpr u32 f32_signaling_nan = 0x7F80'0001;

class FpOperations : public testing::Test {
protected:
    struct Call {
        FpOp op;
        unsigned source_bits;
        Type result;
        u64 imm{};
    };

    u64 scalar(const Call& call, u64 a, u64 b = 0, u64 c = 0)
    {
        const FpFn function = fp_function(call.op, call.source_bits, call.result);
        EXPECT_NE(function, nullptr) << name(call.op);
        return function == nullptr ? 0 : function(*state_, a, b, c, call.imm);
    }

    V128 vector(VecOp op, unsigned element_bits, unsigned bytes, V128 a, V128 b = {}, u64 imm = 0)
    {
        const VecFn function = vector::function(op, element_bits, bytes);
        EXPECT_NE(function, nullptr) << name(op);
        V128 d{~u64{0}, ~u64{0}};
        if (function != nullptr) function(*state_, &d, &a, &b, &d, imm);
        return d;
    }

    /// The flags raised since the last call.
    u32 flags() { return std::exchange(state_->fp.flags, 0); }

    std::unique_ptr<CpuState> state_ = std::make_unique<CpuState>();
};

TEST_F(FpOperations, ComparisonGivesTheFlagsOfTheManual)
{
    const Call quiet{FpOp::compare, 64, Type::nzcv};
    const Call signaling{FpOp::compare_signaling, 64, Type::nzcv};
    EXPECT_EQ(scalar(quiet, f64_one, f64_two), 0x8000'0000U);
    EXPECT_EQ(scalar(quiet, f64_sign, 0), 0x6000'0000U);
    EXPECT_EQ(scalar(quiet, f64_two, f64_one), 0x2000'0000U);
    EXPECT_EQ(scalar(quiet, f64_quiet_nan, f64_one), 0x3000'0000U);
    EXPECT_EQ(flags(), 0U);
    EXPECT_EQ(scalar(signaling, f64_quiet_nan, f64_one), 0x3000'0000U);
    EXPECT_EQ(flags(), fp::flag::invalid);
}

TEST_F(FpOperations, ArgumentsAboveTheirWidthAreIgnoredAndResultsZeroExtended)
{
    const u64 garbage = u64{0xDEAD'BEEF} << 32;
    EXPECT_EQ(scalar({FpOp::neg, 32, Type::f32}, garbage | f32_one), 0xBF80'0000U);
    EXPECT_EQ(scalar({FpOp::from_int_s, 32, Type::f64}, garbage | 0xFFFF'FFFF), f64_sign | f64_one);
    EXPECT_EQ(scalar({FpOp::from_int_u, 32, Type::f16}, garbage | 1), 0x3C00U);
    EXPECT_EQ(scalar({FpOp::to_int_s, 64, Type::i32}, f64_sign | f64_two), 0xFFFF'FFFEU);
}

TEST_F(FpOperations, FusedFormsNegateWhatTheyName)
{
    const auto of = [this](FpOp op) { return scalar({op, 64, Type::f64}, f64_two, f64_two, f64_one); };
    EXPECT_EQ(of(FpOp::fma), 0x4014'0000'0000'0000U);            // 1 + 4
    EXPECT_EQ(of(FpOp::fms), f64_sign | 0x4008'0000'0000'0000U); // 1 - 4
    EXPECT_EQ(of(FpOp::fnma), f64_sign | 0x4014'0000'0000'0000U);
    EXPECT_EQ(of(FpOp::fnms), 0x4008'0000'0000'0000U);
    EXPECT_EQ(scalar({FpOp::mul_neg, 64, Type::f64}, f64_quiet_nan, f64_one), f64_sign | f64_quiet_nan);
}

TEST_F(FpOperations, RoundingIsTheImmediatesOrTheControlRegisters)
{
    constexpr u64 two_and_a_half = 0x4004'0000'0000'0000;
    const auto rounded = [&](FpRounding rounding, bool exact = false) {
        const FpConversion conversion{.rounding = rounding, .exact = exact};
        return scalar({FpOp::round_to_int, 64, Type::f64, conversion.pack()}, two_and_a_half);
    };
    constexpr u64 three = 0x4008'0000'0000'0000;
    EXPECT_EQ(rounded(FpRounding::nearest_even), f64_two);
    EXPECT_EQ(rounded(FpRounding::nearest_away), three);
    EXPECT_EQ(rounded(FpRounding::current), f64_two);
    state_->fp.rounding = fp::Rounding::plus_inf;
    EXPECT_EQ(rounded(FpRounding::current), three);
    EXPECT_EQ(rounded(FpRounding::zero), f64_two);
    EXPECT_EQ(flags(), 0U);
    EXPECT_EQ(rounded(FpRounding::current, true), three);
    EXPECT_EQ(flags(), fp::flag::inexact);
}

TEST_F(FpOperations, FractionBitsScale)
{
    const u64 imm = FpConversion{.rounding = FpRounding::zero, .fraction_bits = 32}.pack();
    EXPECT_EQ(scalar({FpOp::to_int_u, 64, Type::i64, imm}, f64_one), u64{1} << 32);
    EXPECT_EQ(scalar({FpOp::from_int_u, 64, Type::f32, imm}, u64{1} << 32), f32_one);
    EXPECT_EQ(vector(VecOp::fp_to_int_s, 64, 16, {f64_one, f64_sign | f64_one}, {}, imm).hi, ~u64{0} << 32);
}

TEST_F(FpOperations, JavascriptConversionWrapsAround)
{
    const auto wrapped = [this](u64 a) { return scalar({FpOp::to_int_modulo, 64, Type::i32}, a); };
    const auto exact = [this](u64 a) { return scalar({FpOp::to_int_is_exact, 64, Type::nzcv}, a); };
    constexpr u64 equal = 0x4000'0000;
    EXPECT_EQ(wrapped(f64_two), 2U);
    EXPECT_EQ(exact(f64_two), equal);
    EXPECT_EQ(exact(0), equal);
    EXPECT_EQ(flags(), 0U);
    EXPECT_EQ(exact(f64_sign), 0U); // -0 is not 0
    EXPECT_EQ(flags(), 0U);
    EXPECT_EQ(wrapped(0x41F0'0000'0010'0000), 1U); // 2^32 + 1
    EXPECT_EQ(flags(), fp::flag::invalid);
    EXPECT_EQ(exact(0x41F0'0000'0010'0000), 0U);
    EXPECT_EQ(flags(), fp::flag::invalid);
    EXPECT_EQ(wrapped(0xC1E0'0000'0000'0000), 0x8000'0000U); // -2^31
    EXPECT_EQ(exact(0xC1E0'0000'0000'0000), equal);
    EXPECT_EQ(wrapped(0xC1E0'0000'0020'0000), 0x7FFF'FFFFU);      // -2^31 - 1
    EXPECT_EQ(wrapped(0x4340'0000'0000'0001), 2U);                // 2^53 + 2
    EXPECT_EQ(wrapped(0x4530'0000'0000'0001), 0x8000'0000U * 0U); // 2^84 + 2^32
    EXPECT_EQ(wrapped(f64_infinity), 0U);
    EXPECT_EQ(wrapped(f64_quiet_nan), 0U);
    EXPECT_EQ(flags(), fp::flag::invalid);
    EXPECT_EQ(wrapped(0x3FF8'0000'0000'0000), 1U); // 1.5
    EXPECT_EQ(flags(), fp::flag::inexact);
    state_->fp.flush_to_zero = true;
    EXPECT_EQ(exact(1), 0U); // a denormal is lost
    EXPECT_EQ(flags(), fp::flag::input_denormal);
}

TEST_F(FpOperations, ShortVectorsDoNotLookAtWhatLiesAbove)
{
    const V128 a{f32_one | u64{f32_one} << 32, f32_signaling_nan};
    const V128 sum = vector(VecOp::fp_add, 32, 8, a, a);
    EXPECT_EQ(sum.lo, 0x4000'0000'4000'0000U);
    EXPECT_EQ(sum.hi, 0U);
    EXPECT_EQ(flags(), 0U);
    const V128 b{f32_one | u64{f32_signaling_nan} << 32, 0};
    EXPECT_EQ(vector(VecOp::fp_add, 32, 4, b, b).lo, 0x4000'0000U);
    EXPECT_EQ(flags(), 0U);
    vector(VecOp::fp_add, 32, 16, a, a);
    EXPECT_EQ(flags(), fp::flag::invalid);
}

TEST_F(FpOperations, ResultsMayAliasArguments)
{
    const VecFn pairwise = vector::function(VecOp::fp_add_pairwise, 64, 16);
    V128 a{f64_one, f64_one};
    pairwise(*state_, &a, &a, &a, nullptr, 0);
    EXPECT_EQ(a.lo, f64_two);
    EXPECT_EQ(a.hi, f64_two);
    V128 c{f64_two, f64_one};
    vector::function(VecOp::fp_fma, 64, 16)(*state_, &c, &c, &c, &c, 0);
    EXPECT_EQ(c.lo, 0x4018'0000'0000'0000U); // 2 + 2 * 2
    EXPECT_EQ(c.hi, f64_two);
}

TEST_F(FpOperations, NarrowingRoundsToOddOnDemand)
{
    const u64 odd = FpConversion{.rounding = FpRounding::odd}.pack();
    constexpr u64 above_one = f64_one | 1;
    EXPECT_EQ(vector(VecOp::fp_narrow, 32, 8, {above_one, f64_two}, {}, odd).lo, 0x4000'0000'3F80'0001U);
    EXPECT_EQ(vector(VecOp::fp_narrow, 32, 4, {above_one, f64_two}, {}, odd).lo, 0x3F80'0001U);
    EXPECT_EQ(vector(VecOp::fp_narrow, 32, 8, {f64_infinity - 1, 0}, {}, odd).lo, f32_max);
    EXPECT_EQ(vector(VecOp::fp_narrow, 32, 8, {above_one, f64_two}, {}, FpConversion{}.pack()).lo,
              0x4000'0000'3F80'0000U);
}

TEST_F(FpOperations, WideningTakesEitherHalf)
{
    const V128 a{0x3C00, 0x4000};
    EXPECT_EQ(vector(VecOp::fp_widen, 16, 16, a, {}, 0).lo, f32_one);
    EXPECT_EQ(vector(VecOp::fp_widen, 16, 16, a, {}, 1).lo, 0x4000'0000U);
}

TEST_F(FpOperations, WhatIsNotDefinedHasNoFunction)
{
    EXPECT_EQ(fp_function(FpOp::add, 32, Type::f64), nullptr);
    EXPECT_EQ(fp_function(FpOp::add, 8, Type::f16), nullptr);
    EXPECT_EQ(fp_function(FpOp::add, 32, Type::v128), nullptr);
    EXPECT_EQ(fp_function(FpOp::convert, 32, Type::f32), nullptr);
    EXPECT_EQ(fp_function(FpOp::from_int_s, 16, Type::f16), nullptr);
    EXPECT_EQ(fp_function(FpOp::to_int_modulo, 32, Type::i32), nullptr);
    EXPECT_EQ(vector::function(VecOp::fp_add, 8, 16), nullptr);
    EXPECT_EQ(vector::function(VecOp::fp_add_across, 64, 8), nullptr);
    EXPECT_EQ(vector::function(VecOp::fp_widen, 64, 16), nullptr);
    EXPECT_EQ(vector::function(VecOp::fixed_recip_estimate, 64, 16), nullptr);
}

} // namespace
} // namespace gimbal::translator::vector::test
