// SPDX-License-Identifier: Apache-2.0
#include <cstddef>

#include "engine/translator/backend/x86_64/compiler.hpp"

/// Ways out of a block. Nothing but guest state in memory crosses them.
namespace gimbal::translator::x86_64 {

using ir::Inst;
using ir::Opcode;

namespace {

constexpr auto near = Xbyak::CodeGenerator::T_NEAR;

Xbyak::Address field(Assembler& x, usize offset) { return x.qword[in_state(static_cast<i64>(offset))]; }

} // namespace

void Compiler::exit_if(const Inst& inst)
{
    const i64 offset = static_cast<i64>(inst.imm);
    if (offset != static_cast<i32>(offset)) {
        fail(LowerError::unsupported);
        return;
    }
    const Test test = condition(inst.args[0]);
    Cold& cold = cold_.emplace_back();
    jump_if(test, cold.label);
    cold.returns = false;
    cold.emit = [this, &inst, offset] { link_exit(inst, offset, offset <= static_cast<i64>(page_offset(inst))); };
    consume(inst.args[0]);
}

/// Counts, polls, and jumps where the link leads.
void Compiler::link_exit(const Inst& inst, i64 offset, bool backward)
{
    Exit& exit = exits_.emplace_back();
    exit.plan.offset = static_cast<i32>(offset);
    exit.plan.leaves_page = offset < 0 || offset >= 4096;
    // Backward edges alone would let straight code run for as long as memory goes.
    exit.plan.poll = backward || exit.plan.leaves_page;
    count(inst.guest_index + 1U);
    if (exit.plan.poll) {
        x_.cmp(x_.dword[in_state(offsetof(CpuState, request))], 0);
        x_.jne(exit.stub, near);
    }
    if (exit.plan.leaves_page)
        guarded_jump(exit.slot, offset, exit.stub);
    else
        x_.jmp(x_.qword[x_.rip + exit.slot]);
}

/// The link holds for one physical page; it may be taken while this context fetches the target from there.
void Compiler::guarded_jump(Xbyak::Label& slot, i64 offset, Xbyak::Label& stub)
{
    const i64 page = offset & ~i64{0xFFF};
    x_.mov(x_.rax, x_.qword[x_.rip + slot]);
    x_.mov(x_.rcx, field(x_, offsetof(CpuState, pc_page)));
    x_.add(x_.rcx, static_cast<u32>(static_cast<i32>(page)));
    x_.mov(x_.edx, x_.ecx);
    x_.shr(x_.edx, 12);
    x_.and_(x_.edx, fetch_entries - 1);
    static_assert(sizeof(FetchEntry) == 16);
    x_.shl(x_.edx, 4);
    x_.add(x_.rdx, field(x_, offsetof(CpuState, fetch)));
    x_.cmp(x_.rcx, x_.qword[x_.rdx + offsetof(FetchEntry, virtual_page)]);
    x_.jne(stub, near);
    x_.mov(x_.rdx, x_.qword[x_.rdx + offsetof(FetchEntry, physical_page)]);
    x_.cmp(x_.rdx, x_.qword[x_.rax - 8]);
    x_.jne(stub, near);
    x_.mov(field(x_, offsetof(CpuState, pc_page)), x_.rcx);
    x_.jmp(x_.rax);
}

void Compiler::terminal(const Inst& inst)
{
    switch (inst.op) {
    case Opcode::jump: {
        const i64 target = static_cast<i64>(inst.imm);
        if (target != static_cast<i32>(target)) {
            fail(LowerError::unsupported);
            return;
        }
        return link_exit(inst, target, target <= static_cast<i64>(page_offset(inst)));
    }
    case Opcode::jump_register: return jump_register(inst);
    case Opcode::synchronize: count(inst.guest_index + 1U); return leave_at(static_cast<i64>(inst.imm));
    case Opcode::synchronize_register: {
        const Reg target = use(inst.args[0]);
        count(inst.guest_index + 1U);
        x_.mov(field(x_, offsetof(CpuState, pc)), target);
        x_.mov(x_.byte[in_state(offsetof(CpuState, unwind))], static_cast<u8>(Unwind::synchronize));
        x_.jump_out(options_.stubs.leave);
        return consume(inst.args[0]);
    }
    default: break;
    }
    // An event; the instruction is done with if the guest resumes behind it.
    count(inst.guest_index + (inst.offset != page_offset(inst) ? 1U : 0U));
    x_.mov(x_.rax, field(x_, offsetof(CpuState, pc_page)));
    x_.add(x_.rax, inst.offset);
    x_.mov(field(x_, offsetof(CpuState, pc)), x_.rax);
    x_.mov(x_.byte[in_state(offsetof(CpuState, unwind_event))], static_cast<u8>(inst.sub));
    set(x_.rcx, inst.imm);
    x_.mov(field(x_, offsetof(CpuState, unwind_payload)), x_.rcx);
    x_.mov(x_.byte[in_state(offsetof(CpuState, unwind))], static_cast<u8>(Unwind::event));
    x_.jump_out(options_.stubs.leave);
}

/// Leaves the block for an offset from pc_page, where the next block is looked up anew.
void Compiler::leave_at(i64 offset)
{
    x_.mov(x_.rax, field(x_, offsetof(CpuState, pc_page)));
    set(x_.rcx, static_cast<u64>(offset));
    x_.add(x_.rax, x_.rcx);
    x_.mov(field(x_, offsetof(CpuState, pc)), x_.rax);
    x_.mov(x_.byte[in_state(offsetof(CpuState, unwind))], static_cast<u8>(Unwind::synchronize));
    x_.jump_out(options_.stubs.leave);
}

/// By the vCPU's fetch translations and its cache of targets; with the target in RAX to whoever finds nothing there.
void Compiler::jump_register(const Inst& inst)
{
    fetch_into(x_.rax, inst.args[0], false);
    consume(inst.args[0]);
    count(inst.guest_index + 1U);
    x_.mov(x_.rcx, x_.rax);
    x_.and_(x_.rcx, 0xFFFF'F000U);
    x_.mov(x_.edx, x_.eax);
    x_.shr(x_.edx, 12);
    x_.and_(x_.edx, fetch_entries - 1);
    x_.shl(x_.edx, 4);
    x_.add(x_.rdx, field(x_, offsetof(CpuState, fetch)));
    x_.cmp(x_.rcx, x_.qword[x_.rdx + offsetof(FetchEntry, virtual_page)]);
    x_.jump_out_unless_equal(options_.stubs.jump_slowly);
    x_.mov(x_.esi, x_.eax);
    x_.and_(x_.esi, 0xFFF);
    x_.add(x_.rsi, x_.qword[x_.rdx + offsetof(FetchEntry, physical_page)]);
    x_.mov(x_.edx, x_.esi);
    x_.shr(x_.edx, 2);
    x_.and_(x_.edx, jump_entries - 1);
    static_assert(sizeof(JumpEntry) == 24);
    x_.lea(x_.rdx, x_.ptr[x_.rdx + x_.rdx * 2]);
    x_.shl(x_.edx, 3);
    x_.add(x_.rdx, field(x_, offsetof(CpuState, jump_cache)));
    x_.cmp(x_.rsi, x_.qword[x_.rdx + offsetof(JumpEntry, physical_address)]);
    x_.jump_out_unless_equal(options_.stubs.jump_slowly);
    x_.mov(x_.rsi, field(x_, offsetof(CpuState, mode_key)));
    x_.cmp(x_.rsi, x_.qword[x_.rdx + offsetof(JumpEntry, mode_key)]);
    x_.jump_out_unless_equal(options_.stubs.jump_slowly);
    x_.cmp(x_.dword[in_state(offsetof(CpuState, request))], 0);
    x_.jump_out_unless_equal(options_.stubs.jump_slowly);
    x_.mov(field(x_, offsetof(CpuState, pc_page)), x_.rcx);
    x_.mov(x_.rdx, x_.qword[x_.rdx + offsetof(JumpEntry, block)]);
    x_.jmp(x_.qword[x_.rdx + options_.stubs.entry_in_block]);
}

/// The stubs that links lead to at first, and behind the code what links are jumped through.
void Compiler::link_slots()
{
    for (Exit& exit : exits_) {
        x_.align(16);
        x_.dq(~u64{0}); // what a guarded link finds in front of it is no physical page
        x_.dq(~u64{0});
        exit.plan.stub = x_.here();
        x_.L(exit.stub);
        x_.mov(x_.rsi, x_.qword[x_.rip + exit.slot + 8]);
        x_.jump_out(options_.stubs.follow);
    }
    x_.align(CodeArena::granule);
    for (Exit& exit : exits_) {
        exit.plan.slot = x_.here();
        x_.L(exit.slot);
        x_.dq(0);
        x_.dq(0);
        links_.push_back(exit.plan);
    }
}

} // namespace gimbal::translator::x86_64
