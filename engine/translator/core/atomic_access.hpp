// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <type_traits>

#include "engine/translator/core/host_memory.hpp"
#include "engine/translator/core/runtime.hpp"

/// Exclusive and atomic accesses of T: an unsigned integer or V128. Whatever order the guest asks for,
/// read-modify-writes are full barriers here: their cost is the host's locked instruction anyway. `page_offset` is the
/// instruction's. False: the instruction unwinds, and nothing was changed.
namespace gimbal::translator::access {

/// The value as memory has it, of the guest's, and back.
template <class T> T in_memory_order(T value, ir::MemOp mem) { return mem.big_endian ? byte_swapped(value) : value; }

template <class T> V128 widened(T value)
{
    if constexpr (std::is_same_v<T, V128>)
        return value;
    else
        return {value, 0};
}

template <class T> T narrowed(const V128& value)
{
    if constexpr (std::is_same_v<T, V128>)
        return value;
    else
        return static_cast<T>(value.lo);
}

template <class T> u8* fast(const CpuState& state, u64 va, ir::MemOp mem, bool write)
{
    return fast_address<true>(state.tlb[static_cast<unsigned>(mem.privilege)], va, sizeof(T), write);
}

template <class T> T load_whole(u8* host)
{
    if constexpr (std::is_same_v<T, V128>) {
        // A 16-byte load is only sure to be single-copy atomic as a compare-exchange; it stores what it found.
        V128 found{};
        compare_exchange_128(host, found, found);
        return found;
    } else {
        return __atomic_load_n(reinterpret_cast<T*>(host), __ATOMIC_ACQUIRE);
    }
}

template <class T> bool load_exclusive(CpuState& state, u64 va, ir::MemOp mem, u32 page_offset, T& value)
{
    // 16 bytes are loaded by a store of the same value, so they need the right to write.
    u8* host = fast<T>(state, va, mem, sizeof(T) == 16);
    if (host == nullptr) {
        V128 out{};
        state.pc = state.pc_page + page_offset;
        if (!state.runtime->load_exclusive(state, va, mem, out)) return false;
        value = narrowed<T>(out);
        return true;
    }
    const T found = load_whole<T>(host);
    state.exclusive_address = va;
    state.exclusive_host = host;
    state.exclusive_value = widened<T>(found);
    state.exclusive_size = sizeof(T);
    value = in_memory_order<T>(found, mem);
    return true;
}

template <class T>
bool store_exclusive(CpuState& state, u64 va, ir::MemOp mem, u32 page_offset, const T& value, u32& failed)
{
    u8* host = fast<T>(state, va, mem, true);
    if (host == nullptr) {
        state.pc = state.pc_page + page_offset;
        if (!state.runtime->store_exclusive(state, va, mem, widened<T>(value), failed)) return false;
    } else {
        const bool armed =
            state.exclusive_address == va && state.exclusive_size == sizeof(T) && state.exclusive_host == host;
        T expected = narrowed<T>(state.exclusive_value);
        failed = armed && compare_exchange<T>(host, expected, in_memory_order<T>(value, mem)) ? 0 : 1;
    }
    state.exclusive_address = ~u64{0};
    return true;
}

template <class T> T update(u8* host, ir::Atomic kind, T value, ir::MemOp mem)
{
    auto* word = reinterpret_cast<T*>(host);
    if (!mem.big_endian && kind == ir::Atomic::add) return __atomic_fetch_add(word, value, __ATOMIC_SEQ_CST);
    if (kind == ir::Atomic::swap)
        return in_memory_order<T>(__atomic_exchange_n(word, in_memory_order<T>(value, mem), __ATOMIC_SEQ_CST), mem);
    T found = __atomic_load_n(word, __ATOMIC_RELAXED);
    for (;;) {
        const T old = in_memory_order<T>(found, mem);
        if (compare_exchange<T>(host, found, in_memory_order<T>(combine<T>(kind, old, value), mem))) return old;
    }
}

template <class T>
bool atomic_rmw(CpuState& state, u64 va, ir::MemOp mem, ir::Atomic kind, u32 page_offset, T value, T& old)
{
    u8* host = fast<T>(state, va, mem, true);
    if (host != nullptr) {
        old = update<T>(host, kind, value, mem);
        return true;
    }
    u64 found = 0;
    state.pc = state.pc_page + page_offset;
    if (!state.runtime->atomic_rmw(state, va, mem, kind, value, found)) return false;
    old = static_cast<T>(found);
    return true;
}

template <class T>
bool atomic_cas(CpuState& state, u64 va, ir::MemOp mem, u32 page_offset, const T& expected, const T& desired, T& old)
{
    u8* host = fast<T>(state, va, mem, true);
    if (host != nullptr) {
        T found = in_memory_order<T>(expected, mem);
        compare_exchange<T>(host, found, in_memory_order<T>(desired, mem));
        old = in_memory_order<T>(found, mem);
        return true;
    }
    V128 found{};
    state.pc = state.pc_page + page_offset;
    if (!state.runtime->atomic_cas(state, va, mem, widened<T>(expected), widened<T>(desired), found)) return false;
    old = narrowed<T>(found);
    return true;
}

} // namespace gimbal::translator::access
