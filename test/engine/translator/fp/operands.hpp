// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "engine/translator/fp/fp.hpp"

namespace gimbal::fp::test {

/// splitmix64: the same operands on every host.
class Random {
public:
    explicit Random(u64 seed) : state_(seed) {}
    u64 next()
    {
        u64 z = state_ += 0x9e37'79b9'7f4a'7c15;
        z = (z ^ (z >> 30)) * 0xbf58'476d'1ce4'e5b9;
        z = (z ^ (z >> 27)) * 0x94d0'49bb'1331'11eb;
        return z ^ (z >> 31);
    }
    u64 below(u64 limit) { return next() % limit; }

private:
    u64 state_;
};

template <FloatFormat F>
inline constexpr unsigned sign_position = F::exponent_bits + F::fraction_bits;
template <FloatFormat F>
inline constexpr u64 infinity_bits = low_mask(F::exponent_bits) << F::fraction_bits;
template <FloatFormat F>
inline constexpr u64 quiet_bit = bit(F::fraction_bits - 1);

template <FloatFormat F>
constexpr u64 magnitude(Bits<F> value)
{
    return value & low_mask(sign_position<F>);
}
template <FloatFormat F>
constexpr bool is_nan(Bits<F> value)
{
    return magnitude<F>(value) > infinity_bits<F>;
}
template <FloatFormat F>
constexpr bool is_signaling(Bits<F> value)
{
    return is_nan<F>(value) && (value & quiet_bit<F>) == 0;
}
template <FloatFormat F>
constexpr bool is_finite(Bits<F> value)
{
    return magnitude<F>(value) < infinity_bits<F>;
}

/// Favours what rounding and special cases turn on: both ends of the exponent range, exponents near zero, fractions
/// with few bits or long runs of ones.
template <FloatFormat F>
Bits<F> random_operand(Random& random)
{
    constexpr u64 top = low_mask(F::exponent_bits);
    constexpr u64 bias = top >> 1;
    constexpr u64 fraction_mask = low_mask(F::fraction_bits);
    const u64 choice = random.below(8);
    const u64 exponent = choice == 0   ? 0
                         : choice == 1 ? top - random.below(3)
                         : choice == 2 ? 1 + random.below(3)
                         : choice <= 5 ? bias - 4 + random.below(9)
                                       : random.next() & top;
    const u64 shape = random.below(5);
    const u64 noise = random.next() & fraction_mask;
    const u64 cut = ~low_mask(static_cast<unsigned>(random.below(F::fraction_bits + 1)));
    const u64 fraction = shape == 0   ? 0
                         : shape == 1 ? fraction_mask & cut
                         : shape == 2 ? noise & cut
                         : shape == 3 ? fraction_mask & ~cut
                                      : noise;
    return static_cast<Bits<F>>(random.below(2) << sign_position<F> | exponent << F::fraction_bits | fraction);
}

/// An operand related to `a`: a neighbour, a negated neighbour, or another one altogether.
template <FloatFormat F>
Bits<F> random_partner(Random& random, Bits<F> a)
{
    const u64 choice = random.below(6);
    const u64 nudge = random.below(5) - 2;
    if (choice == 0) return static_cast<Bits<F>>(a + nudge);
    if (choice == 1) return static_cast<Bits<F>>((a + nudge) ^ bit(sign_position<F>));
    return random_operand<F>(random);
}

} // namespace gimbal::fp::test
