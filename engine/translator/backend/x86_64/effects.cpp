// SPDX-License-Identifier: Apache-2.0
#include <cstddef>

#include "engine/translator/backend/x86_64/compiler.hpp"

namespace gimbal::translator::x86_64 {

using ir::Inst;
using ir::Opcode;

namespace {

constexpr unsigned whole_state = 0x10000;

} // namespace

bool Compiler::run()
{
    for (cursor_ = 0; cursor_ < a_.count && !failed_; ++cursor_) {
        if (a_.live[cursor_]) instruction(cursor_);
        end_instruction();
    }
    for (usize i = 0; i < cold_.size() && !failed_; ++i) {
        x_.L(cold_[i].label);
        cold_[i].emit();
        if (cold_[i].returns) x_.jmp(cold_[i].back, Xbyak::CodeGenerator::T_NEAR);
    }
    link_slots();
    return !failed_;
}

void Compiler::instruction(u16 index)
{
    const Inst& inst = a_.at(index);
    switch (inst.op) {
    case Opcode::constant:
    case Opcode::pc_page: return;
    case Opcode::read: return read(index);
    case Opcode::write: return write(index);
    case Opcode::load:
    case Opcode::store:
    case Opcode::probe:
    case Opcode::load_exclusive:
    case Opcode::store_exclusive:
    case Opcode::atomic_rmw:
    case Opcode::atomic_cas: return memory(index);
    case Opcode::clear_exclusive: x_.mov(x_.qword[in_state(offsetof(CpuState, exclusive_address))], ~u64{0}); return;
    case Opcode::fence: return fence(inst);
    case Opcode::call: return call_helper(index);
    case Opcode::fp: return emit_floating(index);
    case Opcode::loop_header: return enter_loop();
    case Opcode::loop_back_if: return loop_back(inst);
    case Opcode::exit_if: return exit_if(inst);
    case Opcode::jump:
    case Opcode::jump_register:
    case Opcode::synchronize:
    case Opcode::synchronize_register:
    case Opcode::event: return terminal(inst);
    default:
        // The others are values: those that do not wait are computed where they stand.
        if (!waits(index)) emit_pure(index);
    }
}

void Compiler::read(u16 index)
{
    const Inst& inst = a_.at(index);
    const unsigned bytes = ir::byte_size(inst.type);
    if (!is_positional_read(inst)) {
        homes_[index].mem = static_cast<i32>(inst.imm);
        in_slots_.push_back(index);
        return;
    }
    if (ir::is_vector(inst.type)) {
        const u16 temp = take_temp();
        x_.movups(x_.xmm0, x_.xword[in_state(static_cast<i64>(inst.imm))]);
        x_.movaps(x_.xword[in_state(temp)], x_.xmm0);
        homes_[index].mem = temp;
    } else {
        const Reg d = take();
        load(d, inst.imm, bytes);
        own(index, d);
    }
    free_if_done(index);
}

void Compiler::write(u16 index)
{
    const Inst& inst = a_.at(index);
    if (ir::byte_size(inst.type) == 16) return write_vector(inst);
    const unsigned bytes = ir::byte_size(inst.type);
    const ir::Value value = inst.args[0];
    const Ref ref = a_.ref(value);
    const Inst& source = a_.at(ref.root);
    const u64 slot = inst.imm;
    const Xbyak::RegExp at = in_state(static_cast<i64>(slot));
    if (pending(ref.root) && makes_flags(source.op) && inst.type == ir::Type::nzcv) {
        flags_into_eax(ref.root);
        make_room(slot, bytes);
        x_.mov(x_.dword[at], x_.eax);
        return consume(value);
    }
    const std::optional<i32> imm = immediate(value, bytes == 8 ? 64 : 32);
    if (imm && bytes >= 4) {
        make_room(slot, bytes);
        if (bytes == 8)
            x_.mov(x_.qword[at], static_cast<u64>(i64{*imm}));
        else
            x_.mov(x_.dword[at], static_cast<u32>(*imm));
        return consume(value);
    }
    const Reg reg = use(value);
    Home& home = homes_[ref.root];
    if (ref.delta == 0 && home.mem == static_cast<i32>(slot)) return consume(value); // it is there already
    make_room(slot, bytes);
    store(slot, bytes, reg);
    // From here on its register can be had back from the slot.
    if (bytes == 8 && home.reg == reg.getIdx() && home.mem == nowhere && slot >= sizeof(CpuState) &&
        source.op != Opcode::constant && source.op != Opcode::pc_page) {
        home.mem = static_cast<i32>(slot);
        in_slots_.push_back(ref.root);
    }
    consume(value);
}

void Compiler::write_vector(const Inst& inst)
{
    const u64 from = memory_of(inst.args[0]);
    if (from == inst.imm) return consume(inst.args[0]);
    make_room(inst.imm, 16);
    x_.movups(x_.xmm0, x_.xword[in_state(static_cast<i64>(from))]);
    x_.movups(x_.xword[in_state(static_cast<i64>(inst.imm))], x_.xmm0);
    consume(inst.args[0]);
}

void Compiler::call_helper(u16 index)
{
    const Inst& inst = a_.at(index);
    const auto& helper = *reinterpret_cast<const ir::Helper*>(inst.imm);
    for (const ir::Value arg : inst.args)
        if (arg.valid() && pending(a_.ref(arg).root)) materialise(a_.ref(arg).root);
    // The arguments are taken before anything changes, so what dies here need not be kept.
    if (helper.effects.writes_state) make_room(0, whole_state);
    spill_for_call();
    const Reg parameters[] = {x_.rsi, x_.rdx, x_.rcx};
    for (unsigned n = 0; n < 3; ++n) {
        if (inst.args[n].valid())
            fetch_into(parameters[n], inst.args[n], true);
        else
            x_.xor_(parameters[n].cvt32(), parameters[n].cvt32());
    }
    x_.lea(x_.rdi, x_.ptr[in_state(0)]);
    if (helper.effects.may_unwind) {
        x_.mov(x_.r8, reinterpret_cast<u64>(helper.function));
        x_.mov(x_.r9d, where(inst));
        call(reinterpret_cast<u64>(&call_unwinding));
        x_.cmp(x_.byte[in_state(offsetof(CpuState, unwind))], 0);
        x_.jump_out_unless_equal(options_.stubs.leave);
    } else {
        call(reinterpret_cast<u64>(helper.function));
    }
    if (helper.result == ir::Type::none) return consume_arguments(inst);
    const Reg d = take();
    x_.mov(d, x_.rax);
    define(index, d);
}

void Compiler::full_fence()
{
    x_.lock();
    x_.or_(x_.dword[x_.rsp], 0);
}

void Compiler::fence(const Inst& inst)
{
    // The host keeps every other order by itself.
    if (static_cast<ir::Fence>(inst.imm) == ir::Fence::full) full_fence();
}

/// From here on the code may run again: whatever it uses must stay where it is now.
void Compiler::enter_loop()
{
    for (u16 root = 0; root < a_.insts.size(); ++root) {
        if (left_[root] == 0 || (root >= cursor_ && root < a_.count)) continue;
        const Opcode op = a_.at(root).op;
        if (op == Opcode::pc_page || op == Opcode::constant) continue;
        settle_into_memory(root);
        locked_ = 0;
    }
    in_slots_.clear();
    for (int reg = 0; reg < 16; ++reg)
        if (owner_[reg] != no_value) release(reg);
    x_.L(loop_);
    loop_index_ = a_.at(cursor_).guest_index;
}

void Compiler::loop_back(const Inst& inst)
{
    // Constants are made anew in each round, and all else that is needed lies in memory.
    const Test test = condition(inst.args[0]);
    Xbyak::Label done;
    Cold& cold = cold_.emplace_back();
    Xbyak::Label again;
    jump_if(test, again);
    x_.jmp(done, Xbyak::CodeGenerator::T_NEAR);
    x_.L(again);
    count(inst.guest_index + 1U - loop_index_);
    x_.cmp(x_.dword[in_state(offsetof(CpuState, request))], 0);
    x_.jne(cold.label, Xbyak::CodeGenerator::T_NEAR);
    x_.jmp(loop_, Xbyak::CodeGenerator::T_NEAR);
    x_.L(done);
    cold.returns = false;
    const i64 target = block_.guest_offset + i64{loop_index_} * block_.instruction_bytes;
    cold.emit = [this, target, before = loop_index_] {
        // Instructions before the header are counted at the next exit only, and this is one.
        count(before);
        leave_at(target);
    };
    consume(inst.args[0]);
}

u32 Compiler::page_offset(const Inst& inst) const
{
    return block_.guest_offset + u32{inst.guest_index} * block_.instruction_bytes;
}

u32 Compiler::where(const Inst& inst) const
{
    return x86_64::where(page_offset(inst), options_.count ? inst.guest_index : 0);
}

void Compiler::count(u32 instructions)
{
    if (options_.count && instructions != 0) x_.add(x_.qword[in_state(offsetof(CpuState, instructions))], instructions);
}

} // namespace gimbal::translator::x86_64
