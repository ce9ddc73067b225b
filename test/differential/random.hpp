// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "test/differential/protocol.hpp"

namespace gimbal::differential {

/// A sequence that its seed decides, on every host.
class Random {
public:
    explicit Random(u64 seed) : state_(mix(seed)) {}

    u64 next() { return mix(state_ += 0x9E37'79B9'7F4A'7C15); }
    u32 below(u32 bound) { return static_cast<u32>((next() >> 32) * bound >> 32); }
    /// True once in `n`.
    bool one_in(u32 n) { return below(n) == 0; }
    i64 between(i64 low, i64 high) { return low + static_cast<i64>(below(static_cast<u32>(high - low + 1))); }
    template <class T, std::size_t Size>
    const T& pick(const T (&choices)[Size])
    {
        return choices[below(Size)];
    }

private:
    u64 state_;
};

} // namespace gimbal::differential
