// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "base/types.hpp"
#include "engine/translator/core/cpu_state.hpp"
#include "engine/translator/ir/type.hpp"

/// Guest RAM as other threads see it: relaxed accesses, single-copy atomic where they are aligned. A misaligned access
/// inside a page is made of one host access on x86-64 and of bytes elsewhere; the guest may not expect more of it
/// (FEAT_LSE2 is not there). Nothing here is undefined for the compiler, nor a race for ThreadSanitizer.
namespace gimbal::translator {

#if defined(__SANITIZE_THREAD__)
#define GIMBAL_WATCH_RACES 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define GIMBAL_WATCH_RACES 1
#endif
#endif

template <class T> T bytes_load(const u8* host)
{
    T value = 0;
    for (unsigned i = 0; i < sizeof(T); ++i)
        value = static_cast<T>(value | static_cast<T>(T{__atomic_load_n(host + i, __ATOMIC_RELAXED)} << (8 * i)));
    return value;
}

template <class T> void bytes_store(u8* host, T value)
{
    for (unsigned i = 0; i < sizeof(T); ++i)
        __atomic_store_n(host + i, static_cast<u8>(value >> (8 * i)), __ATOMIC_RELAXED);
}

template <class T> T host_load(const u8* host)
{
#if defined(__x86_64__) && !defined(GIMBAL_WATCH_RACES)
    // One instruction that the compiler can neither split nor assume to be aligned.
    T value;
    const auto& bytes = *reinterpret_cast<const u8(*)[sizeof(T)]>(host);
    if constexpr (sizeof(T) == 1)
        asm volatile("movb %1, %0" : "=q"(value) : "m"(bytes));
    else if constexpr (sizeof(T) == 2)
        asm volatile("movw %1, %0" : "=r"(value) : "m"(bytes));
    else if constexpr (sizeof(T) == 4)
        asm volatile("movl %1, %0" : "=r"(value) : "m"(bytes));
    else
        asm volatile("movq %1, %0" : "=r"(value) : "m"(bytes));
    return value;
#else
    if (reinterpret_cast<usize>(host) % sizeof(T) == 0)
        return __atomic_load_n(reinterpret_cast<const T*>(host), __ATOMIC_RELAXED);
    return bytes_load<T>(host);
#endif
}

template <class T> void host_store(u8* host, T value)
{
#if defined(__x86_64__) && !defined(GIMBAL_WATCH_RACES)
    auto& bytes = *reinterpret_cast<u8(*)[sizeof(T)]>(host);
    if constexpr (sizeof(T) == 1)
        asm volatile("movb %1, %0" : "=m"(bytes) : "q"(value));
    else if constexpr (sizeof(T) == 2)
        asm volatile("movw %1, %0" : "=m"(bytes) : "r"(value));
    else if constexpr (sizeof(T) == 4)
        asm volatile("movl %1, %0" : "=m"(bytes) : "r"(value));
    else
        asm volatile("movq %1, %0" : "=m"(bytes) : "r"(value));
#else
    if (reinterpret_cast<usize>(host) % sizeof(T) == 0)
        __atomic_store_n(reinterpret_cast<T*>(host), value, __ATOMIC_RELAXED);
    else
        bytes_store<T>(host, value);
#endif
}

template <class T> T byte_swapped(T value)
{
    if constexpr (sizeof(T) == 1)
        return value;
    else if constexpr (sizeof(T) == 2)
        return __builtin_bswap16(value);
    else if constexpr (sizeof(T) == 4)
        return __builtin_bswap32(value);
    else
        return __builtin_bswap64(value);
}

/// 16 bytes whose halves and bytes change places.
inline V128 byte_swapped(V128 value) { return {byte_swapped(value.hi), byte_swapped(value.lo)}; }

/// 16-byte compare-exchange at a 16-byte aligned address; `expected` receives what was found. Full barrier. Compilers
/// hand __atomic builtins of this size to libatomic, hence the instruction itself where we know it.
inline bool compare_exchange_128(u8* host, V128& expected, V128 desired)
{
#if defined(__x86_64__)
    bool equal;
    asm volatile("lock cmpxchg16b %1"
                 : "=@ccz"(equal), "+m"(*reinterpret_cast<u8(*)[16]>(host)), "+a"(expected.lo), "+d"(expected.hi)
                 : "b"(desired.lo), "c"(desired.hi)
                 : "memory");
    return equal;
#else
    u128 found = u128{expected.hi} << 64 | expected.lo;
    const bool equal =
        __atomic_compare_exchange_n(reinterpret_cast<u128*>(host), &found, u128{desired.hi} << 64 | desired.lo, false,
                                    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    expected = {static_cast<u64>(found), static_cast<u64>(found >> 64)};
    return equal;
#endif
}

template <class T> bool compare_exchange(u8* host, T& expected, T desired)
{
    if constexpr (std::is_same_v<T, V128>)
        return compare_exchange_128(host, expected, desired);
    else
        return __atomic_compare_exchange_n(reinterpret_cast<T*>(host), &expected, desired, false, __ATOMIC_SEQ_CST,
                                           __ATOMIC_SEQ_CST);
}

/// What an atomic operation makes of `old`.
template <class T> T combine(ir::Atomic kind, T old, T value)
{
    using S = std::make_signed_t<T>;
    switch (kind) {
    case ir::Atomic::swap: return value;
    case ir::Atomic::add: return static_cast<T>(old + value);
    case ir::Atomic::clear: return static_cast<T>(old & ~value);
    case ir::Atomic::exclusive_or: return static_cast<T>(old ^ value);
    case ir::Atomic::set: return static_cast<T>(old | value);
    case ir::Atomic::max_signed: return static_cast<T>(std::max(static_cast<S>(old), static_cast<S>(value)));
    case ir::Atomic::min_signed: return static_cast<T>(std::min(static_cast<S>(old), static_cast<S>(value)));
    case ir::Atomic::max_unsigned: return std::max(old, value);
    case ir::Atomic::min_unsigned: return std::min(old, value);
    }
    return old;
}

/// The host address of a whole access of `size` bytes at `va`, or null if it needs the slow path.
///
/// One compare settles mapping, page crossing and alignment. If any alignment will do, the last byte's page must be
/// the page of the tag: the entry was chosen by the first byte, and no two neighbouring pages share an entry, so a
/// crossing access misses. If alignment is required, the low address bits stay in the compare, and a tag has none.
template <bool aligned> [[gnu::always_inline]] inline u8* fast_address(const TlbView& view, u64 va, unsigned size,
                                                                       bool write)
{
    const TlbEntry& entry = view.entries[(va >> view.index_shift) & (tlb_entries - 1)];
    const u64 compared = aligned ? va & (view.page_mask | (size - 1)) : (va + (size - 1)) & view.page_mask;
    if (compared != (write ? entry.write_tag : entry.read_tag)) [[unlikely]]
        return nullptr;
    return reinterpret_cast<u8*>(va + entry.addend);
}

inline bool is_acquire(ir::Order order)
{
    return order == ir::Order::acquire || order == ir::Order::acquire_pc || order == ir::Order::acquire_release;
}
inline bool is_release(ir::Order order) { return order == ir::Order::release || order == ir::Order::acquire_release; }

/// Fences around relaxed accesses give at least what the order asks for, on any host. A load-acquire must not pass an
/// earlier store-release (they are RCsc): the store has the full fence behind it, as loads are the more frequent.
inline void before_access(ir::Order order)
{
    if (is_release(order)) __atomic_thread_fence(__ATOMIC_RELEASE);
}
inline void after_load(ir::Order order)
{
    if (is_acquire(order)) __atomic_thread_fence(__ATOMIC_ACQUIRE);
}
inline void after_store(ir::Order order)
{
    if (is_release(order)) __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

} // namespace gimbal::translator
