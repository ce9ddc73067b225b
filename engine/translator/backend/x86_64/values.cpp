// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstddef>

#include "base/assert.hpp"
#include "base/bits.hpp"
#include "engine/translator/backend/x86_64/compiler.hpp"

namespace gimbal::translator::x86_64 {

using ir::Inst;
using ir::Opcode;

namespace {

bool is_memory_operation(const Inst& inst) { return inst.op >= Opcode::load && inst.op <= Opcode::atomic_cas; }

} // namespace

Compiler::Compiler(const ir::Block& block, const CompileOptions& options, Assembler& assembler)
    : block_(block),
      options_(options),
      x_(assembler),
      a_(analyse(block, true)),
      homes_(a_.insts.size()),
      left_(a_.uses),
      pinned_(a_.insts.size()),
      only_address_(a_.insts.size(), 1),
      temp_used_(temp_slots)
{
    std::ranges::fill(owner_, no_value);
    for (u16 i = 0; i < a_.count; ++i) {
        if (!a_.live[i]) continue;
        const Inst& user = a_.at(i);
        for (unsigned n = 0; n < 3; ++n)
            if (user.args[n].valid() && (n != 0 || !is_memory_operation(user)))
                only_address_[a_.ref(user.args[n]).root] = 0;
    }
}

bool Compiler::fail(LowerError error)
{
    if (!failed_) error_ = error;
    failed_ = true;
    return false;
}

/// Whether a live pure value is not computed where it stands.
bool Compiler::waits(u16 index) const
{
    const Inst& inst = a_.at(index);
    if (makes_flags(inst.op) || inst.op == Opcode::nzcv_test ||
        (inst.op >= Opcode::cmp_eq && inst.op <= Opcode::cmp_les))
        return true;
    return inst.op == Opcode::add && inst.type == ir::Type::i64 && only_address_[index] != 0;
}

bool Compiler::pending(u16 root) const
{
    const Home& home = homes_[root];
    return home.reg == no_register && home.mem == nowhere && left_[root] != 0 && is_pure(a_.at(root));
}

void Compiler::release(int reg)
{
    const u16 root = owner_[reg];
    if (root != no_value) homes_[root].reg = no_register;
    owner_[reg] = no_value;
}

void Compiler::evict(int reg)
{
    const u16 root = owner_[reg];
    if (root == no_value) return;
    if (homes_[root].mem == nowhere && a_.at(root).op != Opcode::constant) {
        const u16 temp = take_temp();
        x_.mov(x_.qword[in_state(temp)], Reg(reg));
        homes_[root].mem = temp;
    }
    release(reg);
}

/// A register for this instruction's use.
Xbyak::Reg64 Compiler::take()
{
    int best = no_register;
    for (const int reg : register_pool) {
        if ((locked_ >> reg & 1) != 0) continue;
        if (owner_[reg] == no_value) {
            best = reg;
            break;
        }
        if (best == no_register || touched_[reg] < touched_[best]) best = reg;
    }
    GIMBAL_ASSERT(best != no_register);
    evict(best);
    lock(best);
    return Reg(best);
}

void Compiler::own(u16 root, const Reg& reg)
{
    const int index = reg.getIdx();
    release(index);
    if (homes_[root].reg != no_register) release(homes_[root].reg);
    owner_[index] = root;
    homes_[root].reg = index;
    touched_[index] = ++clock_;
}

void Compiler::load(const Reg& to, u64 offset, unsigned bytes)
{
    const Xbyak::RegExp at = in_state(static_cast<i64>(offset));
    if (bytes == 1)
        x_.movzx(to.cvt32(), x_.byte[at]);
    else if (bytes == 2)
        x_.movzx(to.cvt32(), x_.word[at]);
    else if (bytes == 4)
        x_.mov(to.cvt32(), x_.dword[at]);
    else
        x_.mov(to, x_.qword[at]);
}

void Compiler::store(u64 offset, unsigned bytes, const Reg& from)
{
    const Xbyak::RegExp at = in_state(static_cast<i64>(offset));
    if (bytes == 1)
        x_.mov(x_.byte[at], from.cvt8());
    else if (bytes == 2)
        x_.mov(x_.word[at], from.cvt16());
    else if (bytes == 4)
        x_.mov(x_.dword[at], from.cvt32());
    else
        x_.mov(x_.qword[at], from);
}

/// Leaves the flags alone.
void Compiler::set(const Reg& to, u64 value)
{
    if (value == static_cast<u32>(value))
        x_.mov(to.cvt32(), static_cast<u32>(value));
    else
        x_.mov(to, value);
}

/// The register that holds a scalar value, with whatever is above its own width.
Xbyak::Reg64 Compiler::use(ir::Value value)
{
    const Ref ref = a_.ref(value);
    const Inst& root = a_.at(ref.root);
    if (pending(ref.root)) materialise(ref.root);
    Home& home = homes_[ref.root];
    const bool part = ref.delta != 0 || ir::is_vector(root.type);
    if (home.reg != no_register && !part) {
        lock(home.reg);
        touched_[home.reg] = ++clock_;
        return Reg(home.reg);
    }
    const Reg reg = take();
    fetch_into(reg, value, false);
    if (!part) own(ref.root, reg);
    return reg;
}

/// The value in a given register, nobody's so far; `clean`: with zeros above its own width.
void Compiler::fetch_into(const Reg& to, ir::Value value, bool clean)
{
    const Ref ref = a_.ref(value);
    const Inst& root = a_.at(ref.root);
    if (pending(ref.root)) materialise(ref.root);
    const Home& home = homes_[ref.root];
    const unsigned bytes = std::min(ir::byte_size(a_.at(value.index).type), 8U);
    if (root.op == Opcode::constant) return set(to, ref.delta >= 8 ? 0 : root.imm >> (ref.delta * 8U));
    if (root.op == Opcode::pc_page) return load(to, offsetof(CpuState, pc_page), 8);
    const bool part = ref.delta != 0 || ir::is_vector(root.type);
    if (home.reg == no_register)
        return load(to, static_cast<u64>(home.mem) + ref.delta,
                    part ? bytes : std::min(ir::byte_size(root.type), clean ? bytes : 8U));
    x_.mov(to, Reg(home.reg));
    if (ref.delta != 0) x_.shr(to, static_cast<int>(ref.delta * 8U));
    if (!clean || bytes == 8 || (ref.delta == 0 && !ref.dirty)) return;
    if (bytes == 1)
        x_.movzx(to.cvt32(), to.cvt8());
    else if (bytes == 2)
        x_.movzx(to.cvt32(), to.cvt16());
    else
        x_.mov(to.cvt32(), to.cvt32());
}

/// The value with zeros above its own width.
Xbyak::Reg64 Compiler::use_clean(ir::Value value)
{
    const Ref ref = a_.ref(value);
    if (ir::byte_size(a_.at(value.index).type) >= 8 || (!ref.dirty && ref.delta == 0)) return use(value);
    if (pending(ref.root)) materialise(ref.root);
    const Reg reg = take();
    fetch_into(reg, value, true);
    return reg;
}

/// An operand of integer operation `inst`, which works on 32 bits at least.
Xbyak::Reg64 Compiler::use_as(const Inst& inst, ir::Value value)
{
    const unsigned bytes = ir::byte_size(a_.at(value.index).type);
    return bytes < 4 || (bytes < 8 && ir::byte_size(inst.type) == 8) ? use_clean(value) : use(value);
}

/// Where a value of any size lies in memory; stores it if it does not yet.
u64 Compiler::memory_of(ir::Value value)
{
    const Ref ref = a_.ref(value);
    const Inst& root = a_.at(ref.root);
    if (pending(ref.root)) materialise(ref.root);
    Home& home = homes_[ref.root];
    if (root.op == Opcode::pc_page) return offsetof(CpuState, pc_page) + ref.delta;
    if (home.mem != nowhere) return static_cast<u64>(home.mem) + ref.delta;
    if (root.op == Opcode::constant && root.imm == 0) return offsetof(CpuState, zero);
    const u16 temp = take_temp();
    if (root.op == Opcode::constant) {
        set(x_.rax, root.imm);
        x_.mov(x_.qword[in_state(temp)], x_.rax);
        x_.mov(x_.qword[in_state(temp + 8)], 0);
    } else {
        x_.mov(x_.qword[in_state(temp)], Reg(home.reg));
    }
    home.mem = temp;
    return u64{temp} + ref.delta;
}

/// The value as an immediate of an operation on `bits`.
std::optional<i32> Compiler::immediate(ir::Value value, unsigned bits) const
{
    const Ref ref = a_.ref(value);
    if (!a_.is_constant(ref) || ref.delta != 0) return std::nullopt;
    const u64 raw = a_.constant(ref);
    if (bits <= 32) return static_cast<i32>(static_cast<u32>(raw));
    if (static_cast<i64>(raw) != static_cast<i32>(raw)) return std::nullopt;
    return static_cast<i32>(raw);
}

/// Whether `value`, in its own `reg`, is not needed beyond this instruction, so that the result may take its place.
bool Compiler::dies_here(const Inst& inst, ir::Value value, const Reg& reg) const
{
    const Ref ref = a_.ref(value);
    const u16 root = ref.root;
    if (homes_[root].reg != reg.getIdx() || pinned_[root] != 0) return false;
    u16 here = 0;
    for (const ir::Value arg : inst.args)
        if (arg.valid() && a_.ref(arg).root == root) ++here;
    return left_[root] == here;
}

/// One use of the value is compiled. A value that nobody computed and nobody needs any more gives up its own uses.
void Compiler::consume_root(u16 root)
{
    GIMBAL_ASSERT(left_[root] != 0);
    const bool waiting = pending(root);
    --left_[root];
    if (left_[root] == 0 && waiting) consume_arguments(a_.at(root));
    free_if_done(root);
}

void Compiler::consume_arguments(const Inst& inst)
{
    for (const ir::Value arg : inst.args)
        if (arg.valid()) consume(arg);
}

void Compiler::free_if_done(u16 root)
{
    if (left_[root] != 0 || pinned_[root] != 0) return;
    Home& home = homes_[root];
    if (is_temp(home.mem)) scratch_.push_back(static_cast<u16>((static_cast<u64>(home.mem) - temps_offset) / 16));
    home.mem = nowhere;
    if (home.reg != no_register) release(home.reg);
}

/// `value`'s register if it is free for the result, else a copy of it.
Xbyak::Reg64 Compiler::copy_or_reuse(const Inst& inst, ir::Value value, const Reg& reg, bool wide)
{
    if (dies_here(inst, value, reg)) return reg;
    const Reg to = take();
    if (wide)
        x_.mov(to, reg);
    else
        x_.mov(to.cvt32(), reg.cvt32());
    return to;
}

/// The instruction's result is in `reg`; its arguments are done with.
void Compiler::define(u16 index, const Reg& reg)
{
    consume_arguments(a_.at(index));
    own(index, reg);
    free_if_done(index);
}

void Compiler::define_in_memory(u16 index, u16 temp)
{
    consume_arguments(a_.at(index));
    homes_[index].mem = temp;
    free_if_done(index);
}

u16 Compiler::take_temp()
{
    const auto free = std::ranges::find(temp_used_, u8{0});
    if (free == temp_used_.end()) {
        fail(LowerError::too_large);
        return static_cast<u16>(temps_offset);
    }
    *free = 1;
    return static_cast<u16>(temps_offset + static_cast<usize>(free - temp_used_.begin()) * sizeof(V128));
}

} // namespace gimbal::translator::x86_64
