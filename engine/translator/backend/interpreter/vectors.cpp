// SPDX-License-Identifier: Apache-2.0
#include "engine/translator/backend/interpreter/control.hpp"
#include "engine/translator/backend/interpreter/handlers.hpp"
#include "engine/translator/vector/scalar_fp.hpp"
#include "engine/translator/vector/vector.hpp"

namespace gimbal::translator::interpreter {

namespace {

template <class T> const Op* element(const Op* op, CpuState* state) // the place is part of a
{
    put(state, op->d, get<T>(state, op->a));
    GIMBAL_CONTINUE(op + 1);
}

template <class T> const Op* insert(const Op* op, CpuState* state) // sub: the place in bytes
{
    const T scalar = get<T>(state, op->b);
    put_exact<V128>(state, op->d, get<V128>(state, op->a));
    put_exact<T>(state, static_cast<u32>(op->d) + op->sub, scalar);
    GIMBAL_CONTINUE(op + 1);
}

template <class T> const Op* duplicate(const Op* op, CpuState* state) // sub: length in bytes, 8 or 16
{
    u64 pattern = get<T>(state, op->a);
    for (unsigned bits = sizeof(T) * 8; bits < 64; bits *= 2) pattern |= pattern << bits;
    put(state, op->d, pattern);
    put(state, op->d + 8U, op->sub == 16 ? pattern : 0);
    GIMBAL_CONTINUE(op + 1);
}

template <class T> const Op* scalar(const Op* op, CpuState* state)
{
    put(state, op->d, get<T>(state, op->a));
    put(state, op->d + 8U, 0);
    GIMBAL_CONTINUE(op + 1);
}

const Op* truncate(const Op* op, CpuState* state) // sub: bytes kept
{
    const unsigned kept = op->sub;
    const u64 low = get<u64>(state, op->a) & low_mask(kept * 8);
    const u64 high = kept <= 8 ? 0 : get<u64>(state, op->a + 8U) & low_mask((kept - 8) * 8);
    put(state, op->d, low);
    put(state, op->d + 8U, high);
    GIMBAL_CONTINUE(op + 1);
}

u64 small_immediate(const Op* op) { return op->sub | static_cast<u32>(op->extra) << 16; }

template <class T> const Op* floating(const Op* op, CpuState* state)
{
    const auto function = reinterpret_cast<vector::FpFn>(op->imm);
    const u64 result =
        function(*state, get<T>(state, op->a), get<T>(state, op->b), get<T>(state, op->c), small_immediate(op));
    put(state, op->d, result);
    GIMBAL_CONTINUE(op + 1);
}

template <class T> const Op* floating_wide(const Op* op, CpuState* state) // the immediate is the next cell's
{
    const auto function = reinterpret_cast<vector::FpFn>(op->imm);
    const u64 result = function(*state, get<T>(state, op->a), get<T>(state, op->b), get<T>(state, op->c), op[1].imm);
    put(state, op->d, result);
    GIMBAL_CONTINUE(op + 2);
}

template <class T> Handler choose(ir::Opcode op)
{
    if (op == ir::Opcode::vec_element) return &element<T>;
    if (op == ir::Opcode::vec_insert) return &insert<T>;
    if (op == ir::Opcode::vec_duplicate) return &duplicate<T>;
    return op == ir::Opcode::vec_scalar ? &scalar<T> : nullptr;
}

} // namespace

namespace ops {

const Op* vec(const Op* op, CpuState* state)
{
    const auto function = reinterpret_cast<vector::VecFn>(op->imm);
    function(*state, vector_at(state, op->d), vector_at(state, op->a), vector_at(state, op->b), vector_at(state, op->c),
             small_immediate(op));
    GIMBAL_CONTINUE(op + 1);
}

const Op* vec_wide(const Op* op, CpuState* state)
{
    const auto function = reinterpret_cast<vector::VecFn>(op->imm);
    function(*state, vector_at(state, op->d), vector_at(state, op->a), vector_at(state, op->b), vector_at(state, op->c),
             op[1].imm);
    GIMBAL_CONTINUE(op + 2);
}

using HelperFn = decltype(ir::Helper::function);

const Op* call(const Op* op, CpuState* state)
{
    const auto function = reinterpret_cast<HelperFn>(op->imm);
    put(state, op->d, function(*state, get<u64>(state, op->a), get<u64>(state, op->b), get<u64>(state, op->c)));
    GIMBAL_CONTINUE(op + 1);
}

const Op* call_unwinding(const Op* op, CpuState* state)
{
    const auto function = reinterpret_cast<HelperFn>(op->imm);
    // The helper may look at pc, and moves it on if it unwinds with the instruction done.
    const u64 here = state->pc_page + op->page_offset();
    state->pc = here;
    const u64 result = function(*state, get<u64>(state, op->a), get<u64>(state, op->b), get<u64>(state, op->c));
    if (state->unwind != Unwind::none) [[unlikely]] {
        state->instructions += op->guest_index() + (state->pc != here ? 1U : 0U);
        return nullptr;
    }
    put(state, op->d, result);
    GIMBAL_CONTINUE(op + 1);
}

} // namespace ops

Handler vector_handler(ir::Opcode op, unsigned element_bits)
{
    if (op == ir::Opcode::vec_truncate) return &truncate;
    switch (element_bits) {
    case 8: return choose<u8>(op);
    case 16: return choose<u16>(op);
    case 32: return choose<u32>(op);
    case 64: return choose<u64>(op);
    }
    return nullptr;
}

Handler fp_handler(unsigned source_bits, bool wide)
{
    switch (source_bits) {
    case 16: return wide ? &floating_wide<u16> : &floating<u16>;
    case 32: return wide ? &floating_wide<u32> : &floating<u32>;
    case 64: return wide ? &floating_wide<u64> : &floating<u64>;
    }
    return nullptr;
}

} // namespace gimbal::translator::interpreter
