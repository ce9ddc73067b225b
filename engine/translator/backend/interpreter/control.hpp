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

/// What take_link leaves to this: polls, resolving, and links that leave the page.
const Op* take_link_slowly(const Link* link, CpuState* state);

/// The entry op that `link` leads to, with the instructions counted; null if the block has been left.
inline const Op* take_link(const Link* link, CpuState* state)
{
    state->instructions += link->count;
    const Op* entry = link->entry.load(MemoryOrder::acquire);
    if (entry == nullptr || state->request.load(MemoryOrder::relaxed) != 0) [[unlikely]]
        return take_link_slowly(link, state);
    if (link->leaves_page) {
        // The link holds for one physical page; it may be taken while this context fetches it from there.
        const u64 page = (state->pc_page + static_cast<u64>(static_cast<i64>(link->offset))) & ~u64{0xFFF};
        const FetchEntry& fetch = state->fetch[(page >> 12) % fetch_entries];
        if (fetch.virtual_page != page || fetch.physical_page != header_of(entry).physical_page) [[unlikely]]
            return take_link_slowly(link, state);
        state->pc_page = page;
    }
    return entry;
}

inline const Link* link_of(const Op* op) { return reinterpret_cast<const Link*>(op + op->extra); }

} // namespace gimbal::translator::interpreter

// Continues with the op that an expression yields, unless it is null.
#define GIMBAL_CONTINUE_IF(next_expression)                                                                            \
    do {                                                                                                               \
        const Op* const next_or_null = (next_expression);                                                              \
        if (next_or_null == nullptr) [[unlikely]] return nullptr;                                                      \
        GIMBAL_CONTINUE(next_or_null);                                                                                 \
    } while (false)
