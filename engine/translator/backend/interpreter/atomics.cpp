// SPDX-License-Identifier: Apache-2.0
#include <type_traits>

#include "engine/translator/backend/interpreter/control.hpp"
#include "engine/translator/backend/interpreter/handlers.hpp"
#include "engine/translator/core/atomic_access.hpp"

namespace gimbal::translator::interpreter {

namespace {

using ir::MemOp;

u64 address_of(const Op* op, const CpuState* state) { return get<u64>(state, op->a) + op->imm; }

template <class T> void put_value(CpuState* state, u32 offset, T value)
{
    if constexpr (std::is_same_v<T, V128>)
        put_exact<V128>(state, offset, value);
    else
        put(state, offset, value);
}

template <class T> const Op* load_exclusive(const Op* op, CpuState* state)
{
    T value{};
    if (!access::load_exclusive<T>(*state, address_of(op, state), MemOp::unpack(op->extra), op->page_offset(), value))
        return unwind_at(op, state);
    put_value<T>(state, op->d, value);
    return op + 1;
}

template <class T> const Op* store_exclusive(const Op* op, CpuState* state)
{
    u32 failed = 0;
    if (!access::store_exclusive<T>(*state, address_of(op, state), MemOp::unpack(op->extra), op->page_offset(),
                                    get<T>(state, op->b), failed))
        return unwind_at(op, state);
    put(state, op->d, failed);
    return op + 1;
}

template <class T> const Op* atomic_rmw(const Op* op, CpuState* state) // sub: ir::Atomic
{
    T old{};
    if (!access::atomic_rmw<T>(*state, address_of(op, state), MemOp::unpack(op->extra),
                               static_cast<ir::Atomic>(op->sub), op->page_offset(), get<T>(state, op->b), old))
        return unwind_at(op, state);
    put(state, op->d, old);
    return op + 1;
}

template <class T> const Op* atomic_cas(const Op* op, CpuState* state)
{
    T old{};
    if (!access::atomic_cas<T>(*state, address_of(op, state), MemOp::unpack(op->extra), op->page_offset(),
                               get<T>(state, op->b), get<T>(state, op->c), old))
        return unwind_at(op, state);
    put_value<T>(state, op->d, old);
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
