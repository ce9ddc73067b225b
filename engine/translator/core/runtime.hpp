// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "engine/translator/core/cpu_state.hpp"
#include "engine/translator/ir/ir.hpp"

namespace gimbal::translator {

/// Slow paths that backends call. Each returns false when the instruction must unwind: a fault, or an access that the
/// VM answers first and that is then replayed from the start of the instruction. On false nothing was changed, and
/// the caller sets CpuState::pc to the instruction and leaves the block with unwind = access (already set).
class Runtime {
public:
    /// `out` receives op.size() bytes as the guest's little-endian value (already byte-swapped if op.big_endian).
    virtual bool load(CpuState& state, u64 address, ir::MemOp op, V128& out) = 0;
    virtual bool store(CpuState& state, u64 address, ir::MemOp op, const V128& value) = 0;
    virtual bool probe(CpuState& state, u64 address, ir::MemOp op, unsigned byte_count) = 0;
    virtual bool load_exclusive(CpuState& state, u64 address, ir::MemOp op, V128& out) = 0;
    /// `failed` receives 0 (stored) or 1.
    virtual bool store_exclusive(CpuState& state, u64 address, ir::MemOp op, const V128& value, u32& failed) = 0;
    virtual bool atomic_rmw(CpuState& state, u64 address, ir::MemOp op, ir::Atomic kind, u64 operand, u64& old) = 0;
    virtual bool atomic_cas(CpuState& state, u64 address, ir::MemOp op, const V128& expected, const V128& desired,
                            V128& old) = 0;

    /// The block at virtual address `pc` under the current mode and mapping, translated if need be. Null: unwind is set
    /// (a fetch fault, or a request to serve).
    virtual LoweredBlock* find_block(CpuState& state, u64 pc) = 0;

protected:
    ~Runtime() = default;
};

} // namespace gimbal::translator
