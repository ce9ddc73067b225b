// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "base/atomic.hpp"
#include "engine/translator/core/lowered_block.hpp"
#include "vm/memory.hpp"
#include "vm/types.hpp"

namespace gimbal::translator {

struct CodeCacheStats {
    u64 blocks_translated{};
    u64 instructions_translated{};
    u64 code_bytes{};
    u64 invalidations{};  ///< Blocks retired because their guest bytes changed.
    u64 evictions{};      ///< Blocks retired to make room.
    u64 retired_blocks{}; ///< In memory still, because a vCPU may be inside.
};

/// The blocks of one VM, by physical address and mode key; shared by its vCPUs. Every call may come from any thread.
/// A block that is retired stays in memory until every vCPU has been outside blocks once (quiescent()). No call holds
/// the lock for longer than one batch of pages or blocks takes.
class CodeCache final : public MemoryWriteObserver {
public:
    CodeCache(GuestMemory& memory, usize byte_limit);

    /// A reader, or a caller that knows of no other thread.
    LoweredBlock* find(u64 physical_address, u64 mode_key);
    /// Publishes `block`, or hands back the one that another vCPU published first. Null if the guest's bytes are no
    /// longer what was translated: an invalidation that came in between did not find the block.
    LoweredBlock* insert(std::unique_ptr<LoweredBlock> block);

    /// Retires the blocks that overlap [first, first + size) and whose guest bytes are no longer what was translated
    /// (IC IVAU: most lines that Linux invalidates have not changed). Blocks published meanwhile were checked then.
    void invalidate_changed(u64 first, u64 size);
    void invalidate_all_changed(); ///< IC IALLU
    /// Retires the oldest blocks, as much as an insertion into a full cache does.
    void evict();
    void guest_memory_written(Gpa gpa, u64 size) override { invalidate_changed(gpa.value, size); }

    /// Each vCPU takes a slot for as long as it lives. It is a reader between enter() and leave(), holds block pointers
    /// only there, and calls quiescent() when it holds none at the moment.
    unsigned add_reader();
    void remove_reader(unsigned reader);
    void enter(unsigned reader) { readers_[reader].store(epoch_.load()); }
    void leave(unsigned reader) { readers_[reader].store(away); }
    /// stale(): blocks were retired since; the reader clears its own tables of block pointers, then says quiescent().
    /// `seen` is the reader's copy of where it stands. Asked after enter(), so that nothing seen is freed in between.
    bool stale(u64 seen) const { return epoch_.load() != seen; }
    void quiescent(unsigned reader, u64& seen);

    /// For the backend: guards the links between this cache's blocks.
    std::mutex& link_lock() { return link_lock_; }
    CodeCacheStats stats() const;

private:
    struct Key {
        u64 physical_address;
        u64 mode_key;
        bool operator==(const Key&) const = default;
    };
    struct KeyHash {
        usize operator()(const Key& key) const
        {
            return static_cast<usize>((key.physical_address >> 2 ^ key.mode_key << 20) * 0x9E37'79B9'7F4A'7C15ULL >>
                                      11);
        }
    };
    struct Page {
        u64 lines{}; ///< One bit for each 64-byte line that any block covers.
        std::vector<LoweredBlock*> blocks;
    };
    struct Retired {
        std::unique_ptr<LoweredBlock> block;
        u64 epoch;
    };
    using Freed = std::vector<std::unique_ptr<LoweredBlock>>;
    static constexpr unsigned page_shift = 12;
    static constexpr usize index_entries = usize{1} << 15;

    Atomic<LoweredBlock*>& index_entry(const Key& key) { return index_[KeyHash{}(key) % index_entries]; }
    bool changed(const LoweredBlock& block) const;
    void retire_in_page(u64 page_number, Page& page, u64 first, u64 last);
    void retire(LoweredBlock* block);
    void evict_down_to(u64 enough);
    void append(LoweredBlock* block);
    void unlink(LoweredBlock* block);
    Freed take_unreachable();

    GuestMemory& memory_;
    const usize byte_limit_;
    std::mutex link_lock_;     // taken inside mutex_, never the other way round
    mutable std::mutex mutex_; // everything down to the readers' part
    std::unordered_map<Key, std::unique_ptr<LoweredBlock>, KeyHash> blocks_;
    std::map<u64, Page> pages_;
    LoweredBlock* oldest_{};
    LoweredBlock* newest_{};
    std::deque<Retired> retired_; // epochs ascend
    std::vector<bool> reader_taken_;
    CodeCacheStats stats_{};

    // Outside the lock. Some published block for each hash, so that most look-ups take no lock; then the count of
    // retirements, and the epoch that each reader has reached. All sequentially consistent: a reader that enters
    // either sees a retirement, and then finds the block nowhere, or is seen by it.
    std::vector<Atomic<LoweredBlock*>> index_;
    static constexpr u64 away = ~u64{0};
    Atomic<u64> epoch_{1};
    Atomic<u64> readers_[max_vcpus];
};

} // namespace gimbal::translator
