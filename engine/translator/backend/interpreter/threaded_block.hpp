// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mutex>
#include <span>

#include "engine/translator/backend/interpreter/op.hpp"

namespace gimbal::translator::interpreter {

/// An exit as lowering describes it; becomes a Link.
struct Exit {
    i32 offset{};
    u16 count{};
    bool poll{};
    bool leaves_page{};
};

/// A block as threaded code: header, ops and links in one array of 32-byte cells.
///
/// Ownership: the code cache owns the block. Any vCPU may run it; nothing changes once it is published but the entry
/// op's handler, which retire() replaces, and the links, under the lock that all blocks of a VM share (taken once for
/// each link made and each block retired).
class ThreadedBlock final : public LoweredBlock {
public:
    /// The ops for which `uses_link` is set refer to `exits` by index in Op::extra; that becomes a distance. The
    /// last exit's link comes first, right behind the ops.
    ThreadedBlock(std::span<const Op> ops, std::span<const u8> uses_link, std::span<const Exit> exits,
                  u64 physical_address, u64 mode_key, std::mutex* link_lock);
    ~ThreadedBlock() override;
    ThreadedBlock(const ThreadedBlock&) = delete;
    ThreadedBlock& operator=(const ThreadedBlock&) = delete;

    void retire() override;

    const Op* entry() const { return entry_; }
    u64 physical_page() const { return physical_address & ~u64{0xFFF}; }
    std::span<const Op> ops() const { return {entry_, op_count_}; }

    /// Lets `link` lead to `target`, unless that is retired, and unless the two do not fit: an unconditional link
    /// stays inside the physical page, and no link changes the mode.
    static void connect(Link& link, ThreadedBlock& target);

private:
    // Guards every Link::next, every list of incoming links, and changes of Link::entry, of the blocks that share it.
    std::mutex& link_lock_;
    std::span<Link> links() const;

    unsigned char* cells_{};
    Op* entry_{};
    usize op_count_{};
    usize link_count_{};
    Link* incoming_{};
};

} // namespace gimbal::translator::interpreter
