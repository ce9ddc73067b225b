// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <functional>
#include <initializer_list>
#include <optional>
#include <vector>

#include "engine/translator/backend/analysis/analysis.hpp"
#include "engine/translator/backend/backend.hpp"
#include "engine/translator/backend/x86_64/assembler.hpp"
#include "engine/translator/backend/x86_64/entry_points.hpp"
#include "engine/translator/backend/x86_64/jit_block.hpp"

namespace gimbal::translator::x86_64 {

struct CompileOptions {
    HostFeatures host;
    SharedStubs stubs;
    bool count{}; ///< Keep CpuState::instructions exact.
};

/// Whether `op` makes NZCV by an operation that the host's own compare or test can repeat.
constexpr bool makes_flags(ir::Opcode op)
{
    return op == ir::Opcode::nzcv_add || op == ir::Opcode::nzcv_sub || op == ir::Opcode::nzcv_logic;
}

/// Compiles one block in one pass over its instructions.
///
/// Guest state in memory is exact after every instruction: a write stores at once and its value stays in a register for
/// later reads. So exits, faults and helpers find everything in place, and nothing but registers crosses an
/// instruction. Registers are given out as values come up; when there are none, the one that was not used for longest
/// goes to a temporary of CpuState. Values of 16 bytes live in memory.
///
/// Comparisons, flags and sums that are addresses wait for their users and become part of them.
class Compiler {
public:
    Compiler(const ir::Block& block, const CompileOptions& options, Assembler& assembler);

    /// Throws Xbyak::Error if the code does not fit. False: see error().
    bool run();
    LowerError error() const { return error_; }
    const std::vector<LinkPlan>& links() const { return links_; }

private:
    using Reg = Xbyak::Reg64;
    using Emit = std::function<void()>;
    static constexpr i32 nowhere = -1;
    static constexpr int no_register = -1;

    struct Home {
        int reg{no_register};
        i32 mem{nowhere}; ///< Offset in CpuState of the same value.
    };
    /// Code off the straight path.
    struct Cold {
        Xbyak::Label label;
        Xbyak::Label back; ///< Where it goes on.
        Emit emit;
        bool returns{true}; ///< Goes on at `back`.
    };
    /// An x86 condition that the flags hold.
    enum class Test : u8 { o, no, b, ae, e, ne, be, a, s, ns, l, ge, le, g };

    // Values and registers (values.cpp)
    bool fail(LowerError error);
    const ir::Inst& inst(ir::Value value) const { return a_.at(a_.ref(value).root); }
    bool is_constant(ir::Value value) const { return a_.is_constant(a_.ref(value)); }
    u64 constant(ir::Value value) const { return a_.constant(a_.ref(value)); }
    bool pending(u16 root) const;
    bool waits(u16 index) const;
    void lock(int reg) { locked_ |= 1U << reg; }
    Reg take();
    void evict(int reg);
    void release(int reg);
    void own(u16 root, const Reg& reg);
    Reg use(ir::Value value);
    Reg use_clean(ir::Value value);
    Reg use_as(const ir::Inst& inst, ir::Value value);
    void load(const Reg& to, u64 offset, unsigned bytes);
    void store(u64 offset, unsigned bytes, const Reg& from);
    void set(const Reg& to, u64 value);
    void fetch_into(const Reg& to, ir::Value value, bool clean);
    u64 memory_of(ir::Value value);
    std::optional<i32> immediate(ir::Value value, unsigned bits) const;
    bool dies_here(const ir::Inst& inst, ir::Value value, const Reg& reg) const;
    void consume_root(u16 root);
    void consume(ir::Value value) { consume_root(a_.ref(value).root); }
    void consume_arguments(const ir::Inst& inst);
    void free_if_done(u16 root);
    void define(u16 index, const Reg& reg);
    void define_in_memory(u16 index, u16 temp);
    Reg copy_or_reuse(const ir::Inst& inst, ir::Value value, const Reg& reg, bool wide);
    u16 take_temp();
    void make_room(u64 offset, unsigned size);
    void settle_into_memory(u16 root);
    void spill_for_call();
    u32 live_across_call() const;
    void call(u64 function);
    void call_keeping(u32 live, u64 function, const Emit& arguments);
    void end_instruction();

    // Pure values (pure.cpp, integer.cpp, vectors.cpp)
    void materialise(u16 root);
    void emit_pure(u16 index);
    bool emit_arithmetic(u16 index);
    bool emit_logic_not(u16 index);
    bool emit_shift(u16 index);
    bool emit_unary(u16 index);
    bool emit_width(u16 index);
    bool emit_vector(u16 index);
    void truncate_vector(u16 index);
    void emit_vec_call(u16 index);
    void emit_floating(u16 index);
    void add_carry(u16 index);
    void multiply_high(u16 index);
    void divide(u16 index);
    void count_zeros(u16 index);
    void reverse_bits(u16 index);
    void swap_bytes(u16 index);
    void checksum(u16 index);
    void extract(u16 index);
    void deposit(u16 index);
    void select(u16 index);
    void select_vector(u16 index);

    // Comparisons and flags (flags.cpp)
    Test condition(ir::Value value);
    Test compare(const ir::Inst& inst);
    Test flags_condition(ir::Value flags, ir::Cond cond);
    Test stored_flags_condition(ir::Value flags, ir::Cond cond);
    void host_flags(const ir::Inst& maker, bool inverted);
    void gather_flags();
    void flags_into_eax(u16 root);
    void flags_value(u16 index);
    void compare_value(u16 index);
    void jump_if(Test test, const Xbyak::Label& to);
    void set_if(Test test, const Xbyak::Reg8& to);
    void move_if(Test test, const Xbyak::Reg& to, const Xbyak::Reg& from);

    // Memory (memory.cpp)
    void address_into_rax(ir::Value value);
    void lookup(ir::MemOp mem, unsigned size, const Xbyak::Label& miss);
    void memory(u16 index);
    void memory_load(u16 index, ir::MemOp mem);
    void memory_store(u16 index, ir::MemOp mem);
    void swap_register(const Reg& reg, unsigned bytes);
    void move_whole(const Xbyak::RegExp& from, const Xbyak::RegExp& to, bool swapped);
    void memory_by_call(u16 index, ir::MemOp mem);
    void memory_probe(u16 index, ir::MemOp mem);
    void access_call(const ir::Inst& inst, ir::MemOp mem, AccessFn function, u32 live, const Emit& operands);

    // Effects and control (effects.cpp)
    void instruction(u16 index);
    void read(u16 index);
    void write(u16 index);
    void write_vector(const ir::Inst& inst);
    void call_helper(u16 index);
    void fence(const ir::Inst& inst);
    void full_fence();
    void enter_loop();
    void loop_back(const ir::Inst& inst);
    void exit_if(const ir::Inst& inst);
    void terminal(const ir::Inst& inst);
    void jump_register(const ir::Inst& inst);
    void leave_at(i64 offset);
    void link_exit(const ir::Inst& inst, i64 offset, bool backward);
    void guarded_jump(Xbyak::Label& slot, i64 offset, Xbyak::Label& stub);
    void link_slots();
    void count(u32 instructions);
    u32 page_offset(const ir::Inst& inst) const;
    u32 where(const ir::Inst& inst) const;

    struct Exit {
        Xbyak::Label slot;
        Xbyak::Label stub;
        LinkPlan plan;
    };

    const ir::Block& block_;
    const CompileOptions& options_;
    Assembler& x_;
    Analysis a_;
    LowerError error_{};
    bool failed_{};
    u16 cursor_{};
    std::vector<Home> homes_;      // by root
    std::vector<u16> left_;        // by root: uses not yet compiled
    std::vector<u8> pinned_;       // by root: needed again by the next round of the loop
    std::vector<u8> only_address_; // by root: every user is a memory operation's address
    std::vector<u16> in_slots_;    // roots whose memory home is guest state
    std::vector<u8> temp_used_;
    std::vector<u16> scratch_; // temps that become free with the instruction
    u16 owner_[16];            // by register: a root, or no_value
    u64 touched_[16]{};        // by register: when it was last used
    u64 clock_{};
    u32 locked_{}; // registers in use by this instruction
    Xbyak::Label loop_;
    u16 loop_index_{};
    std::deque<Cold> cold_;  // references stay good
    std::deque<Exit> exits_; // likewise
    std::vector<LinkPlan> links_;
};

} // namespace gimbal::translator::x86_64
