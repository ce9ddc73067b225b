// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "engine/translator/ir/ir.hpp"

namespace gimbal::translator {

inline constexpr u16 no_value = 0xFFFF;

/// Where a value is found: in the home of `root`, `delta` bytes up. If `dirty`, the home's bits above the value's own
/// width are not zero; who needs all 64 must clean it.
struct Ref {
    u16 root{no_value};
    u16 delta{};
    bool dirty{};
};

/// A block made ready for lowering: constants folded, values that are parts or copies of others resolved to them,
/// reads of what the block wrote itself forwarded, and what nobody needs marked.
struct Analysis {
    std::vector<ir::Inst> insts; ///< The block's, rewritten; behind them constants that folding made.
    usize count{};               ///< How many are the block's own.
    std::vector<Ref> refs;       ///< By value.
    std::vector<u16> uses;       ///< By root: how many arguments of live instructions refer to it.
    std::vector<bool> live;
    std::vector<u16> write_of; ///< By root: the first live write that stores just this value, whole; or no_value.

    const ir::Inst& at(u16 index) const { return insts[index]; }
    Ref ref(ir::Value value) const { return refs[value.index]; }
    bool is_constant(Ref ref) const { return insts[ref.root].op == ir::Opcode::constant; }
    /// The constant's value, as narrow as `type`.
    u64 constant(Ref ref) const { return insts[ref.root].imm; }
};

Analysis analyse(const ir::Block& block, bool fuse);

/// May be computed at any place between its arguments and its uses, or not at all.
bool is_pure(const ir::Inst& inst);
/// Of a read: its slot belongs to no register file and may change behind the block's back, so that it is copied where
/// it stands.
bool is_positional_read(const ir::Inst& inst);
bool overlaps(u64 a, unsigned a_size, u64 b, unsigned b_size);
/// Whether the home of a value of `type` holds exactly what a write of `written` stores.
bool stores_whole(ir::Type type, ir::Type written);

/// How much of its home a value fills: integers are zero-extended there.
constexpr unsigned home_bytes(ir::Type type)
{
    return type == ir::Type::nzcv ? 4 : ir::byte_size(type) < 8 ? 8 : ir::byte_size(type);
}

/// fold.cpp: simplifies instruction `index`, whose arguments are done with; may make it a constant or set its ref.
void fold(Analysis& analysis, u16 index);

} // namespace gimbal::translator
