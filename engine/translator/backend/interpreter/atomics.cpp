// SPDX-License-Identifier: Apache-2.0
#include <type_traits>

#include "engine/translator/backend/interpreter/control.hpp"
#include "engine/translator/backend/interpreter/handlers.hpp"
#include "engine/translator/core/host_memory.hpp"
#include "engine/translator/core/runtime.hpp"

/// Exclusive and atomic accesses. Whatever order the guest asks for, read-modify-writes are full barriers here: their
/// cost is the host's locked instruction anyway.
namespace gimbal::translator::interpreter {

namespace {

using ir::MemOp;

/// The value as memory has it, of the guest's, and back.
template <class T> T in_memory_order(T value, MemOp mem) { return mem.big_endian ? byte_swapped(value) : value; }

template <class T> T operand(const CpuState* state, u32 offset) { return get<T>(state, offset); }

template <class T> V128 widened(T value)
{
    if constexpr (std::is_same_v<T, V128>)
        return value;
    else
        return {value, 0};
}

template <class T> void put_value(CpuState* state, u32 offset, T value)
{
    if constexpr (std::is_same_v<T, V128>)
        put_exact<V128>(state, offset, value);
    else
        put(state, offset, value);
}

template <class T> T narrowed(const V128& value)
{
    if constexpr (std::is_same_v<T, V128>)
        return value;
    else
        return static_cast<T>(value.lo);
}

template <class T> u8* fast(CpuState* state, u64 va, MemOp mem, bool write)
{
    return fast_address<true>(state->tlb[static_cast<unsigned>(mem.privilege)], va, sizeof(T), write);
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

template <class T> const Op* load_exclusive(const Op* op, CpuState* state)
{
    const MemOp mem = MemOp::unpack(op->extra);
    const u64 va = get<u64>(state, op->a) + op->imm;
    // 16 bytes are loaded by a store of the same value, so they need the right to write.
    u8* host = fast<T>(state, va, mem, sizeof(T) == 16);
    if (host == nullptr) {
        V128 out{};
        state->pc = state->pc_page + op->page_offset();
        if (!state->runtime->load_exclusive(*state, va, mem, out)) return unwind_at(op, state);
        put_value<T>(state, op->d, narrowed<T>(out));
        return op + 1;
    }
    const T value = load_whole<T>(host);
    state->exclusive_address = va;
    state->exclusive_host = host;
    state->exclusive_value = widened<T>(value);
    state->exclusive_size = sizeof(T);
    put_value<T>(state, op->d, in_memory_order<T>(value, mem));
    return op + 1;
}

template <class T> const Op* store_exclusive(const Op* op, CpuState* state)
{
    const MemOp mem = MemOp::unpack(op->extra);
    const u64 va = get<u64>(state, op->a) + op->imm;
    const T value = operand<T>(state, op->b);
    u8* host = fast<T>(state, va, mem, true);
    if (host == nullptr) {
        u32 failed = 0;
        state->pc = state->pc_page + op->page_offset();
        if (!state->runtime->store_exclusive(*state, va, mem, widened<T>(value), failed)) return unwind_at(op, state);
        state->exclusive_address = ~u64{0};
        put(state, op->d, failed);
        return op + 1;
    }
    const bool armed =
        state->exclusive_address == va && state->exclusive_size == sizeof(T) && state->exclusive_host == host;
    T expected = narrowed<T>(state->exclusive_value);
    const bool stored = armed && compare_exchange<T>(host, expected, in_memory_order<T>(value, mem));
    state->exclusive_address = ~u64{0};
    put(state, op->d, stored ? 0 : 1);
    return op + 1;
}

template <class T> T update(u8* host, ir::Atomic kind, T value, MemOp mem)
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

template <class T> const Op* atomic_rmw(const Op* op, CpuState* state) // sub: ir::Atomic
{
    const MemOp mem = MemOp::unpack(op->extra);
    const auto kind = static_cast<ir::Atomic>(op->sub);
    const u64 va = get<u64>(state, op->a) + op->imm;
    const T value = operand<T>(state, op->b);
    u8* host = fast<T>(state, va, mem, true);
    if (host != nullptr) {
        put(state, op->d, update<T>(host, kind, value, mem));
        return op + 1;
    }
    u64 old = 0;
    state->pc = state->pc_page + op->page_offset();
    if (!state->runtime->atomic_rmw(*state, va, mem, kind, value, old)) return unwind_at(op, state);
    put(state, op->d, static_cast<T>(old));
    return op + 1;
}

template <class T> const Op* atomic_cas(const Op* op, CpuState* state)
{
    const MemOp mem = MemOp::unpack(op->extra);
    const u64 va = get<u64>(state, op->a) + op->imm;
    const T expected = operand<T>(state, op->b);
    const T desired = operand<T>(state, op->c);
    u8* host = fast<T>(state, va, mem, true);
    if (host != nullptr) {
        T found = in_memory_order<T>(expected, mem);
        compare_exchange<T>(host, found, in_memory_order<T>(desired, mem));
        put_value<T>(state, op->d, in_memory_order<T>(found, mem));
        return op + 1;
    }
    V128 old{};
    state->pc = state->pc_page + op->page_offset();
    if (!state->runtime->atomic_cas(*state, va, mem, widened<T>(expected), widened<T>(desired), old))
        return unwind_at(op, state);
    put_value<T>(state, op->d, narrowed<T>(old));
    return op + 1;
}

} // namespace

namespace ops {

const Op* clear_exclusive(const Op* op, CpuState* state)
{
    state->exclusive_address = ~u64{0};
    GIMBAL_CONTINUE(op + 1);
}

const Op* fence(const Op* op, CpuState* state)
{
    switch (static_cast<ir::Fence>(op->sub)) {
    case ir::Fence::load_load:
    case ir::Fence::load_any: __atomic_thread_fence(__ATOMIC_ACQUIRE); break;
    case ir::Fence::store_store: __atomic_thread_fence(__ATOMIC_RELEASE); break;
    case ir::Fence::full: __atomic_thread_fence(__ATOMIC_SEQ_CST); break;
    }
    GIMBAL_CONTINUE(op + 1);
}

} // namespace ops

#define GIMBAL_BY_SIZE(name, largest)                                                                                  \
    switch (op.size()) {                                                                                               \
    case 1: return &name<u8>;                                                                                          \
    case 2: return &name<u16>;                                                                                         \
    case 4: return &name<u32>;                                                                                         \
    case 8: return &name<u64>;                                                                                         \
    case 16: return largest;                                                                                           \
    }                                                                                                                  \
    return nullptr

Handler load_exclusive_handler(ir::MemOp op) { GIMBAL_BY_SIZE(load_exclusive, &load_exclusive<V128>); }
Handler store_exclusive_handler(ir::MemOp op) { GIMBAL_BY_SIZE(store_exclusive, &store_exclusive<V128>); }
Handler atomic_rmw_handler(ir::MemOp op) { GIMBAL_BY_SIZE(atomic_rmw, nullptr); }
Handler atomic_cas_handler(ir::MemOp op) { GIMBAL_BY_SIZE(atomic_cas, &atomic_cas<V128>); }

} // namespace gimbal::translator::interpreter
