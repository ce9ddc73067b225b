// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "engine/translator/backend/interpreter/op.hpp"

namespace gimbal::translator::interpreter {

/// Stands in for the entry op of a retired block.
const Op* enter_stale_block(const Op* op, CpuState* state);

/// Leaves the block for `pc` with unwind = synchronize; instructions are the caller's to count. Null.
const Op* leave_for(CpuState* state, u64 pc);

/// Leaves the block at the instruction of `op`, which has had no effect; `unwind` is set.
const Op* unwind_at(const Op* op, CpuState* state);

inline const Link* link_of(const Op* op) { return reinterpret_cast<const Link*>(op + op->extra); }

/// What following `op`'s link quickly leaves to this: polls, resolving, and links that leave the page. The
/// instructions are counted.
const Op* follow_slowly(const Op* op, CpuState* state);

/// The entry op that `link` leads to, the instructions counted; null if that is not to be had quickly.
[[gnu::always_inline]] inline const Op* follow(const Link* link, CpuState* state)
{
    state->instructions += link->count;
    const Op* entry = link->entry.load(MemoryOrder::acquire);
    if (entry == nullptr || state->request.load(MemoryOrder::relaxed) != 0) [[unlikely]]
        return nullptr;
    if (link->leaves_page) {
        // The link holds for one physical page; it may be taken while this context fetches it from there.
        const u64 page = (state->pc_page + static_cast<u64>(static_cast<i64>(link->offset))) & ~u64{0xFFF};
        const FetchEntry& fetch = state->fetch[(page >> 12) % fetch_entries];
        if (fetch.virtual_page != page || fetch.physical_page != header_of(entry).physical_page) [[unlikely]]
            return nullptr;
        state->pc_page = page;
    }
    return entry;
}

} // namespace gimbal::translator::interpreter

// Leaves the block by the link of `op`: the end of a handler.
#define GIMBAL_LEAVE() GIMBAL_LEAVE_BY(link_of(op))
#define GIMBAL_LEAVE_BY(link)                                                                                          \
    do {                                                                                                               \
        const Op* const target_entry = follow(link, state);                                                            \
        if (target_entry == nullptr) [[unlikely]]                                                                      \
            GIMBAL_TAIL_CALL(follow_slowly(op, state));                                                                \
        GIMBAL_CONTINUE(target_entry);                                                                                 \
    } while (false)
