// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "engine/translator/backend/analysis/analysis.hpp"
#include "engine/translator/backend/interpreter/handlers.hpp"
#include "engine/translator/backend/interpreter/lower.hpp"
#include "engine/translator/backend/interpreter/threaded_block.hpp"

namespace gimbal::translator::interpreter {

/// Lowers one block. Effects are emitted in the block's order; pure values wait until somebody needs them, so that
/// they can be computed right into the register they are written to, become part of the op that uses them, or vanish.
///
/// A value's home is a guest register as long as that holds it, else a temporary. Before a register is overwritten,
/// values that live there and are still needed move out (make_room).
class Lowering {
public:
    Lowering(const ir::Block& block, bool fuse);

    /// False: see error().
    bool run();
    LowerError error() const { return error_; }
    const std::vector<Op>& ops() const { return ops_; }
    const std::vector<Exit>& exits() const { return exits_; }
    const std::vector<u8>& uses_link() const { return op_has_link_; }

private:
    static constexpr i32 no_home = -1;

    struct Busy {
        u16 offset;
        unsigned size;
    };
    struct Address {
        u16 a{};
        u16 c{};
        u64 imm{};
        u8 shift{};
        bool indexed{};
        u16 folded{no_value}; ///< The value that became part of the op.
    };

    // Homes (lowering.cpp)
    bool is_temp(i32 home) const;
    u16 allocate_temp();
    void free_if_done(u16 root);
    void consume(ir::Value value);
    void consume_root(u16 root);
    void consume_arguments(u16 index);
    void free_arguments(u16 index);
    bool pending(u16 root) const;
    u16 offset_of(ir::Value value) { return offset_of(a_.ref(value)); }
    u16 offset_of(Ref ref);
    u16 clean_offset_of(ir::Value value);
    u16 materialise(u16 root);
    void set_home(u16 root, u16 offset);
    bool lives_in(u16 root, u64 offset, unsigned size) const;
    void make_room(u64 offset, unsigned size);
    void move_out(u16 root);
    bool computable(u16 root, unsigned depth) const;
    u16 only_user(u16 root) const;
    u16 early_write(u16 root);
    u16 destination(u16 root);
    void enter_loop();

    // Ops
    Op& emit(Handler handler);
    /// Whether the immediate is longer than an op's sub and extra.
    static bool is_wide(const ir::Inst& inst) { return inst.imm > 0xFFFF'FFFF; }
    void emit_function(Handler handler, u64 function, const ir::Inst& inst, const u16* args, u16 d);
    Op& emit_exit(Handler handler, i64 offset, bool poll);
    void emit_move(unsigned bytes, u16 d, u16 a);
    void emit_copy(ir::Type type, u16 d, u16 a);
    void emit_constant(unsigned bytes, bool narrow, u16 d, u64 value);
    void fail(LowerError error);

    // Pure values (lower_pure.cpp)
    void emit_pure(u16 index, i32 chosen_home);
    void emit_pure_op(u16 index, const u16* args, u16 d);
    void emit_integer(const ir::Inst& inst, const u16* args, u16 d);
    void emit_width_change(const ir::Inst& inst, const u16* args, u16 d);
    void emit_vector(const ir::Inst& inst, const u16* args, u16 d);
    u16 waiting_test(ir::Value condition) const;
    bool takes_immediate(const ir::Inst& inst) const;
    bool wants_clean(const ir::Inst& inst) const;

    // Effects (lower_effects.cpp)
    void lower_instruction(u16 index);
    void lower_write(u16 index);
    void lower_read(u16 index);
    void lower_memory(const ir::Inst& inst, u16 index);
    void lower_call(const ir::Inst& inst, u16 index);
    void lower_floating(const ir::Inst& inst, u16 index);
    void lower_exit_if(const ir::Inst& inst);
    bool exit_on_flags(u16 test, const ir::Inst& inst, bool poll);
    bool exit_on_compare(u16 compare, const ir::Inst& inst, bool poll);
    void lower_loop_back(const ir::Inst& inst);
    void lower_terminal(const ir::Inst& inst);
    Address address_of(ir::Value value, bool may_index);
    u32 where(const ir::Inst& inst) const;

    const ir::Block& block_;
    const bool fuse_;
    Analysis a_;
    LowerError error_{};
    bool failed_{};
    u16 cursor_{}; // the instruction being lowered
    std::vector<Op> ops_;
    std::vector<u8> op_has_link_;
    std::vector<Exit> exits_;
    std::vector<i32> home_;         // by root
    std::vector<u16> left_;         // by root: uses not yet lowered
    std::vector<u8> pinned_;        // by root: needed again by the next round of the loop
    std::vector<u8> done_early_;    // by write
    std::vector<u16> in_registers_; // roots whose home is a guest register
    std::vector<u8> temp_used_;
    std::vector<u16> scratch_;      // temps that become free when the instruction is lowered
    std::vector<Busy> busy_;        // arguments of the ops that are about to be emitted
    std::vector<u16> in_progress_;  // values whose op is about to be emitted
    u16 last_flags_root_{no_value}; // the last op makes these flags
    usize loop_op_{};
    u16 loop_index_{};
};

} // namespace gimbal::translator::interpreter
