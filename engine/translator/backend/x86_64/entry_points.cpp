// SPDX-License-Identifier: Apache-2.0
#include "engine/translator/backend/x86_64/entry_points.hpp"

#include "base/bits.hpp"
#include "engine/translator/backend/x86_64/jit_block.hpp"
#include "engine/translator/core/atomic_access.hpp"
#include "engine/translator/core/crc32.hpp"

namespace gimbal::translator::x86_64 {

namespace {

using ir::MemOp;

u64 unwound(CpuState& state, AccessInfo info)
{
    state.pc = state.pc_page + info.page_offset();
    state.instructions += info.counted();
    return 0;
}

V128* vector_at(CpuState* state, u64 offset)
{
    return reinterpret_cast<V128*>(reinterpret_cast<char*>(state) + offset);
}

/// A value of T that host code passes: in a register, or by its offset.
template <class T> T operand(CpuState* state, u64 raw)
{
    if constexpr (sizeof(T) == 16)
        return *vector_at(state, raw);
    else
        return static_cast<T>(raw);
}

template <class T> u64 result(CpuState* state, u64 d, T value)
{
    if constexpr (sizeof(T) == 16) {
        *vector_at(state, d) = value;
        return 0;
    } else {
        return value;
    }
}

template <class T> u64 load(CpuState* state, u64 va, AccessInfo info, u64, u64, u64 d)
{
    V128 value{};
    state->pc = state->pc_page + info.page_offset();
    if (!state->runtime->load(*state, va, info.mem(), value)) return unwound(*state, info);
    return result<T>(state, d, access::narrowed<T>(value));
}

template <class T> u64 store(CpuState* state, u64 va, AccessInfo info, u64 b, u64, u64)
{
    const V128 value = access::widened<T>(operand<T>(state, b));
    state->pc = state->pc_page + info.page_offset();
    if (!state->runtime->store(*state, va, info.mem(), value)) return unwound(*state, info);
    return 0;
}

template <class T> u64 load_exclusive(CpuState* state, u64 va, AccessInfo info, u64, u64, u64 d)
{
    T value{};
    if (!access::load_exclusive<T>(*state, va, info.mem(), info.page_offset(), value)) return unwound(*state, info);
    return result<T>(state, d, value);
}

template <class T> u64 store_exclusive(CpuState* state, u64 va, AccessInfo info, u64 b, u64, u64)
{
    u32 failed = 0;
    if (!access::store_exclusive<T>(*state, va, info.mem(), info.page_offset(), operand<T>(state, b), failed))
        return unwound(*state, info);
    return failed;
}

template <class T> u64 atomic_rmw(CpuState* state, u64 va, AccessInfo info, u64 b, u64, u64)
{
    T old{};
    const auto kind = static_cast<ir::Atomic>(info.sub());
    if (!access::atomic_rmw<T>(*state, va, info.mem(), kind, info.page_offset(), static_cast<T>(b), old))
        return unwound(*state, info);
    return old;
}

template <class T> u64 atomic_cas(CpuState* state, u64 va, AccessInfo info, u64 b, u64 c, u64 d)
{
    T old{};
    if (!access::atomic_cas<T>(*state, va, info.mem(), info.page_offset(), operand<T>(state, b), operand<T>(state, c),
                               old))
        return unwound(*state, info);
    return result<T>(state, d, old);
}

template <class T> AccessFn choose(ir::Opcode op)
{
    if (op == ir::Opcode::load) return &load<T>;
    if (op == ir::Opcode::store) return &store<T>;
    if (op == ir::Opcode::load_exclusive) return &load_exclusive<T>;
    if (op == ir::Opcode::store_exclusive) return &store_exclusive<T>;
    if (op == ir::Opcode::atomic_cas) return &atomic_cas<T>;
    if constexpr (sizeof(T) <= 8) {
        if (op == ir::Opcode::atomic_rmw) return &atomic_rmw<T>;
    }
    return nullptr;
}

/// The block at `pc`, or null with `unwind` set.
JitBlock* find(CpuState& state, u64 pc)
{
    state.pc = pc;
    LoweredBlock* block = state.runtime->find_block(state, pc);
    if (block == nullptr) return nullptr;
    state.pc_page = pc & ~u64{0xFFF};
    return static_cast<JitBlock*>(block);
}

u64 leave(CpuState& state, u64 pc)
{
    state.pc = pc;
    state.unwind = Unwind::synchronize;
    return 0;
}

} // namespace

AccessFn access_function(ir::Opcode op, unsigned size)
{
    switch (size) {
    case 1: return choose<u8>(op);
    case 2: return choose<u16>(op);
    case 4: return choose<u32>(op);
    case 8: return choose<u64>(op);
    case 16: return choose<V128>(op);
    }
    return nullptr;
}

u64 probe(CpuState* state, u64 va, AccessInfo info, u64 bytes, u64, u64)
{
    state->pc = state->pc_page + info.page_offset();
    if (!state->runtime->probe(*state, va, info.mem(), static_cast<unsigned>(bytes))) return unwound(*state, info);
    return 0;
}

u64 call_unwinding(CpuState* state, u64 a, u64 b, u64 c, decltype(ir::Helper::function) function, u64 where)
{
    // The helper may look at pc, and moves it on if it unwinds with the instruction done.
    const u64 here = state->pc_page + (where & 0xFFFF);
    state->pc = here;
    const u64 value = function(*state, a, b, c);
    if (state->unwind != Unwind::none) state->instructions += (where >> 16) + (state->pc != here ? 1 : 0);
    return value;
}

u64 enter_at(CpuState* state, u64 pc)
{
    const JitBlock* block = find(*state, pc);
    return block == nullptr ? 0 : block->code();
}

u64 follow_slowly(CpuState* state, Link* link)
{
    const u64 target = state->pc_page + static_cast<u64>(static_cast<i64>(link->offset));
    if (link->poll && state->request.load(MemoryOrder::relaxed) != 0) return leave(*state, target);
    JitBlock* block = find(*state, target);
    if (block == nullptr) return 0;
    JitBlock::connect(*link, *block);
    return block->code();
}

u64 jump_slowly(CpuState* state, u64 target)
{
    if (state->request.load(MemoryOrder::relaxed) != 0) return leave(*state, target);
    JitBlock* block = find(*state, target);
    if (block == nullptr) return 0;
    JumpEntry& entry = state->jump_cache[(block->physical_address >> 2) % jump_entries];
    entry = {block->physical_address, block->mode_key, block};
    return block->code();
}

u64 crc32(u64 acc, u64 data, u64 data_bytes) { return crc32_update(static_cast<u32>(acc), data, data_bytes, false); }
u64 crc32c(u64 acc, u64 data, u64 data_bytes) { return crc32_update(static_cast<u32>(acc), data, data_bytes, true); }

} // namespace gimbal::translator::x86_64
