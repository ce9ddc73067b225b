// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/types.hpp"

namespace gimbal::translator::aarch64::test {

/// SplitMix64. A vector's initial state is drawn from its seed, by the reference program and by the test alike.
class SplitMix {
public:
    explicit SplitMix(u64 seed) : state_(seed) {}
    u64 next()
    {
        state_ += 0x9E37'79B9'7F4A'7C15;
        u64 z = state_;
        z = (z ^ z >> 30) * 0xBF58'476D'1CE4'E5B9;
        z = (z ^ z >> 27) * 0x94D0'49BB'1331'11EB;
        return z ^ z >> 31;
    }
    u64 below(u64 limit) { return next() % limit; }

private:
    u64 state_;
};

/// FNV-1a, eight bytes at a time: what a vector's final state is judged by.
class Digest {
public:
    template <class T, usize count>
    void mix(const T (&values)[count])
    {
        for (const T value : values) hash_ = (hash_ ^ value) * 0x100'0000'01B3;
    }
    u64 value() const { return hash_; }

private:
    u64 hash_{0xCBF2'9CE4'8422'2325};
};

} // namespace gimbal::translator::aarch64::test
