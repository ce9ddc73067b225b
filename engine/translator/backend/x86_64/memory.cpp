// SPDX-License-Identifier: Apache-2.0
#include <cstddef>

#include "engine/translator/backend/x86_64/compiler.hpp"

/// Guest memory: a hit in the vCPU's TLB inline, everything else by a call off the straight path. The host's own order
/// is all that loads and stores need, but for a store-release, which a later load-acquire must not pass.
namespace gimbal::translator::x86_64 {

using ir::Inst;
using ir::MemOp;
using ir::Opcode;

/// What a sum that waits can be had as in an address comes out of one LEA.
void Compiler::address_into_rax(ir::Value value)
{
    const Ref ref = a_.ref(value);
    const Inst& sum = a_.at(ref.root);
    if (!pending(ref.root) || sum.op != Opcode::add) return fetch_into(x_.rax, value, false);
    const Reg base = use(sum.args[0]);
    if (const auto imm = immediate(sum.args[1], 64)) {
        x_.lea(x_.rax, x_.ptr[base + static_cast<usize>(i64{*imm})]);
        return;
    }
    if (is_constant(sum.args[1])) {
        set(x_.rax, constant(sum.args[1]));
        x_.add(x_.rax, base);
        return;
    }
    x_.lea(x_.rax, x_.ptr[base + use(sum.args[1])]);
}

/// From the guest's address in RAX to the host's, in RAX; `miss` with RAX as it was. Uses RCX and RDX.
/// See fast_address() for why one compare settles mapping, page crossing and alignment.
void Compiler::lookup(MemOp mem, unsigned size, const Xbyak::Label& miss)
{
    const usize view = offsetof(CpuState, tlb) + static_cast<usize>(mem.privilege) * sizeof(TlbView);
    const auto field = [&](usize offset) { return x_.qword[in_state(static_cast<i64>(view + offset))]; };
    const bool aligned = mem.align == ir::Align::natural || mem.align == ir::Align::check_16;
    const unsigned span = mem.align == ir::Align::check_16 ? 16 : size;
    if (options_.host.bmi2) {
        x_.mov(x_.rcx, field(offsetof(TlbView, index_shift)));
        x_.shrx(x_.rcx, x_.rax, x_.rcx);
    } else {
        x_.mov(x_.rdx, x_.rax);
        x_.mov(x_.rcx, field(offsetof(TlbView, index_shift)));
        x_.shr(x_.rdx, x_.cl);
        x_.mov(x_.rcx, x_.rdx);
    }
    x_.and_(x_.ecx, tlb_entries - 1);
    static_assert(sizeof(TlbEntry) == 32);
    x_.shl(x_.ecx, 5);
    x_.add(x_.rcx, field(offsetof(TlbView, entries)));
    if (aligned) {
        x_.mov(x_.rdx, field(offsetof(TlbView, page_mask)));
        if (span > 1) x_.or_(x_.rdx, span - 1);
        x_.and_(x_.rdx, x_.rax);
    } else {
        if (span > 1)
            x_.lea(x_.rdx, x_.ptr[x_.rax + (span - 1)]);
        else
            x_.mov(x_.rdx, x_.rax);
        x_.and_(x_.rdx, field(offsetof(TlbView, page_mask)));
    }
    x_.cmp(x_.rdx, x_.qword[x_.rcx + (mem.is_write ? offsetof(TlbEntry, write_tag) : offsetof(TlbEntry, read_tag))]);
    x_.jne(miss, Xbyak::CodeGenerator::T_NEAR);
    x_.add(x_.rax, x_.qword[x_.rcx + offsetof(TlbEntry, addend)]);
}

void Compiler::memory(u16 index)
{
    const Inst& inst = a_.at(index);
    const MemOp mem = MemOp::unpack(inst.imm);
    if (inst.op == Opcode::probe) return memory_probe(index, mem);
    if (inst.op == Opcode::load) return memory_load(index, mem);
    if (inst.op == Opcode::store) return memory_store(index, mem);
    memory_by_call(index, mem);
}

/// The call of an access function, its address in RAX; the other operands are `operands`' to put into RCX, R8 and R9.
/// The result is in RAX, or the block is left.
void Compiler::access_call(const Inst& inst, MemOp mem, AccessFn function, u32 live, const Emit& operands)
{
    call_keeping(live, reinterpret_cast<u64>(function), [&] {
        operands();
        x_.mov(x_.rsi, x_.rax);
        set(x_.rdx, AccessInfo::make(mem, inst.sub, where(inst)).raw);
        x_.lea(x_.rdi, x_.ptr[in_state(0)]);
    });
    x_.cmp(x_.byte[in_state(offsetof(CpuState, unwind))], 0);
    x_.jump_out_unless_equal(options_.stubs.leave);
}

void Compiler::memory_load(u16 index, MemOp mem)
{
    const Inst& inst = a_.at(index);
    address_into_rax(inst.args[0]);
    mem.is_write = false;
    const AccessFn function = access_function(Opcode::load, mem.size());
    const bool whole = mem.size() == 16;
    // Whatever taking a register moves out of the way must have moved when the paths part.
    const Reg d = whole ? x_.rcx : take();
    const u16 temp = whole ? take_temp() : u16{0};
    Cold& cold = cold_.emplace_back();
    lookup(mem, mem.size(), cold.label);
    consume_arguments(inst);
    if (mem.size() == 1) x_.movzx(d.cvt32(), x_.byte[x_.rax]);
    if (mem.size() == 2) x_.movzx(d.cvt32(), x_.word[x_.rax]);
    if (mem.size() == 4) x_.mov(d.cvt32(), x_.dword[x_.rax]);
    if (mem.size() == 8) x_.mov(d, x_.qword[x_.rax]);
    if (!whole && mem.big_endian) swap_register(d, mem.size());
    if (whole) move_whole(x_.rax, in_state(temp), mem.big_endian);
    x_.L(cold.back);
    cold.emit = [=, this, &inst, live = live_across_call()] {
        access_call(inst, mem, function, live, [&] { x_.mov(x_.r9d, temp); });
        if (!whole) x_.mov(d, x_.rax);
    };
    if (whole)
        homes_[index].mem = temp;
    else
        own(index, d);
    free_if_done(index);
}

void Compiler::memory_store(u16 index, MemOp mem)
{
    const Inst& inst = a_.at(index);
    mem.is_write = true;
    const AccessFn function = access_function(Opcode::store, mem.size());
    const bool whole = mem.size() == 16;
    const u64 from = whole ? memory_of(inst.args[1]) : 0;
    const Reg value = whole ? x_.rcx : use(inst.args[1]);
    address_into_rax(inst.args[0]);
    Cold& cold = cold_.emplace_back();
    lookup(mem, mem.size(), cold.label);
    if (mem.size() == 1) x_.mov(x_.byte[x_.rax], value.cvt8());
    if (!whole && mem.size() > 1 && mem.big_endian) {
        x_.mov(x_.rcx, value);
        swap_register(x_.rcx, mem.size());
    }
    const Reg& ordered = mem.big_endian ? x_.rcx : value;
    if (mem.size() == 2) x_.mov(x_.word[x_.rax], ordered.cvt16());
    if (mem.size() == 4) x_.mov(x_.dword[x_.rax], ordered.cvt32());
    if (mem.size() == 8) x_.mov(x_.qword[x_.rax], ordered);
    if (whole) move_whole(in_state(static_cast<i64>(from)), x_.rax, mem.big_endian);
    if (mem.order == ir::Order::release || mem.order == ir::Order::acquire_release) full_fence();
    x_.L(cold.back);
    consume_arguments(inst);
    cold.emit = [=, this, &inst, live = live_across_call()] {
        access_call(inst, mem, function, live, [&] {
            if (whole)
                x_.mov(x_.ecx, static_cast<u32>(from));
            else
                x_.mov(x_.rcx, value);
        });
    };
}

void Compiler::swap_register(const Reg& reg, unsigned bytes)
{
    if (bytes == 2) x_.rol(reg.cvt16(), 8);
    if (bytes == 4) x_.bswap(reg.cvt32());
    if (bytes == 8) x_.bswap(reg);
}

/// 16 bytes. Uses RCX, RDX and XMM0.
void Compiler::move_whole(const Xbyak::RegExp& from, const Xbyak::RegExp& to, bool swapped)
{
    if (!swapped) {
        x_.movups(x_.xmm0, x_.xword[from]);
        x_.movups(x_.xword[to], x_.xmm0);
        return;
    }
    x_.mov(x_.rcx, x_.qword[from]);
    x_.mov(x_.rdx, x_.qword[from + 8]);
    x_.bswap(x_.rcx);
    x_.bswap(x_.rdx);
    x_.mov(x_.qword[to], x_.rdx);
    x_.mov(x_.qword[to + 8], x_.rcx);
}

/// Exclusive and atomic accesses: the function has the fast path.
void Compiler::memory_by_call(u16 index, MemOp mem)
{
    const Inst& inst = a_.at(index);
    const bool whole = mem.size() == 16;
    const AccessFn function = access_function(inst.op, mem.size());
    if (function == nullptr) {
        fail(LowerError::unsupported);
        return;
    }
    u64 from[3] = {};
    for (unsigned n = 1; n < 3; ++n) {
        if (!inst.args[n].valid()) continue;
        if (whole)
            from[n] = memory_of(inst.args[n]);
        else if (pending(a_.ref(inst.args[n]).root))
            materialise(a_.ref(inst.args[n]).root);
    }
    address_into_rax(inst.args[0]);
    spill_for_call();
    const u16 temp = whole ? take_temp() : u16{0};
    const Reg parameters[] = {x_.rax, x_.rcx, x_.r8};
    access_call(inst, mem, function, 0, [&] {
        for (unsigned n = 1; n < 3; ++n) {
            if (!inst.args[n].valid()) continue;
            if (whole)
                x_.mov(parameters[n].cvt32(), static_cast<u32>(from[n]));
            else
                fetch_into(parameters[n], inst.args[n], true);
        }
        x_.mov(x_.r9d, temp);
    });
    if (inst.type == ir::Type::none) return consume_arguments(inst);
    if (whole && inst.op != Opcode::store_exclusive) return define_in_memory(index, temp);
    const Reg d = take();
    x_.mov(d, x_.rax);
    define(index, d);
}

void Compiler::memory_probe(u16 index, MemOp mem)
{
    const Inst& inst = a_.at(index);
    address_into_rax(inst.args[0]);
    const u32 bytes = inst.offset;
    const bool any = mem.align == ir::Align::any || mem.align == ir::Align::normal;
    if (!any || bytes > 64) {
        spill_for_call();
        access_call(inst, mem, &probe, 0, [&] { x_.mov(x_.ecx, bytes); });
        return consume_arguments(inst);
    }
    Cold& cold = cold_.emplace_back();
    lookup(mem, bytes, cold.label);
    x_.L(cold.back);
    consume_arguments(inst);
    cold.emit = [=, this, &inst, live = live_across_call()] {
        access_call(inst, mem, &probe, live, [&] { x_.mov(x_.ecx, bytes); });
    };
}

} // namespace gimbal::translator::x86_64
