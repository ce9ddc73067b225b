// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mutex>
#include <span>
#include <vector>

#include "engine/translator/backend/x86_64/code_arena.hpp"
#include "engine/translator/core/lowered_block.hpp"

namespace gimbal::translator::x86_64 {

class JitBlock;

/// Where a block's exit leads: to a target block's code, or to the exit's own stub, which asks follow_slowly().
struct Link {
    JitBlock* source{};
    JitBlock* target{};  ///< Null: not resolved, or the target is retired.
    Link* next{};        ///< In the target's list of incoming links.
    Atomic<u64>* slot{}; ///< What the code jumps through, by its writable alias.
    u64 stub{};          ///< Executable address.
    i32 offset{};        ///< Target, from pc_page.
    bool leaves_page{};
    bool poll{}; ///< A backward edge, or one that leaves the page.
};

/// An exit as the compiler leaves it: offsets in the chunk.
struct LinkPlan {
    u32 slot{};
    u32 stub{};
    i32 offset{};
    bool leaves_page{};
    bool poll{};
};

/// Host code of one block in the arena.
///
///     chunk + 8   physical page of the guest's code: looked at by guarded links, in front of any entry
///     + 16        code; then, on a cache line of their own, two words for each link: where it leads, its Link
///
/// The code cache owns the block. Any vCPU may run it; nothing changes once it is published but the links and `entry`,
/// under the lock that all blocks of a VM share.
class JitBlock final : public LoweredBlock {
public:
    static constexpr u32 entry_offset = 16; ///< Of the first instruction in the chunk.

    JitBlock(CodeArena& arena, CodeArena::Chunk chunk, std::span<const LinkPlan> links, u64 stale_entry,
             std::mutex& link_lock);
    ~JitBlock() override;
    JitBlock(const JitBlock&) = delete;
    JitBlock& operator=(const JitBlock&) = delete;

    void retire() override;

    u64 physical_page() const { return physical_address & ~u64{0xFFF}; }
    u64 code() const { return reinterpret_cast<u64>(arena_.executable(chunk_.offset + entry_offset)); }

    /// Lets `link` lead to `target`, unless that is retired, and unless the two do not fit: an unconditional link
    /// stays inside the physical page, and no link changes the mode.
    static void connect(Link& link, JitBlock& target);

    /// What indirect jumps go through; the stale stub once retired.
    Atomic<u64> entry;

private:
    CodeArena& arena_;
    const CodeArena::Chunk chunk_;
    const u64 stale_entry_;
    std::mutex& link_lock_; // every Link of the blocks that share it, and every list of incoming links
    std::vector<Link> links_;
    Link* incoming_{};
};

} // namespace gimbal::translator::x86_64
