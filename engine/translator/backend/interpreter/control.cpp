// SPDX-License-Identifier: Apache-2.0
#include "engine/translator/backend/interpreter/control.hpp"

#include "base/assert.hpp"
#include "engine/translator/backend/interpreter/handlers.hpp"
#include "engine/translator/backend/interpreter/lower.hpp"
#include "engine/translator/backend/interpreter/run.hpp"
#include "engine/translator/backend/interpreter/threaded_block.hpp"
#include "engine/translator/core/runtime.hpp"

namespace gimbal::translator::interpreter {

namespace {

/// The entry of the block at `pc`, or null with `unwind` set.
ThreadedBlock* find(CpuState* state, u64 pc)
{
    state->pc = pc;
    LoweredBlock* block = state->runtime->find_block(*state, pc);
    if (block == nullptr) return nullptr;
    state->pc_page = pc & ~u64{0xFFF};
    return static_cast<ThreadedBlock*>(block);
}

usize jump_index(u64 physical_address) { return (physical_address >> 2) % jump_entries; }

void remember_jump(CpuState* state, ThreadedBlock& block)
{
    JumpEntry& entry = state->jump_cache[jump_index(block.physical_address)];
    entry = {block.physical_address, block.mode_key, &block};
}

[[gnu::noinline]] const Op* jump_slowly(const Op* op, CpuState* state)
{
    const u64 target = get<u64>(state, op->a);
    if (state->request.load(MemoryOrder::relaxed) != 0) return leave_for(state, target);
    ThreadedBlock* block = find(state, target);
    if (block == nullptr) return nullptr;
    remember_jump(state, *block);
    return block->entry();
}

} // namespace

const Op* leave_for(CpuState* state, u64 pc)
{
    state->pc = pc;
    state->unwind = Unwind::synchronize;
    return nullptr;
}

const Op* unwind_at(const Op* op, CpuState* state)
{
    state->pc = state->pc_page + op->page_offset();
    state->instructions += op->guest_index();
    return nullptr;
}

const Op* enter_stale_block(const Op* op, CpuState* state)
{
    const u64 offset = header_of(op).block->physical_address & 0xFFF;
    const ThreadedBlock* block = find(state, state->pc_page + offset);
    return block == nullptr ? nullptr : block->entry();
}

const Op* follow_slowly(const Op* op, CpuState* state)
{
    const Link* link = link_of(op);
    const u64 target = state->pc_page + static_cast<u64>(static_cast<i64>(link->offset));
    if (link->poll && state->request.load(MemoryOrder::relaxed) != 0) return leave_for(state, target);
    ThreadedBlock* block = find(state, target);
    if (block == nullptr) return nullptr;
    ThreadedBlock::connect(const_cast<Link&>(*link), *block);
    return block->entry();
}

namespace ops {

/// The last op of its block, and its link the last exit made: that lies right behind it, and finding it there is
/// quicker than by `extra`.
const Op* jump(const Op* op, CpuState* state) { GIMBAL_LEAVE_BY(reinterpret_cast<const Link*>(op + 1)); }

const Op* exit_if(const Op* op, CpuState* state)
{
    if (get<u8>(state, op->a) != 0) GIMBAL_LEAVE();
    GIMBAL_CONTINUE(op + 1);
}

const Op* exit_if_not(const Op* op, CpuState* state)
{
    if (get<u8>(state, op->a) == 0) GIMBAL_LEAVE();
    GIMBAL_CONTINUE(op + 1);
}

const Op* exit_if_nzcv(const Op* op, CpuState* state)
{
    if ((op->sub >> (get<u32>(state, op->a) >> 28) & 1) != 0) GIMBAL_LEAVE();
    GIMBAL_CONTINUE(op + 1);
}

const Op* jump_register(const Op* op, CpuState* state)
{
    const u64 target = get<u64>(state, op->a);
    state->instructions += op->guest_index() + 1;
    const u64 page = target & ~u64{0xFFF};
    const FetchEntry& fetch = state->fetch[(page >> 12) % fetch_entries];
    const u64 physical = fetch.physical_page + (target & 0xFFF);
    const JumpEntry& entry = state->jump_cache[jump_index(physical)];
    if (fetch.virtual_page != page || entry.physical_address != physical || entry.mode_key != state->mode_key ||
        state->request.load(MemoryOrder::relaxed) != 0) [[unlikely]]
        GIMBAL_TAIL_CALL(jump_slowly(op, state));
    state->pc_page = page;
    GIMBAL_CONTINUE(static_cast<const ThreadedBlock*>(entry.block)->entry());
}

const Op* loop_back_if(const Op* op, CpuState* state)
{
    if (get<u8>(state, op->a) == 0) GIMBAL_CONTINUE(op + 1);
    // imm: offset of the header's instruction; d, b: how far back its op lies, and instructions in one round
    state->instructions += op->b;
    if (state->request.load(MemoryOrder::relaxed) != 0) [[unlikely]] {
        // Instructions before the header are counted at the next exit only, and this is one.
        state->instructions += op->c;
        return leave_for(state, state->pc_page + op->imm);
    }
    GIMBAL_CONTINUE(op - op->d);
}

const Op* synchronize(const Op* op, CpuState* state)
{
    state->instructions += op->guest_index() + 1;
    return leave_for(state, state->pc_page + op->imm);
}

const Op* synchronize_register(const Op* op, CpuState* state)
{
    state->instructions += op->guest_index() + 1;
    return leave_for(state, get<u64>(state, op->a));
}

const Op* event(const Op* op, CpuState* state)
{
    // d: where the guest resumes; behind the instruction if that is done with
    const u32 resume = op->d;
    state->instructions += op->guest_index() + (resume != op->page_offset() ? 1 : 0);
    state->pc = state->pc_page + resume;
    state->unwind_event = static_cast<ir::Event>(op->sub);
    state->unwind_payload = op->imm;
    state->unwind = Unwind::event;
    return nullptr;
}

} // namespace ops

void run_blocks(CpuState& state)
{
    while (state.unwind == Unwind::none) {
        const ThreadedBlock* block = find(&state, state.pc);
        if (block == nullptr) {
            GIMBAL_ASSERT(state.unwind != Unwind::none);
            return;
        }
        const Op* op = block->entry();
        while (op != nullptr) op = handler_of(op)(op, &state);
    }
}

void InterpreterBackend::run(CpuState& state) { run_blocks(state); }

} // namespace gimbal::translator::interpreter
