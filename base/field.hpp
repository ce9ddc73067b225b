// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/bits.hpp"

namespace gimbal {

/// A field of a register type `Reg` (a struct with one member `u64 raw`): bits [lo + width - 1 : lo], read as `T`.
template <class Reg, unsigned lo, unsigned width, class T = u64>
struct Field {
    static_assert(width > 0 && lo + width <= 64);
    static constexpr u64 mask = low_mask(width) << lo;

    static constexpr T get(Reg reg) { return static_cast<T>((reg.raw & mask) >> lo); }
    static constexpr Reg set(Reg reg, T value)
    {
        return Reg{(reg.raw & ~mask) | ((static_cast<u64>(value) << lo) & mask)};
    }
};

} // namespace gimbal
