// SPDX-License-Identifier: Apache-2.0
#include "engine/translator/backend/interpreter/threaded_block.hpp"

#include <new>

#include "base/assert.hpp"
#include "engine/translator/backend/interpreter/control.hpp"

namespace gimbal::translator::interpreter {

namespace {

constexpr std::align_val_t cell_alignment{alignof(Op)};

std::mutex& common_link_lock()
{
    static std::mutex lock;
    return lock;
}

} // namespace

ThreadedBlock::ThreadedBlock(std::span<const Op> ops, std::span<const u8> uses_link, std::span<const Exit> exits,
                             u64 block_address, u64 block_mode, std::mutex* link_lock)
    : link_lock_(link_lock != nullptr ? *link_lock : common_link_lock()),
      op_count_(ops.size()),
      link_count_(exits.size())
{
    GIMBAL_ASSERT(!ops.empty() && ops.size() == uses_link.size());
    physical_address = block_address;
    mode_key = block_mode;
    const usize cell_bytes = (1 + op_count_ + link_count_) * sizeof(Op);
    host_bytes = sizeof(ThreadedBlock) + cell_bytes;
    cells_ = static_cast<unsigned char*>(::operator new(cell_bytes, cell_alignment));
    new (cells_) BlockHeader{this, physical_page()};
    entry_ = reinterpret_cast<Op*>(cells_ + sizeof(BlockHeader));
    for (usize i = 0; i < op_count_; ++i) {
        Op* op = new (entry_ + i) Op(ops[i]);
        if (uses_link[i] != 0) op->extra = static_cast<u16>(op_count_ + link_count_ - 1 - op->extra - i);
    }
    auto* first_link = reinterpret_cast<Link*>(entry_ + op_count_);
    for (usize i = 0; i < link_count_; ++i) {
        Link* link = new (first_link + (link_count_ - 1 - i)) Link{}; // ops::jump relies on the order
        link->offset = exits[i].offset;
        link->count = exits[i].count;
        link->poll = exits[i].poll;
        link->leaves_page = exits[i].leaves_page;
        link->source = this;
    }
}

ThreadedBlock::~ThreadedBlock()
{
    retire();
    {
        const std::lock_guard lock(link_lock_);
        for (Link& link : links()) {
            const Op* target = link.entry.load(MemoryOrder::relaxed);
            if (target == nullptr) continue;
            for (Link** at = &header_of(target).block->incoming_; *at != nullptr; at = &(*at)->next) {
                if (*at != &link) continue;
                *at = link.next;
                break;
            }
        }
    }
    ::operator delete(cells_, cell_alignment);
}

std::span<Link> ThreadedBlock::links() const { return {reinterpret_cast<Link*>(entry_ + op_count_), link_count_}; }

void ThreadedBlock::retire()
{
    const std::lock_guard lock(link_lock_);
    stale.store(1, MemoryOrder::release);
    __atomic_store_n(&entry_->fn, &enter_stale_block, __ATOMIC_RELEASE);
    while (incoming_ != nullptr) {
        Link* link = incoming_;
        incoming_ = link->next;
        link->next = nullptr;
        link->entry.store(nullptr, MemoryOrder::release);
    }
}

void ThreadedBlock::connect(Link& link, ThreadedBlock& target)
{
    if (target.mode_key != link.source->mode_key) return;
    if (!link.leaves_page && target.physical_page() != link.source->physical_page()) return;
    const std::lock_guard lock(target.link_lock_);
    if (target.stale.load(MemoryOrder::relaxed) != 0 || link.entry.load(MemoryOrder::relaxed) != nullptr) return;
    link.next = target.incoming_;
    target.incoming_ = &link;
    link.entry.store(target.entry_, MemoryOrder::release);
}

} // namespace gimbal::translator::interpreter
