// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/types.hpp"
#include "engine/translator/core/cpu_state.hpp"
#include "engine/translator/ir/type.hpp"

namespace gimbal::translator {

/// Guest RAM as slow paths touch it: relaxed atomics, whole where the address is aligned, byte by byte where not.
namespace host {

template <class T>
bool aligned(const u8* at)
{
    return (reinterpret_cast<u64>(at) & (sizeof(T) - 1)) == 0;
}

template <class T>
T load(const u8* at)
{
    if (aligned<T>(at)) return __atomic_load_n(reinterpret_cast<const T*>(at), __ATOMIC_RELAXED);
    u64 value = 0;
    for (unsigned i = 0; i < sizeof(T); ++i) value |= u64{__atomic_load_n(at + i, __ATOMIC_RELAXED)} << 8 * i;
    return static_cast<T>(value);
}

template <class T>
void store(u8* at, T value)
{
    if (aligned<T>(at)) {
        __atomic_store_n(reinterpret_cast<T*>(at), value, __ATOMIC_RELAXED);
        return;
    }
    for (unsigned i = 0; i < sizeof(T); ++i)
        __atomic_store_n(at + i, static_cast<u8>(static_cast<u64>(value) >> 8 * i), __ATOMIC_RELAXED);
}

/// 1 << size_log2 bytes, 16 as two halves (A64 without LSE2 promises no more).
V128 load(const u8* at, unsigned size_log2);
void store(u8* at, unsigned size_log2, const V128& value);

/// Compare-and-swap of a naturally aligned 1..16 byte location; `old` receives what was there. Sequentially consistent.
bool compare_exchange(u8* at, unsigned size_log2, const V128& expected, const V128& desired, V128& old);

/// Atomic read-modify-write of a naturally aligned 1..8 byte location; the old value. Sequentially consistent.
u64 read_modify_write(u8* at, unsigned size_log2, ir::Atomic kind, u64 operand);

/// What `kind` makes of `value` (1 << size_log2 bytes): for locations that are not RAM.
u64 modify(u64 value, unsigned size_log2, ir::Atomic kind, u64 operand);

V128 byte_swap(const V128& value, unsigned size_log2);

} // namespace host

} // namespace gimbal::translator
