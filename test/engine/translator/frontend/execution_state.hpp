// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "test/engine/translator/vectors/random.hpp"

namespace gimbal::translator::aarch64::test {

/// Where the guest sees `memory`; the same on every machine, because base registers are part of what is compared.
inline constexpr u64 memory_address = 0x10'0000'0000;
inline constexpr u64 memory_bytes = 2048;

/// What an execution vector starts from and is judged by. C layout: execution_reference.cpp's assembly knows it.
struct ExecutionState {
    u64 x[31]{};
    u64 sp{};
    u64 nzcv{};
    u8 memory[memory_bytes]{};
};

/// Corners as often as random bits.
inline u64 random_operand(SplitMix& random)
{
    const u64 value = random.next();
    switch (random.below(10)) {
    case 0: return 0;
    case 1: return ~u64{0};
    case 2: return u64{1} << 63;
    case 3: return ~u64{0} >> 1;
    case 4: return value & 0xFF;
    case 5: return static_cast<u64>(static_cast<i64>(value) >> 33);
    case 6: return 0x8000'0000;
    default: return value;
    }
}

/// x27, x28 and SP point to the middle of the memory; x22 to x25 are small in the widths that index registers have:
/// all bits, all bits and signed, the low word and signed, the low word.
inline ExecutionState initial_state(u32 seed)
{
    SplitMix random(seed);
    ExecutionState state;
    for (u64& x : state.x) x = random_operand(random);
    const u64 middle = memory_address + memory_bytes / 2;
    state.x[27] = state.x[28] = state.sp = middle;
    const u64 small = random.next();
    state.x[22] = small & 63;
    state.x[23] = static_cast<u64>(static_cast<i64>(small << 50) >> 57);
    state.x[24] = small << 32 | static_cast<u32>(static_cast<i32>(static_cast<u32>(small)) >> 26);
    state.x[25] = small << 32 | (small >> 40 & 63);
    state.nzcv = random.next() & 0xF000'0000;
    for (u64 at = 0; at < memory_bytes; at += 8) {
        u64 value = random_operand(random);
        // Comparisons with x0 and x1 succeed in half of the states.
        if (at == memory_bytes / 2 && (seed & 1) != 0)
            value = (seed & 2) != 0 ? state.x[0] : (state.x[0] & 0xFFFF'FFFF) | state.x[1] << 32;
        if (at == memory_bytes / 2 + 8 && (seed & 3) == 3) value = state.x[1];
        for (u64 byte = 0; byte < 8; ++byte) state.memory[at + byte] = static_cast<u8>(value >> 8 * byte);
    }
    return state;
}

inline u64 digest(const ExecutionState& state)
{
    Digest digest;
    digest.mix(state.x);
    digest.mix({state.sp, state.nzcv});
    digest.mix(state.memory);
    return digest.value();
}

} // namespace gimbal::translator::aarch64::test
