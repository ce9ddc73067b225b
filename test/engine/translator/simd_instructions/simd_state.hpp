// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/bits.hpp"
#include "test/engine/translator/vectors/random.hpp"

namespace gimbal::translator::aarch64::test {

/// Where the guest sees `memory`; the same on every machine, because base registers are part of what is compared.
inline constexpr u64 simd_memory_address = 0x10'0000'0000;
inline constexpr u64 simd_memory_bytes = 4096;

/// What a SIMD vector starts from and is judged by. C layout: simd_reference.cpp's assembly knows it.
struct SimdState {
    u64 v[32][2]{};
    u64 x[16]{};
    u64 fpsr{};
    u8 memory[simd_memory_bytes]{};
};

class SimdRandom : public SplitMix {
public:
    using SplitMix::SplitMix;

    /// An element's extremes, shift amounts and table indices, or anything.
    u64 operand(unsigned width)
    {
        const u64 sign = u64{1} << (width - 1);
        const u64 extremes[] = {0, 1, sign, sign - 1, sign + 1, ~u64{0}};
        switch (below(4)) {
        case 0: return extremes[below(6)] & low_mask(width);
        case 1: return (below(4 * width) - 2 * width) & low_mask(width);
        case 2: return (next() & low_mask(width)) >> below(width);
        default: return next() & low_mask(width);
        }
    }
};

/// x1 points to the middle of the memory, aligned or not, x2 is small and positive in every width.
inline SimdState initial_simd_state(u32 seed)
{
    SimdRandom random(seed);
    SimdState state;
    for (auto& v : state.v) {
        const unsigned width = 8U << random.below(4);
        for (unsigned at = 0; at < 128; at += width) v[at / 64] |= random.operand(width) << at % 64;
    }
    for (u64& x : state.x) x = random.next();
    state.x[1] = simd_memory_address + simd_memory_bytes / 2 + random.below(16);
    state.x[2] = random.below(64);
    for (u8& byte : state.memory) byte = static_cast<u8>(random.next());
    return state;
}

/// Never 0, which stands for an undefined instruction.
inline u64 digest(const SimdState& state)
{
    Digest digest;
    for (const auto& v : state.v) digest.mix(v);
    digest.mix(state.x);
    digest.mix({state.fpsr});
    digest.mix(state.memory);
    return digest.value() | 1;
}

} // namespace gimbal::translator::aarch64::test
