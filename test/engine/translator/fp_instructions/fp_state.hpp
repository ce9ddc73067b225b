// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/bits.hpp"
#include "test/engine/translator/vectors/random.hpp"

namespace gimbal::translator::aarch64::test {

/// What a floating-point vector starts from and is judged by. C layout: fp_reference.cpp's assembly knows it.
struct FpState {
    u64 v[32][2]{};
    u64 x[16]{};
    u64 nzcv{};
    u64 fpcr{};
    u64 fpsr{};
};

/// Which formats the registers of an initial state hold: the low two bits of its seed.
enum class FpMix : u8 { any, half, single, double_ };

class FpRandom : public SplitMix {
public:
    using SplitMix::SplitMix;

    /// Raw bits of a number of 16, 32 or 64 bits: every kind of number, with fractions that rounding turns on.
    u64 operand(unsigned width)
    {
        const unsigned exponent_bits = width == 16 ? 5 : width == 32 ? 8 : 11;
        const unsigned fraction_bits = width - 1 - exponent_bits;
        const u64 top = low_mask(exponent_bits);
        const u64 sign = below(2) << (width - 1);
        return sign | exponent(top, fraction_bits) << fraction_bits | fraction(fraction_bits);
    }

    u64 integer()
    {
        const u64 value = next();
        const u64 extremes[] = {0, ~u64{0}, u64{1} << 63, ~u64{0} >> 1, 0x8000'0000, 0x7FFF'FFFF};
        const u64 choice = below(12);
        return choice < 6 ? extremes[choice] : choice < 8 ? value >> below(64) : value;
    }

private:
    u64 exponent(u64 top, unsigned fraction_bits)
    {
        const u64 bias = top >> 1;
        switch (below(10)) {
        case 0: return 0;
        case 1: return top - below(3);
        case 2: return 1 + below(3);
        case 3:
        case 4: return bias - 2 + below(5);
        case 5: return (bias + fraction_bits - 2 + below(5)) & top;
        case 6: return (bias + 29 + below(5)) & top;
        case 7: return (bias + 61 + below(5)) & top;
        default: return next() & top;
        }
    }

    u64 fraction(unsigned width)
    {
        const u64 noise = next() & low_mask(width);
        const u64 kept = low_mask(width) & ~low_mask(static_cast<unsigned>(below(width + 1)));
        switch (below(5)) {
        case 0: return 0;
        case 1: return kept;
        case 2: return noise & kept;
        case 3: return low_mask(width) & ~kept;
        default: return noise;
        }
    }
};

/// The default controls in half of the states; else any rounding, FZ, FZ16, DN and AHP.
inline u64 random_fpcr(FpRandom& random)
{
    const u64 choice = random.next();
    return (choice & 1) != 0 ? 0 : choice & 0x07C8'0000;
}

inline FpState initial_fp_state(u32 seed)
{
    FpRandom random(seed);
    FpState state;
    for (auto& v : state.v) {
        if (&v != state.v && random.below(8) == 0) {
            const auto& earlier = state.v[random.below(static_cast<u64>(&v - state.v))];
            v[0] = earlier[0];
            v[1] = earlier[1];
            continue;
        }
        const u64 mix = (seed & 3) != 0 ? seed & 3 : 1 + random.below(3);
        const unsigned width = 8U << mix;
        for (unsigned at = 0; at < 128; at += width) v[at / 64] |= random.operand(width) << at % 64;
    }
    for (u64& x : state.x) x = random.integer();
    state.nzcv = random.next() & 0xF000'0000;
    state.fpcr = random_fpcr(random);
    state.fpsr = random.next() & 0x0800'009F & (random.below(4) == 0 ? ~u64{0} : 0);
    return state;
}

/// Never 0, which stands for an undefined instruction.
inline u64 digest(const FpState& state)
{
    Digest digest;
    for (const auto& v : state.v) digest.mix(v);
    digest.mix(state.x);
    digest.mix({state.nzcv, state.fpcr, state.fpsr});
    return digest.value() | 1;
}

} // namespace gimbal::translator::aarch64::test
