// SPDX-License-Identifier: Apache-2.0
#include "engine/translator/backend/x86_64/compiler.hpp"
#include "engine/translator/vector/scalar_fp.hpp"
#include "engine/translator/vector/vector.hpp"

/// Vectors live in memory; what has no code of its own here is a call of the shared implementation.
namespace gimbal::translator::x86_64 {

using ir::Inst;
using ir::Opcode;

bool Compiler::emit_vector(u16 index)
{
    const Inst& inst = a_.at(index);
    const u64 place = inst.imm * inst.size / 8;
    switch (inst.op) {
    case Opcode::vec_element: {
        const u64 from = memory_of(inst.args[0]);
        const Reg d = take();
        load(d, from + place, inst.size / 8U);
        define(index, d);
        return true;
    }
    case Opcode::vec_insert: {
        const u64 into = memory_of(inst.args[0]);
        const Reg b = use(inst.args[1]);
        const u16 temp = take_temp();
        x_.movups(x_.xmm0, x_.xword[in_state(static_cast<i64>(into))]);
        x_.movaps(x_.xword[in_state(temp)], x_.xmm0);
        store(temp + place, inst.size / 8U, b);
        define_in_memory(index, temp);
        return true;
    }
    case Opcode::vec_duplicate: {
        const Reg a = use(inst.args[0]);
        const u16 temp = take_temp();
        if (inst.size == 8) x_.movzx(x_.eax, a.cvt8());
        if (inst.size == 16) x_.movzx(x_.eax, a.cvt16());
        if (inst.size == 32) x_.mov(x_.eax, a.cvt32());
        if (inst.size == 64) {
            x_.mov(x_.rax, a);
        } else {
            set(x_.rcx, ~u64{0} / ((u64{1} << inst.size) - 1));
            x_.imul(x_.rax, x_.rcx);
        }
        x_.mov(x_.qword[in_state(temp)], x_.rax);
        if (inst.bytes == 16)
            x_.mov(x_.qword[in_state(temp + 8)], x_.rax);
        else
            x_.mov(x_.qword[in_state(temp + 8)], 0);
        define_in_memory(index, temp);
        return true;
    }
    case Opcode::vec_scalar: {
        const u16 temp = take_temp();
        fetch_into(x_.rax, inst.args[0], true);
        x_.mov(x_.qword[in_state(temp)], x_.rax);
        x_.mov(x_.qword[in_state(temp + 8)], 0);
        define_in_memory(index, temp);
        return true;
    }
    case Opcode::vec_truncate: truncate_vector(index); return true;
    case Opcode::vec: emit_vec_call(index); return true;
    default: return false;
    }
}

void Compiler::truncate_vector(u16 index)
{
    const Inst& inst = a_.at(index);
    const u64 from = memory_of(inst.args[0]);
    const u16 temp = take_temp();
    const unsigned low = inst.bytes < 8 ? inst.bytes : 8;
    const unsigned high = inst.bytes > 8 ? inst.bytes - 8U : 0;
    const auto half = [&](u64 offset, unsigned kept) {
        if (kept == 0)
            x_.xor_(x_.eax, x_.eax);
        else
            load(x_.rax, from + offset, kept == 1 || kept == 2 || kept == 4 ? kept : 8);
        if (kept != 0 && kept != 1 && kept != 2 && kept != 4 && kept != 8) {
            set(x_.rcx, (u64{1} << (kept * 8)) - 1);
            x_.and_(x_.rax, x_.rcx);
        }
        x_.mov(x_.qword[in_state(static_cast<i64>(temp + offset))], x_.rax);
    };
    half(0, low);
    half(8, high);
    define_in_memory(index, temp);
}

/// VecFn(state, d, a, b, c, imm)
void Compiler::emit_vec_call(u16 index)
{
    const Inst& inst = a_.at(index);
    const auto function = vector::function(static_cast<ir::VecOp>(inst.sub), inst.size, inst.bytes);
    if (function == nullptr) {
        fail(LowerError::unsupported);
        return;
    }
    const Reg parameters[] = {x_.rdx, x_.rcx, x_.r8};
    u64 from[3] = {offsetof(CpuState, zero), offsetof(CpuState, zero), offsetof(CpuState, zero)};
    for (unsigned n = 0; n < 3; ++n)
        if (inst.args[n].valid()) from[n] = memory_of(inst.args[n]);
    spill_for_call();
    const u16 temp = take_temp();
    for (unsigned n = 0; n < 3; ++n) x_.lea(parameters[n], x_.ptr[in_state(static_cast<i64>(from[n]))]);
    x_.lea(x_.rsi, x_.ptr[in_state(temp)]);
    x_.lea(x_.rdi, x_.ptr[in_state(0)]);
    set(x_.r9, inst.imm);
    call(reinterpret_cast<u64>(function));
    define_in_memory(index, temp);
}

/// FpFn(state, a, b, c, imm)
void Compiler::emit_floating(u16 index)
{
    const Inst& inst = a_.at(index);
    const auto function = vector::fp_function(static_cast<ir::FpOp>(inst.sub), inst.size, inst.type);
    if (function == nullptr) {
        fail(LowerError::unsupported);
        return;
    }
    const Reg parameters[] = {x_.rsi, x_.rdx, x_.rcx};
    for (const ir::Value arg : inst.args)
        if (arg.valid() && pending(a_.ref(arg).root)) materialise(a_.ref(arg).root);
    spill_for_call();
    for (unsigned n = 0; n < 3; ++n) {
        if (!inst.args[n].valid()) {
            x_.xor_(parameters[n].cvt32(), parameters[n].cvt32());
            continue;
        }
        fetch_into(parameters[n], inst.args[n], false);
    }
    x_.lea(x_.rdi, x_.ptr[in_state(0)]);
    set(x_.r8, inst.imm);
    call(reinterpret_cast<u64>(function));
    const Reg d = take();
    x_.mov(d, x_.rax);
    define(index, d);
}

} // namespace gimbal::translator::x86_64
