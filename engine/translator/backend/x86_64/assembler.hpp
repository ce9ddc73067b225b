// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <xbyak/xbyak.h>
#include <xbyak/xbyak_util.h>

#include <cstddef>
#include <memory>
#include <vector>

#include "engine/translator/core/cpu_state.hpp"

namespace gimbal::translator::x86_64 {

/// What the host's CPU has, or what emission is restricted to.
struct HostFeatures {
    bool lzcnt{};
    bool bmi2{};
    bool sse42{};

    static HostFeatures probe();
};

/// Longer than any block's code.
struct AssemblerBuffer {
    static constexpr usize size_max = usize{1} << 18;
    std::unique_ptr<u8[]> bytes = std::make_unique<u8[]>(size_max);
};

/// Code in the making. It runs elsewhere than it is made: displacements to what is outside are filled in when the
/// place is known.
class Assembler : private AssemblerBuffer, public Xbyak::CodeGenerator {
public:
    Assembler() : CodeGenerator(size_max, bytes.get()) {} // given memory, it does not ask for any that runs

    struct Fixup {
        u32 at{};     ///< Of the 32-bit displacement.
        u64 target{}; ///< Executable address.
    };

    void restart()
    {
        reset();
        fixups_.clear();
    }
    void jump_out(u64 target)
    {
        db(0xE9);
        displacement(target);
    }
    void jump_out_unless_equal(u64 target)
    {
        db(0x0F);
        db(0x85);
        displacement(target);
    }
    u32 here() const { return static_cast<u32>(getSize()); }
    const std::vector<Fixup>& fixups() const { return fixups_; }

private:
    void displacement(u64 target)
    {
        fixups_.push_back({here(), target});
        dd(0);
    }
    std::vector<Fixup> fixups_;
};

/// Registers with a fixed meaning in blocks. RAX, RCX and RDX are free for each instruction's own use, R8..R11, RSI and
/// RDI are lost in calls.
inline const Xbyak::Reg64 state_register{Xbyak::Operand::RBP};

/// Registers that values are given, in the order of preference: saved by calls first, as values often live across one.
inline constexpr int register_pool[] = {Xbyak::Operand::RBX, Xbyak::Operand::R12, Xbyak::Operand::R13,
                                        Xbyak::Operand::R14, Xbyak::Operand::R15, Xbyak::Operand::RSI,
                                        Xbyak::Operand::RDI, Xbyak::Operand::R8,  Xbyak::Operand::R9,
                                        Xbyak::Operand::R10, Xbyak::Operand::R11};
inline constexpr u32 lost_in_calls = 1U << Xbyak::Operand::RSI | 1U << Xbyak::Operand::RDI | 1U << Xbyak::Operand::R8 |
                                     1U << Xbyak::Operand::R9 | 1U << Xbyak::Operand::R10 | 1U << Xbyak::Operand::R11;

inline constexpr u64 temps_offset = offsetof(CpuState, temps);
constexpr bool is_temp(i64 offset)
{
    return offset >= static_cast<i64>(temps_offset) &&
           offset < static_cast<i64>(temps_offset + temp_slots * sizeof(V128));
}

/// The state register points this far into CpuState, so that a guest's first registers, which follow it, are reached by
/// displacements of eight bits.
inline constexpr i32 state_bias = static_cast<i32>(sizeof(CpuState)) + 128;

/// The operand at `offset` of CpuState, for any operand size.
inline Xbyak::RegExp in_state(i64 offset) { return state_register + static_cast<usize>(offset - state_bias); }

/// Bytes below the return address that blocks may use at RSP while they call.
inline constexpr u32 frame_bytes = 72;

/// Code that all blocks of an arena share.
struct SharedStubs {
    u64 enter{};          ///< void (CpuState*, u64 code): runs from `code` until a block is left.
    u64 leave{};          ///< Jumped to: the block is left.
    u64 follow{};         ///< Jumped to with a Link* in RSI.
    u64 jump_slowly{};    ///< Jumped to with the target's address in RAX; stands for the entry of retired blocks too.
    u32 entry_in_block{}; ///< Offset of JitBlock::entry in what JumpEntry::block points to.
};

} // namespace gimbal::translator::x86_64
