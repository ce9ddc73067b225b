// SPDX-License-Identifier: Apache-2.0
#include "engine/translator/backend/interpreter/handlers.hpp"

namespace gimbal::translator::interpreter::ops {

namespace {

template <class T> const Op* move(const Op* op, CpuState* state)
{
    put_exact<T>(state, op->d, get<T>(state, op->a));
    GIMBAL_CONTINUE(op + 1);
}

template <class T> const Op* extend(const Op* op, CpuState* state)
{
    put(state, op->d, get<T>(state, op->a));
    GIMBAL_CONTINUE(op + 1);
}

} // namespace

const Op* nothing(const Op* op, CpuState* state) { GIMBAL_CONTINUE(op + 1); }

const Op* set(const Op* op, CpuState* state)
{
    put(state, op->d, op->imm);
    GIMBAL_CONTINUE(op + 1);
}

const Op* set_narrow(const Op* op, CpuState* state)
{
    if (op->sub == 1)
        put_exact<u8>(state, op->d, static_cast<u8>(op->imm));
    else if (op->sub == 2)
        put_exact<u16>(state, op->d, static_cast<u16>(op->imm));
    else
        put_exact<u32>(state, op->d, static_cast<u32>(op->imm));
    GIMBAL_CONTINUE(op + 1);
}

const Op* set_vector(const Op* op, CpuState* state)
{
    put(state, op->d, op->imm);
    put(state, op->d + 8U, 0);
    GIMBAL_CONTINUE(op + 1);
}

const Op* get8(const Op* op, CpuState* state) { GIMBAL_TAIL_CALL(extend<u8>(op, state)); }
const Op* get16(const Op* op, CpuState* state) { GIMBAL_TAIL_CALL(extend<u16>(op, state)); }
const Op* get32(const Op* op, CpuState* state) { GIMBAL_TAIL_CALL(extend<u32>(op, state)); }
const Op* move8(const Op* op, CpuState* state) { GIMBAL_TAIL_CALL(move<u8>(op, state)); }
const Op* move16(const Op* op, CpuState* state) { GIMBAL_TAIL_CALL(move<u16>(op, state)); }
const Op* move32(const Op* op, CpuState* state) { GIMBAL_TAIL_CALL(move<u32>(op, state)); }
const Op* move64(const Op* op, CpuState* state) { GIMBAL_TAIL_CALL(move<u64>(op, state)); }
const Op* move128(const Op* op, CpuState* state) { GIMBAL_TAIL_CALL(move<V128>(op, state)); }

const Op* pair(const Op* op, CpuState* state)
{
    const u64 low = get<u64>(state, op->a);
    const u64 high = get<u64>(state, op->b);
    put(state, op->d, low);
    put(state, op->d + 8U, high);
    GIMBAL_CONTINUE(op + 1);
}

} // namespace gimbal::translator::interpreter::ops
