// SPDX-License-Identifier: Apache-2.0
#include "engine/translator/backend/interpreter/control.hpp"
#include "engine/translator/backend/interpreter/handlers.hpp"
#include "engine/translator/core/host_memory.hpp"
#include "engine/translator/core/runtime.hpp"

namespace gimbal::translator::interpreter {

namespace {

using ir::MemOp;

template <bool indexed> u64 address_of(const Op* op, const CpuState* state)
{
    const u64 base = get<u64>(state, op->a);
    if constexpr (indexed)
        return base + (get<u64>(state, op->c) << op->sub);
    else
        return base + op->imm;
}

u64 address_of(const Op* op, const CpuState* state, bool indexed)
{
    return indexed ? address_of<true>(op, state) : address_of<false>(op, state);
}

/// Stores a loaded value as its type's home has it: integers to 64 bits, 16 bytes whole.
void put_loaded(const Op* op, CpuState* state, MemOp mem, const V128& value)
{
    if (mem.size() == 16) return put_exact<V128>(state, op->d, value);
    put(state, op->d, value.lo & low_mask(mem.size() * 8));
}

const Op* load_from_runtime(const Op* op, CpuState* state, u64 address)
{
    const MemOp mem = MemOp::unpack(op->extra);
    V128 value{};
    state->pc = state->pc_page + op->page_offset();
    if (!state->runtime->load(*state, address, mem, value)) return unwind_at(op, state);
    put_loaded(op, state, mem, value);
    return op + 1;
}

const Op* store_to_runtime(const Op* op, CpuState* state, u64 address)
{
    const MemOp mem = MemOp::unpack(op->extra);
    V128 value{};
    std::memcpy(&value, reinterpret_cast<const char*>(state) + op->b, mem.size());
    state->pc = state->pc_page + op->page_offset();
    if (!state->runtime->store(*state, address, mem, value)) return unwind_at(op, state);
    return op + 1;
}

template <bool indexed> [[gnu::noinline]] const Op* slow_load(const Op* op, CpuState* state)
{
    return load_from_runtime(op, state, address_of<indexed>(op, state));
}

template <bool indexed> [[gnu::noinline]] const Op* slow_store(const Op* op, CpuState* state)
{
    return store_to_runtime(op, state, address_of<indexed>(op, state));
}

/// Plain little-endian accesses with the current level's rights: the hot ones.
template <class T, bool aligned, bool indexed> const Op* load(const Op* op, CpuState* state)
{
    const u64 va = address_of<indexed>(op, state);
    const u8* host = fast_address<aligned>(state->tlb[0], va, sizeof(T), false);
    if (host == nullptr) [[unlikely]]
        GIMBAL_TAIL_CALL(slow_load<indexed>(op, state));
    if constexpr (sizeof(T) == 16) {
        const u64 low = host_load<u64>(host);
        put(state, op->d + 8U, host_load<u64>(host + 8));
        put(state, op->d, low);
    } else {
        put(state, op->d, host_load<T>(host));
    }
    GIMBAL_CONTINUE(op + 1);
}

template <class T, bool aligned, bool indexed> const Op* store(const Op* op, CpuState* state)
{
    const u64 va = address_of<indexed>(op, state);
    u8* host = fast_address<aligned>(state->tlb[0], va, sizeof(T), true);
    if (host == nullptr) [[unlikely]]
        GIMBAL_TAIL_CALL(slow_store<indexed>(op, state));
    if constexpr (sizeof(T) == 16) {
        host_store<u64>(host, get<u64>(state, op->b));
        host_store<u64>(host + 8, get<u64>(state, op->b + 8U));
    } else {
        host_store<T>(host, get<T>(state, op->b));
    }
    GIMBAL_CONTINUE(op + 1);
}

u8* any_fast_address(CpuState* state, u64 va, MemOp mem, bool write)
{
    const TlbView& view = state->tlb[static_cast<unsigned>(mem.privilege)];
    switch (mem.align) {
    case ir::Align::any:
    case ir::Align::normal: return fast_address<false>(view, va, mem.size(), write);
    case ir::Align::natural: return fast_address<true>(view, va, mem.size(), write);
    case ir::Align::check_16: return fast_address<true>(view, va, 16, write);
    }
    return nullptr;
}

template <class T> V128 widened(const u8* host, bool swap)
{
    const T value = host_load<T>(host);
    return {swap ? byte_swapped(value) : value, 0};
}

V128 host_load_any(const u8* host, MemOp mem)
{
    switch (mem.size()) {
    case 1: return widened<u8>(host, false);
    case 2: return widened<u16>(host, mem.big_endian);
    case 4: return widened<u32>(host, mem.big_endian);
    case 8: return widened<u64>(host, mem.big_endian);
    }
    const V128 value{host_load<u64>(host), host_load<u64>(host + 8)};
    return mem.big_endian ? byte_swapped(value) : value;
}

template <class T> void store_swapped(u8* host, u64 value, bool swap)
{
    const T narrow = static_cast<T>(value);
    host_store<T>(host, swap ? byte_swapped(narrow) : narrow);
}

void host_store_any(u8* host, V128 value, MemOp mem)
{
    switch (mem.size()) {
    case 1: return store_swapped<u8>(host, value.lo, false);
    case 2: return store_swapped<u16>(host, value.lo, mem.big_endian);
    case 4: return store_swapped<u32>(host, value.lo, mem.big_endian);
    case 8: return store_swapped<u64>(host, value.lo, mem.big_endian);
    }
    if (mem.big_endian) value = byte_swapped(value);
    host_store<u64>(host, value.lo);
    host_store<u64>(host + 8, value.hi);
}

/// Everything else: ordered, big-endian, unprivileged.
template <bool indexed> const Op* load_any(const Op* op, CpuState* state)
{
    const MemOp mem = MemOp::unpack(op->extra);
    const u64 va = address_of(op, state, indexed);
    const u8* host = any_fast_address(state, va, mem, false);
    if (host == nullptr) return load_from_runtime(op, state, va);
    const V128 value = host_load_any(host, mem);
    after_load(mem.order);
    put_loaded(op, state, mem, value);
    return op + 1;
}

template <bool indexed> const Op* store_any(const Op* op, CpuState* state)
{
    const MemOp mem = MemOp::unpack(op->extra);
    const u64 va = address_of(op, state, indexed);
    u8* host = any_fast_address(state, va, mem, true);
    if (host == nullptr) return store_to_runtime(op, state, va);
    V128 value{};
    std::memcpy(&value, reinterpret_cast<const char*>(state) + op->b, mem.size());
    before_access(mem.order);
    host_store_any(host, value, mem);
    after_store(mem.order);
    return op + 1;
}

const Op* probe(const Op* op, CpuState* state) // sub: bytes
{
    const MemOp mem = MemOp::unpack(op->extra);
    const u64 va = address_of<false>(op, state);
    const TlbView& view = state->tlb[static_cast<unsigned>(mem.privilege)];
    const bool any = mem.align == ir::Align::any || mem.align == ir::Align::normal;
    if (any && op->sub <= 64 && fast_address<false>(view, va, op->sub, mem.is_write) != nullptr) return op + 1;
    state->pc = state->pc_page + op->page_offset();
    if (!state->runtime->probe(*state, va, mem, op->sub)) return unwind_at(op, state);
    return op + 1;
}

bool is_hot(MemOp op)
{
    return op.order == ir::Order::plain && !op.big_endian && op.privilege == ir::Privilege::current &&
           op.align != ir::Align::check_16;
}

template <class T, bool aligned> Handler choose_load(bool indexed)
{
    return indexed ? &load<T, aligned, true> : &load<T, aligned, false>;
}
template <class T> Handler choose_load(bool aligned, bool indexed)
{
    return aligned ? choose_load<T, true>(indexed) : choose_load<T, false>(indexed);
}
template <class T, bool aligned> Handler choose_store(bool indexed)
{
    return indexed ? &store<T, aligned, true> : &store<T, aligned, false>;
}
template <class T> Handler choose_store(bool aligned, bool indexed)
{
    return aligned ? choose_store<T, true>(indexed) : choose_store<T, false>(indexed);
}

} // namespace

Handler load_handler(ir::MemOp op, bool indexed)
{
    if (!is_hot(op)) return indexed ? &load_any<true> : &load_any<false>;
    const bool aligned = op.align == ir::Align::natural;
    switch (op.size()) {
    case 1: return choose_load<u8>(aligned, indexed);
    case 2: return choose_load<u16>(aligned, indexed);
    case 4: return choose_load<u32>(aligned, indexed);
    case 8: return choose_load<u64>(aligned, indexed);
    case 16: return choose_load<V128>(aligned, indexed);
    }
    return nullptr;
}

Handler store_handler(ir::MemOp op, bool indexed)
{
    if (!is_hot(op)) return indexed ? &store_any<true> : &store_any<false>;
    const bool aligned = op.align == ir::Align::natural;
    switch (op.size()) {
    case 1: return choose_store<u8>(aligned, indexed);
    case 2: return choose_store<u16>(aligned, indexed);
    case 4: return choose_store<u32>(aligned, indexed);
    case 8: return choose_store<u64>(aligned, indexed);
    case 16: return choose_store<V128>(aligned, indexed);
    }
    return nullptr;
}

Handler probe_handler() { return &probe; }

} // namespace gimbal::translator::interpreter
