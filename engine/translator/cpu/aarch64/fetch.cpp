// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <new>

#include "arch/aarch64/pstate.hpp"
#include "base/bits.hpp"
#include "engine/translator/cpu/aarch64/cpu.hpp"
#include "engine/translator/frontend/aarch64/decode.hpp"
#include "engine/translator/frontend/aarch64/system_helpers.hpp"
#include "engine/translator/frontend/aarch64/translator.hpp"
#include "engine/translator/ir/print.hpp"
#include "engine/translator/ir/verify.hpp"

// From a program counter to a block: fetch translation, lookup, translation.
namespace gimbal::translator::aarch64 {

namespace {

constexpr unsigned max_block_instructions = 64;

bool loads_exclusive(const ir::Block& block)
{
    return std::ranges::find(block.insts, ir::Opcode::load_exclusive, &ir::Inst::op) != block.insts.end();
}

u64 without_tag(u64 pc) { return static_cast<u64>(sign_extend(pc, 56)); }

} // namespace

LoweredBlock* Cpu::find_block(CpuState& state, u64 pc)
{
    u64 physical = 0;
    if (!fetch_translation(pc, physical)) {
        state.pc = state.unwind == Unwind::synchronize ? without_tag(pc) : pc;
        return nullptr;
    }
    JumpEntry& cached = state.jump_cache[(physical >> 2) & (jump_entries - 1)];
    if (cached.physical_address == physical && cached.mode_key == state.mode_key &&
        cached.block->stale.load(MemoryOrder::acquire) == 0 && !mode_.step)
        return cached.block;
    LoweredBlock* block = machine_.code().find(physical, state.mode_key);
    if (block == nullptr) {
        block = make_block(physical, pc);
        if (block == nullptr) return nullptr;
    }
    cached = {physical, state.mode_key, block};
    if (mode_.step) exclusive_stepped_ = block->loads_exclusive;
    return block;
}

/// Translates and publishes. Null: the VM has to stop, the code has just changed under us, or there are retired blocks
/// to let go first.
LoweredBlock* Cpu::make_block(u64 physical, u64 pc)
{
    CpuState& state = state_->common;
    const bool single = mode_.step || (state.mode_key & single_instruction_key) != 0;
    FatalReason reason = FatalReason::host_error;
    try {
        auto fresh = translate_block(physical, single ? 1 : max_block_instructions);
        if (fresh) {
            LoweredBlock* const block = machine_.code().insert(std::move(*fresh));
            if (block != nullptr && (single || !machine_.code().stale(cache_epoch_))) return block;
            return look_again(pc);
        }
        if (fresh.error() == LowerError::no_room) {
            machine_.code().evict();
            return look_again(pc);
        }
    } catch (const std::bad_alloc&) {
        reason = FatalReason::host_memory;
    }
    access_exit_ = Exit(FatalExit{reason, pc});
    state.unwind = Unwind::access;
    state.pc = pc;
    return nullptr;
}

/// Lets go of the blocks it holds before it goes on at `pc`. A guest that never lets a vCPU leave its blocks must not
/// make retired ones pile up: all look up.
LoweredBlock* Cpu::look_again(u64 pc)
{
    machine_.for_each_other(
        *this, [](Cpu& other) { other.state_->common.request.fetch_or(request::interrupt, MemoryOrder::acq_rel); });
    state_->common.unwind = Unwind::synchronize;
    state_->common.pc = pc;
    return nullptr;
}

bool Cpu::has_branch_tag(u64 pc) const
{
    return without_tag(pc) != pc && mode_.mmu_on && top_byte_ignored(state_->el[1].tcr, pc);
}

/// A branch drops the tag of its target (AArch64.BranchAddr): here where an exception is about to keep PC.
void Cpu::drop_branch_tag()
{
    u64& pc = state_->common.pc;
    if (has_branch_tag(pc)) pc = without_tag(pc);
}

bool Cpu::fetch_translation(u64 pc, u64& physical)
{
    const u64 page = align_down(pc, 4096);
    const FetchEntry& entry = state_->common.fetch[(pc >> 12) & (fetch_entries - 1)];
    const bool illegal = (state_->pstate & arch::Spsr::il::mask) != 0;
    if (entry.virtual_page == page && (pc & 3) == 0 && !illegal) {
        physical = entry.physical_page + (pc & low_mask(12));
        return true;
    }
    if (has_branch_tag(pc)) {
        // Dropped before anything is checked.
        state_->common.unwind = Unwind::synchronize;
        return false;
    }
    if (illegal) {
        unwind_exception({arch::make_esr(arch::Ec::illegal_state), 0, false});
        return false;
    }
    if ((pc & 3) != 0) {
        unwind_exception({arch::make_esr(arch::Ec::pc_alignment), pc, true});
        return false;
    }
    const auto translation = translate(pc, WalkAccess::execute, mode_.el != 0);
    if (!translation) {
        instruction_abort(pc, translation.error().status);
        return false;
    }
    physical = translation->page + (pc & low_mask(tlb_.granule()));
    if (machine_.memory().find({physical}) == nullptr) {
        instruction_abort(pc, arch::FaultStatus::external_abort);
        return false;
    }
    tlb_.fill_fetch(page, align_down(physical, 4096), translation->global);
    return true;
}

void Cpu::instruction_abort(u64 pc, arch::FaultStatus status)
{
    unwind_exception({arch::make_instruction_abort(mode_.el == 0, status), pc, true});
}

/// IR of up to `limit` instructions; `source` receives their words.
void Cpu::build_block(ir::Block& block, std::vector<u32>& source, const u32* words, u32 page_offset, unsigned limit)
{
    block.guest_offset = static_cast<u16>(page_offset);
    Translator translator(block, mode_, page_offset);
    u32 offset = page_offset;
    for (u16 count = 0; count < limit && offset < 4096 && !translator.ir.ended(); ++count, offset += 4) {
        const Insn insn{__atomic_load_n(words + count, __ATOMIC_RELAXED)};
        source.push_back(insn.raw);
        translator.begin(count, offset);
        if (mode_.debug) translator.ir.call(helper_check_breakpoint, translator.pc_value());
        const DecodeRow* row = decode(insn);
        if (row == nullptr)
            translator.undefined();
        else
            row->translate(translator, insn);
    }
    block.guest_count = static_cast<u16>(source.size());
    if (translator.ir.ended()) return;
    if (limit == 1)
        translator.ir.synchronize(offset);
    else
        translator.ir.jump(offset);
}

std::expected<std::unique_ptr<LoweredBlock>, LowerError> Cpu::translate_block(u64 physical, unsigned limit)
{
    const MemoryRegion* region = machine_.memory().find({physical});
    if (region == nullptr) return std::unexpected(LowerError::unsupported);
    const auto* words = reinterpret_cast<const u32*>(region->host + (physical - region->base.value));
    const Options& options = machine_.options();
    // A block that needs more temporaries than there are is made again, shorter.
    for (; limit != 0; limit /= 2) {
        ir::Block block;
        std::vector<u32> source;
        build_block(block, source, words, static_cast<u32>(physical & low_mask(12)), limit);
        if (options.verify_ir) {
            const auto verdict = ir::verify(block);
            if (!verdict) panic(ir::print(verdict.error(), block).c_str(), __FILE__, __LINE__);
        }
        if (options.trace_ir) options.trace_ir(ir::print(block));
        auto lowered = machine_.backend().lower(block, physical, state_->common.mode_key);
        if (!lowered && lowered.error() == LowerError::too_large) continue;
        if (!lowered) return lowered;
        (*lowered)->guest_count = block.guest_count;
        (*lowered)->loads_exclusive = loads_exclusive(block);
        (*lowered)->guest_words = std::move(source);
        return lowered;
    }
    return std::unexpected(LowerError::too_large);
}

} // namespace gimbal::translator::aarch64
