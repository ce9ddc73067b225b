// SPDX-License-Identifier: Apache-2.0
#include "engine/translator/backend/x86_64/jit_block.hpp"

namespace gimbal::translator::x86_64 {

JitBlock::JitBlock(CodeArena& arena, CodeArena::Chunk chunk, std::span<const LinkPlan> links, u64 stale_entry,
                   std::mutex& link_lock)
    : arena_(arena), chunk_(chunk), stale_entry_(stale_entry), link_lock_(link_lock), links_(links.size())
{
    entry.store(code(), MemoryOrder::relaxed);
    host_bytes = sizeof(JitBlock) + links.size() * sizeof(Link) + chunk.size;
    for (usize i = 0; i < links.size(); ++i) {
        const LinkPlan& plan = links[i];
        Link& link = links_[i];
        link.source = this;
        link.slot = reinterpret_cast<Atomic<u64>*>(arena.writable(chunk.offset + plan.slot));
        link.stub = reinterpret_cast<u64>(arena.executable(chunk.offset + plan.stub));
        link.offset = plan.offset;
        link.leaves_page = plan.leaves_page;
        link.poll = plan.poll;
        link.slot[0].store(link.stub, MemoryOrder::relaxed);
        link.slot[1].store(reinterpret_cast<u64>(&link), MemoryOrder::relaxed);
    }
}

JitBlock::~JitBlock()
{
    retire();
    {
        const std::lock_guard lock(link_lock_);
        for (Link& link : links_) {
            if (link.target == nullptr) continue;
            for (Link** at = &link.target->incoming_; *at != nullptr; at = &(*at)->next) {
                if (*at != &link) continue;
                *at = link.next;
                break;
            }
        }
    }
    arena_.give(chunk_);
}

void JitBlock::retire()
{
    const std::lock_guard lock(link_lock_);
    stale.store(1, MemoryOrder::release);
    entry.store(stale_entry_, MemoryOrder::release);
    while (incoming_ != nullptr) {
        Link* link = incoming_;
        incoming_ = link->next;
        link->next = nullptr;
        link->target = nullptr;
        link->slot->store(link->stub, MemoryOrder::release);
    }
}

void JitBlock::connect(Link& link, JitBlock& target)
{
    if (target.mode_key != link.source->mode_key) return;
    if (!link.leaves_page && target.physical_page() != link.source->physical_page()) return;
    const std::lock_guard lock(target.link_lock_);
    if (target.stale.load(MemoryOrder::relaxed) != 0 || link.target != nullptr) return;
    link.next = target.incoming_;
    target.incoming_ = &link;
    link.target = &target;
    link.slot->store(target.code(), MemoryOrder::release);
}

} // namespace gimbal::translator::x86_64
