// SPDX-License-Identifier: Apache-2.0
#include "engine/translator/backend/interpreter/lowering.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>

#include "base/assert.hpp"
#include "engine/translator/backend/interpreter/threaded_block.hpp"

namespace gimbal::translator::interpreter {

namespace {

constexpr usize zero_offset = offsetof(CpuState, zero);
constexpr usize temps_offset = offsetof(CpuState, temps);
static_assert(sizeof(CpuState) < 0x8000, "operands are 16-bit offsets, and guest registers come behind");

} // namespace

Lowering::Lowering(const ir::Block& block, bool fuse)
    : block_(block),
      fuse_(fuse),
      a_(analyse(block, fuse)),
      home_(a_.insts.size(), no_home),
      left_(a_.uses),
      pinned_(a_.insts.size()),
      done_early_(a_.insts.size()),
      temp_used_(temp_slots)
{
    ops_.reserve(a_.count);
}

void Lowering::fail(LowerError error)
{
    if (!failed_) error_ = error;
    failed_ = true;
}

bool Lowering::run()
{
    for (cursor_ = 0; cursor_ < a_.count && !failed_; ++cursor_) {
        lower_instruction(cursor_);
        for (const u16 temp : scratch_) temp_used_[temp] = 0;
        scratch_.clear();
    }
    if (ops_.size() + exits_.size() > 0xF000) fail(LowerError::too_large);
    return !failed_;
}

bool Lowering::is_temp(i32 home) const
{
    return home >= static_cast<i32>(temps_offset) && home < static_cast<i32>(temps_offset + temp_slots * sizeof(V128));
}

u16 Lowering::allocate_temp()
{
    const auto free = std::ranges::find(temp_used_, u8{0});
    if (free == temp_used_.end()) {
        fail(LowerError::too_large);
        return static_cast<u16>(temps_offset);
    }
    *free = 1;
    return static_cast<u16>(temps_offset + static_cast<usize>(free - temp_used_.begin()) * sizeof(V128));
}

void Lowering::free_if_done(u16 root)
{
    const i32 home = home_[root];
    if (left_[root] != 0 || pinned_[root] != 0 || !is_temp(home)) return;
    // Ops of the same IR instruction may still use it; run() frees these at the end.
    scratch_.push_back(static_cast<u16>((static_cast<usize>(home) - temps_offset) / sizeof(V128)));
    home_[root] = no_home;
}

bool Lowering::pending(u16 root) const { return home_[root] == no_home && is_pure(a_.at(root)) && left_[root] != 0; }

/// One use of the value is lowered. A value that nobody computed and nobody needs any more gives up its own uses.
void Lowering::consume_root(u16 root)
{
    GIMBAL_ASSERT(left_[root] != 0);
    --left_[root];
    if (left_[root] == 0 && home_[root] == no_home && is_pure(a_.at(root))) {
        consume_arguments(root);
        free_arguments(root);
    }
}

void Lowering::consume(ir::Value value) { consume_root(a_.ref(value).root); }

void Lowering::consume_arguments(u16 index)
{
    for (const ir::Value arg : a_.at(index).args)
        if (arg.valid()) consume(arg);
}

void Lowering::free_arguments(u16 index)
{
    for (const ir::Value arg : a_.at(index).args)
        if (arg.valid()) free_if_done(a_.ref(arg).root);
}

void Lowering::set_home(u16 root, u16 offset)
{
    home_[root] = offset;
    if (!is_temp(offset) && left_[root] != 0) in_registers_.push_back(root);
}

bool Lowering::lives_in(u16 root, u64 offset, unsigned size) const
{
    return left_[root] != 0 && home_[root] != no_home && !is_temp(home_[root]) &&
           overlaps(static_cast<u64>(home_[root]), home_bytes(a_.at(root).type), offset, size);
}

u16 Lowering::offset_of(Ref ref)
{
    const i32 home = home_[ref.root];
    return static_cast<u16>((home == no_home ? materialise(ref.root) : home) + ref.delta);
}

u16 Lowering::materialise(u16 root)
{
    const ir::Inst& inst = a_.at(root);
    if (inst.op == ir::Opcode::constant) {
        if (inst.imm == 0) return static_cast<u16>(zero_offset);
        const u16 temp = allocate_temp();
        emit_constant(ir::byte_size(inst.type), false, temp, inst.imm);
        home_[root] = temp;
    } else if (inst.op == ir::Opcode::pc_page) {
        home_[root] = offsetof(CpuState, pc_page);
    } else {
        GIMBAL_ASSERT(is_pure(inst));
        emit_pure(root, no_home);
    }
    return static_cast<u16>(home_[root]);
}

/// The value with zeros above its own width, for ops that read more.
u16 Lowering::clean_offset_of(ir::Value value)
{
    const Ref ref = a_.ref(value);
    const u16 offset = offset_of(ref);
    const unsigned bytes = ir::byte_size(a_.at(value.index).type);
    if (!ref.dirty || bytes >= 8) return offset;
    const u16 temp = allocate_temp();
    scratch_.push_back(static_cast<u16>((temp - temps_offset) / sizeof(V128)));
    emit_copy(a_.at(value.index).type, temp, offset);
    return temp;
}

/// Moves what is still needed out of a register that is about to be overwritten.
void Lowering::make_room(u64 offset, unsigned size)
{
    for (usize i = 0; i < in_registers_.size();) {
        const u16 root = in_registers_[i];
        const bool here = lives_in(root, offset, size);
        if (!here && left_[root] != 0 && !is_temp(home_[root])) {
            ++i;
            continue;
        }
        in_registers_.erase(in_registers_.begin() + static_cast<std::ptrdiff_t>(i));
        if (here) {
            move_out(root);
            i = 0;
        }
    }
}

/// The one pure value that waits for `root` and for nothing else of it; or no_value.
u16 Lowering::only_user(u16 root) const
{
    u16 found = no_value;
    u16 uses = 0;
    for (u16 i = static_cast<u16>(root + 1); i < a_.count; ++i) {
        if (!a_.live[i] || a_.refs[i].root != i) continue;
        u16 here = 0;
        for (const ir::Value arg : a_.at(i).args)
            if (arg.valid() && a_.ref(arg).root == root) ++here;
        if (here == 0 || (i < cursor_ && !pending(i))) continue;
        if (i >= cursor_ || found != no_value) return no_value;
        found = i;
        uses = here;
    }
    return uses == left_[root] ? found : no_value;
}

/// Whether a waiting value can be had now: nothing that is being computed goes into it. Looks `depth` levels deep.
bool Lowering::computable(u16 root, unsigned depth) const
{
    if (depth == 0) return false;
    for (const ir::Value arg : a_.at(root).args) {
        if (!arg.valid()) continue;
        const u16 from = a_.ref(arg).root;
        if (std::ranges::find(in_progress_, from) != in_progress_.end()) return false;
        if (pending(from) && !computable(from, depth - 1)) return false;
    }
    return true;
}

void Lowering::move_out(u16 root)
{
    // Its only user wants it now rather than later; a copy would cost as much.
    const u16 user = only_user(root);
    if (user != no_value && computable(user, 8)) {
        emit_pure(user, no_home);
        if (left_[root] == 0) return;
    }
    const u16 temp = allocate_temp();
    emit_copy(a_.at(root).type, temp, static_cast<u16>(home_[root]));
    home_[root] = temp;
}

/// The write that `root`'s definition may do at once, being lowered at cursor_: nothing in between can leave the
/// block, look at the register, or needs what it still holds.
u16 Lowering::early_write(u16 root)
{
    const u16 write = a_.write_of[root];
    if (!fuse_ || write == no_value || write <= cursor_ || done_early_[write]) return no_value;
    const ir::Inst& target = a_.at(write);
    const unsigned size = ir::byte_size(target.type);
    for (const u16 other : in_registers_)
        if (lives_in(other, target.imm, size)) return no_value;
    for (const Busy& busy : busy_)
        if (overlaps(busy.offset, busy.size, target.imm, size)) return no_value;
    // An operand is computed in front of the instruction at cursor_, its result behind that.
    for (u16 i = static_cast<u16>(root == cursor_ ? cursor_ + 1 : cursor_); i < write; ++i) {
        const ir::Inst& inst = a_.at(i);
        if (!a_.live[i] || is_pure(inst)) continue;
        const bool harmless = inst.op == ir::Opcode::constant || inst.op == ir::Opcode::pc_page ||
                              inst.op == ir::Opcode::fence || inst.op == ir::Opcode::vec || inst.op == ir::Opcode::fp;
        if (harmless) continue;
        const bool slot = inst.op == ir::Opcode::read || inst.op == ir::Opcode::write;
        if (!slot || overlaps(inst.imm, ir::byte_size(inst.type), target.imm, size)) return no_value;
    }
    return write;
}

/// Where an op that is emitted ahead of any write of its value puts it.
u16 Lowering::destination(u16 root)
{
    const u16 write = early_write(root);
    if (write == no_value) return allocate_temp();
    done_early_[write] = 1;
    return static_cast<u16>(a_.at(write).imm);
}

/// From here on the code may run again: whatever it uses must stay where it is now, and be a copy.
void Lowering::enter_loop()
{
    for (u16 root = 0; root < a_.insts.size(); ++root) {
        if (left_[root] == 0 || (root >= cursor_ && root < a_.count)) continue;
        const ir::Opcode op = a_.at(root).op;
        if (op == ir::Opcode::pc_page) continue;
        if (op == ir::Opcode::constant && a_.at(root).imm == 0) continue;
        offset_of({root, 0, false});
        if (!is_temp(home_[root])) {
            const u16 temp = allocate_temp();
            emit_copy(a_.at(root).type, temp, static_cast<u16>(home_[root]));
            home_[root] = temp;
        }
        pinned_[root] = 1;
    }
    in_registers_.clear();
    // The entry op's handler may be replaced, and going round must not end there.
    if (ops_.empty()) emit(&ops::nothing);
    loop_op_ = ops_.size();
    loop_index_ = a_.at(cursor_).guest_index;
    last_flags_root_ = no_value;
}

Op& Lowering::emit(Handler handler)
{
    if (handler == nullptr) fail(LowerError::unsupported);
    last_flags_root_ = no_value;
    ops_.push_back({.fn = handler});
    op_has_link_.push_back(0);
    return ops_.back();
}

/// An op that calls a function of three operands; an immediate that has no room in it follows.
void Lowering::emit_function(Handler handler, u64 function, const ir::Inst& inst, const u16* args, u16 d)
{
    Op& op = emit(handler);
    op.d = d;
    op.a = args[0];
    op.b = args[1];
    op.c = args[2];
    op.imm = function;
    op.sub = static_cast<u16>(inst.imm);
    op.extra = static_cast<u16>(inst.imm >> 16);
    if (is_wide(inst)) emit(&ops::nothing).imm = inst.imm;
}

Op& Lowering::emit_exit(Handler handler, i64 offset, bool poll)
{
    if (offset != static_cast<i32>(offset)) fail(LowerError::unsupported);
    Op& op = emit(handler);
    op.extra = static_cast<u16>(exits_.size());
    op_has_link_.back() = 1;
    Exit& exit = exits_.emplace_back();
    exit.offset = static_cast<i32>(offset);
    exit.count = static_cast<u16>(a_.at(cursor_).guest_index + 1);
    exit.leaves_page = offset < 0 || offset >= 4096;
    // Backward edges alone would let straight code run for as long as memory goes.
    exit.poll = poll || exit.leaves_page;
    return op;
}

void Lowering::emit_move(unsigned bytes, u16 d, u16 a)
{
    Handler handler = &ops::move64;
    if (bytes == 16)
        handler = &ops::move128;
    else if (bytes == 4)
        handler = &ops::move32;
    else if (bytes == 2)
        handler = &ops::move16;
    else if (bytes == 1)
        handler = &ops::move8;
    Op& op = emit(handler);
    op.d = d;
    op.a = a;
}

/// From one home to another: with zeros above the value's width.
void Lowering::emit_copy(ir::Type type, u16 d, u16 a)
{
    const unsigned bytes = ir::byte_size(type);
    if (bytes >= 8) return emit_move(bytes, d, a);
    Op& op = emit(bytes == 1 ? &ops::get8 : bytes == 2 ? &ops::get16 : &ops::get32);
    op.d = d;
    op.a = a;
}

/// `narrow`: exactly `bytes`, else the whole home.
void Lowering::emit_constant(unsigned bytes, bool narrow, u16 d, u64 value)
{
    Op& op = emit(bytes == 16 ? &ops::set_vector : narrow && bytes < 8 ? &ops::set_narrow : &ops::set);
    op.d = d;
    op.imm = value;
    op.sub = static_cast<u16>(bytes);
}

std::expected<std::unique_ptr<LoweredBlock>, LowerError> lower(const ir::Block& block, u64 physical_address,
                                                               u64 mode_key, const LoweringOptions& options)
{
    Lowering lowering(block, options.fuse);
    if (!lowering.run()) return std::unexpected(lowering.error());
    auto made = std::make_unique<ThreadedBlock>(lowering.ops(), lowering.uses_link(), lowering.exits(),
                                                physical_address, mode_key, options.link_lock);
    made->guest_count = block.guest_count;
    return made;
}

} // namespace gimbal::translator::interpreter
