// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstring>

#include "base/atomic.hpp"
#include "engine/translator/core/cpu_state.hpp"
#include "engine/translator/core/lowered_block.hpp"

namespace gimbal::translator::interpreter {

struct Op;

/// Runs one op. With GIMBAL_THREADED it continues with the next op by a tail call; it may always return the next op
/// instead, to the loop in run_blocks. Null: the block has been left, and `unwind` says why.
using Handler = const Op* (*)(const Op* op, CpuState* state);

/// One step of threaded code. Operands are byte offsets from CpuState: guest registers and temporaries alike. What
/// the other fields mean is each handler's business; `where` is set for all ops that can leave their instruction.
/// Constant once published, but for the entry op's `fn`.
struct alignas(32) Op {
    Handler fn{};
    u16 d{};
    u16 a{};
    u16 b{};
    u16 c{};
    u64 imm{};
    u16 sub{};
    u16 extra{};
    u32 where{}; ///< Offset in the page of the guest instruction, and << 16 its index in the block.

    u32 page_offset() const { return where & 0xFFFF; }
    u32 guest_index() const { return where >> 16; }
};
static_assert(sizeof(Op) == 32);

class ThreadedBlock;

/// Lies in front of a block's entry op.
struct alignas(32) BlockHeader {
    ThreadedBlock* block{};
    u64 physical_page{};
    u64 unused[2]{};
};
static_assert(sizeof(BlockHeader) == sizeof(Op));

/// Where a block's exit leads. Lies behind the block's ops, `Op::extra` cells away from the op that takes it.
/// `entry` is read by any vCPU; it and `next` change under the link lock (threaded_block.cpp).
struct alignas(32) Link {
    Atomic<const Op*> entry{}; ///< Null: not resolved yet, or its target is retired.
    Link* next{};              ///< In the target's list of incoming links.
    i32 offset{};              ///< Target, from pc_page.
    u16 count{};               ///< Guest instructions completed when this exit is taken.
    bool poll{};               ///< A backward edge, or one that leaves the page.
    bool leaves_page{};
    ThreadedBlock* source{};
};
static_assert(sizeof(Link) == sizeof(Op));

inline const BlockHeader& header_of(const Op* entry) { return *(reinterpret_cast<const BlockHeader*>(entry) - 1); }

template <class T> T get(const CpuState* state, u32 offset)
{
    T value;
    std::memcpy(&value, reinterpret_cast<const char*>(state) + offset, sizeof(T));
    return value;
}

/// Stores exactly sizeof(T) bytes.
template <class T> void put_exact(CpuState* state, u32 offset, T value)
{
    std::memcpy(reinterpret_cast<char*>(state) + offset, &value, sizeof(T));
}

/// Stores an integer zero-extended to its 64-bit home.
inline void put(CpuState* state, u32 offset, u64 value) { put_exact<u64>(state, offset, value); }

inline V128* vector_at(CpuState* state, u32 offset)
{
    return reinterpret_cast<V128*>(reinterpret_cast<char*>(state) + offset);
}

/// The entry op's handler is replaced when its block is retired, hence the atomic read of any handler.
inline Handler handler_of(const Op* op) { return __atomic_load_n(&op->fn, __ATOMIC_RELAXED); }

} // namespace gimbal::translator::interpreter

// GIMBAL_CONTINUE(op): the last statement of a handler. GCC makes sibling calls of these at -O2 when no local of the
// handler has its address taken; clang guarantees it.
#if defined(GIMBAL_THREADED) && defined(__clang__)
#define GIMBAL_CONTINUE(next_op)                                                                                       \
    do {                                                                                                               \
        const Op* const continue_op = (next_op);                                                                       \
        const Handler continue_fn = handler_of(continue_op);                                                           \
        [[clang::musttail]] return continue_fn(continue_op, state);                                                    \
    } while (false)
#define GIMBAL_TAIL_CALL(call) [[clang::musttail]] return call
#elif defined(GIMBAL_THREADED)
#define GIMBAL_CONTINUE(next_op)                                                                                       \
    do {                                                                                                               \
        const Op* const continue_op = (next_op);                                                                       \
        const Handler continue_fn = handler_of(continue_op);                                                           \
        return continue_fn(continue_op, state);                                                                        \
    } while (false)
#define GIMBAL_TAIL_CALL(call) return call
#else
#define GIMBAL_CONTINUE(next_op) return (static_cast<void>(state), (next_op))
#define GIMBAL_TAIL_CALL(call) return call
#endif
