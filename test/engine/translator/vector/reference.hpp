// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <random>

#include "base/bits.hpp"
#include "engine/translator/vector/vector.hpp"

// Element access by shifting one 128-bit number, unlike the code under test, and arithmetic in numbers that never
// overflow.

namespace gimbal::translator::vector::test {

inline u128 number(const V128& v) { return u128{v.hi} << 64 | v.lo; }
inline V128 vector_of(u128 n) { return {static_cast<u64>(n), static_cast<u64>(n >> 64)}; }

inline u64 element(const V128& v, unsigned bits, unsigned index)
{
    return static_cast<u64>(number(v) >> (bits * index)) & low_mask(bits);
}

inline void set_element(V128& v, unsigned bits, unsigned index, u64 value)
{
    const unsigned at = bits * index;
    v = vector_of((number(v) & ~(u128{low_mask(bits)} << at)) | u128{value & low_mask(bits)} << at);
}

/// The element's value as a number, by its signedness.
inline i128 value_of(u64 raw, unsigned bits, bool is_signed)
{
    return is_signed ? i128{sign_extend(raw, bits)} : i128{raw};
}

/// How a result that is too large is cut down.
enum class Fit : u8 { modulo, saturate_s, saturate_u };

inline u64 fit(i128 exact, unsigned bits, Fit how, bool& saturated)
{
    const i128 one = 1;
    i128 low = how == Fit::saturate_s ? -(one << (bits - 1)) : 0;
    i128 high = how == Fit::saturate_s ? (one << (bits - 1)) - 1 : (one << bits) - 1;
    if (how != Fit::modulo && (exact < low || exact > high)) {
        saturated = true;
        exact = exact < low ? low : high;
    }
    return static_cast<u64>(static_cast<u128>(exact)) & low_mask(bits);
}

/// Every element an extreme, small or arbitrary number.
class Operands {
public:
    u64 next() { return random_(); }

    V128 vector()
    {
        V128 v{next(), next()};
        const unsigned bits = 8U << (next() % 4);
        const unsigned kind = static_cast<unsigned>(next() % 4);
        for (unsigned i = 0; kind != 0 && i < 128 / bits; ++i) set_element(v, bits, i, special(bits, kind));
        return v;
    }

private:
    u64 special(unsigned bits, unsigned kind)
    {
        const u64 sign = u64{1} << (bits - 1);
        const u64 extremes[] = {0, 1, sign, sign - 1, sign + 1, ~u64{0}, ~u64{0} - 1, sign >> 1};
        if (kind == 1) return extremes[next() % std::size(extremes)];
        return kind == 2 ? next() % (4 * bits) - 2 * bits : next() >> (next() % 64);
    }

    std::mt19937_64 random_{20240229};
};

/// The result and whether QC was set. It must not matter what `d` was or whether it is also an argument.
struct Outcome {
    V128 d;
    bool saturated;
};

inline Outcome run(ir::VecOp op, unsigned bits, unsigned bytes, const V128& a, const V128& b, const V128& c, u64 imm)
{
    static const auto state = std::make_unique<CpuState>();
    const VecFn function = vector::function(op, bits, bytes);
    if (function == nullptr) {
        ADD_FAILURE() << name(op) << " " << bits << " " << bytes << " is not defined";
        return {};
    }
    state->fp_saturated = 0;
    V128 result{~u64{0}, ~u64{0}};
    function(*state, &result, &a, &b, &c, imm);
    const bool saturated = state->fp_saturated != 0;
    for (unsigned i = 0; i < argument_count(op); ++i) {
        V128 arguments[] = {a, b, c};
        function(*state, &arguments[i], &arguments[0], &arguments[1], &arguments[2], imm);
        EXPECT_EQ(number(arguments[i]) == number(result), true) << name(op) << ": d is argument " << i;
    }
    EXPECT_EQ(state->fp_saturated != 0, saturated) << name(op) << ": QC is sticky";
    return {result, saturated};
}

/// Reports both values as they are written in the manual.
inline void expect(const Outcome& got, const V128& want, bool saturated, ir::VecOp op, unsigned bits, unsigned bytes,
                   u64 imm)
{
    EXPECT_TRUE(got.d.hi == want.hi && got.d.lo == want.lo)
        << name(op) << " of " << bits << " bits, " << bytes << " bytes, imm " << imm << std::hex << ": " << got.d.hi
        << ":" << got.d.lo << " is not " << want.hi << ":" << want.lo;
    EXPECT_EQ(got.saturated, saturated) << name(op) << " of " << bits << " bits, " << bytes << " bytes, imm " << imm;
}

inline constexpr unsigned rounds = 200;

} // namespace gimbal::translator::vector::test
