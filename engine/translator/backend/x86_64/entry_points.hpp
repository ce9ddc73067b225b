// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "engine/translator/core/cpu_state.hpp"
#include "engine/translator/ir/ir.hpp"

/// C++ that host code calls. All run on the vCPU's thread, inside a block.
namespace gimbal::translator::x86_64 {

struct Link;

/// What an access that has no fast path needs to know, in one register: MemOp::pack(), an ir::Atomic, and where in
/// the block it is (see where()).
struct AccessInfo {
    u64 raw{};

    static constexpr AccessInfo make(ir::MemOp mem, u16 sub, u32 where)
    {
        return {mem.pack() | u64{sub} << 16 | u64{where} << 32};
    }
    constexpr ir::MemOp mem() const { return ir::MemOp::unpack(raw & 0xFFFF); }
    constexpr u16 sub() const { return static_cast<u16>(raw >> 16); }
    constexpr u32 page_offset() const { return raw >> 32 & 0xFFFF; }
    constexpr u32 counted() const { return static_cast<u32>(raw >> 48); }
};

/// Where a guest instruction is: its offset in the page, and << 16 how many instructions of the block are done before
/// it, zero if nobody counts.
constexpr u32 where(u32 page_offset, u32 counted) { return page_offset | counted << 16; }

/// All accesses: `b`, `c` are values, or offsets in CpuState of 16-byte ones; so is the result, which 16-byte accesses
/// store at `d`. If CpuState::unwind is set afterwards, the block must be left.
using AccessFn = u64 (*)(CpuState* state, u64 va, AccessInfo info, u64 b, u64 c, u64 d);

/// The function for this operation and size: load, store, load_exclusive, store_exclusive, atomic_rmw, atomic_cas.
AccessFn access_function(ir::Opcode op, unsigned size);
/// Of `bytes` from `va`.
u64 probe(CpuState* state, u64 va, AccessInfo info, u64 bytes, u64, u64);

/// A helper that may unwind. `where`: of its instruction.
u64 call_unwinding(CpuState* state, u64 a, u64 b, u64 c, decltype(ir::Helper::function) function, u64 where);

/// Host code to go on with, or zero: the block is left, and CpuState says why.
u64 enter_at(CpuState* state, u64 pc);
u64 follow_slowly(CpuState* state, Link* link);
u64 jump_slowly(CpuState* state, u64 target);

u64 crc32(u64 acc, u64 data, u64 data_bytes); ///< 0x04C11DB7
u64 crc32c(u64 acc, u64 data, u64 data_bytes);

} // namespace gimbal::translator::x86_64
