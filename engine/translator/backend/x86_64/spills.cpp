// SPDX-License-Identifier: Apache-2.0
#include <vector>

#include "engine/translator/backend/x86_64/compiler.hpp"

/// Values that have to leave where they are: for a write to guest state, a call, a loop.
namespace gimbal::translator::x86_64 {

using ir::Opcode;

/// Moves what is still needed out of guest state that is about to change.
void Compiler::make_room(u64 offset, unsigned size)
{
    std::erase_if(in_slots_, [&](u16 root) {
        Home& home = homes_[root];
        if (left_[root] == 0 || home.mem == nowhere || is_temp(home.mem)) return true;
        const unsigned bytes = ir::byte_size(a_.at(root).type);
        if (!overlaps(static_cast<u64>(home.mem), bytes, offset, size)) return false;
        if (home.reg == no_register) {
            if (ir::is_vector(a_.at(root).type)) {
                const u16 temp = take_temp();
                x_.movups(x_.xmm0, x_.xword[in_state(home.mem)]);
                x_.movaps(x_.xword[in_state(temp)], x_.xmm0);
                home.mem = temp;
                return true;
            }
            const u32 locked = locked_;
            const Reg reg = take();
            load(reg, static_cast<u64>(home.mem), bytes);
            own(root, reg);
            locked_ = locked;
        }
        home.mem = nowhere;
        return true;
    });
}

/// For a loop: the value stays where it is now, and no register is needed for it.
void Compiler::settle_into_memory(u16 root)
{
    if (pending(root)) materialise(root);
    Home& home = homes_[root];
    if (!is_temp(home.mem)) {
        const u16 temp = take_temp();
        if (ir::is_vector(a_.at(root).type)) {
            x_.movups(x_.xmm0, x_.xword[in_state(home.mem)]);
            x_.movaps(x_.xword[in_state(temp)], x_.xmm0);
        } else {
            const unsigned bytes = ir::byte_size(a_.at(root).type);
            const Reg reg = home.reg != no_register ? Reg(home.reg) : x_.rax;
            if (home.reg == no_register && a_.at(root).op == Opcode::constant)
                set(reg, a_.at(root).imm);
            else if (home.reg == no_register)
                load(reg, static_cast<u64>(home.mem), bytes);
            x_.mov(x_.qword[in_state(temp)], reg);
        }
        home.mem = temp;
    }
    if (home.reg != no_register) release(home.reg);
    pinned_[root] = 1;
}

/// Before a call that is always made: no register that it loses holds anything.
void Compiler::spill_for_call()
{
    for (const int reg : register_pool)
        if ((lost_in_calls >> reg & 1) != 0) evict(reg);
}

u32 Compiler::live_across_call() const
{
    u32 live = 0;
    for (const int reg : register_pool)
        if ((lost_in_calls >> reg & 1) != 0 && owner_[reg] != no_value) live |= 1U << reg;
    return live;
}

void Compiler::call(u64 function)
{
    x_.mov(x_.rax, function);
    x_.call(x_.rax);
}

/// A call off the straight path, which must find its registers again. `arguments` is emitted while they are intact.
void Compiler::call_keeping(u32 live, u64 function, const Emit& arguments)
{
    usize at = 0;
    for (const int reg : register_pool)
        if ((live >> reg & 1) != 0) x_.mov(x_.qword[x_.rsp + (at++ * 8)], Reg(reg));
    arguments();
    call(function);
    at = 0;
    for (const int reg : register_pool)
        if ((live >> reg & 1) != 0) x_.mov(Reg(reg), x_.qword[x_.rsp + (at++ * 8)]);
}

void Compiler::end_instruction()
{
    for (const u16 temp : scratch_) temp_used_[temp] = 0;
    scratch_.clear();
    locked_ = 0;
}

} // namespace gimbal::translator::x86_64
