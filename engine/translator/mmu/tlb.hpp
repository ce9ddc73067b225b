// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "engine/translator/core/cpu_state.hpp"
#include "engine/translator/mmu/stage1_walk.hpp"

namespace gimbal::translator::aarch64 {

/// Whose rights a context holds. EL1's are split by PAN, so that a change of PAN is a change of base pointer.
enum class TlbPrivilege : u8 { el0, el1, el1_pan };

/// One TLB maintenance operation, normalised: `first`..`last` are virtual addresses without tag, both included.
struct TlbInvalidation {
    enum class Scope : u8 {
        all,         ///< VMALLE1
        asid,        ///< ASIDE1: non-global entries of `asid`
        address,     ///< VAE1, RVAE1: entries of `asid`, and global ones, in the range
        address_all, ///< VAAE1, RVAAE1: any ASID
    };
    Scope scope{Scope::all};
    u16 asid{};
    u64 first{};
    u64 last{~u64{0}};
};

/// One vCPU's translations: a set of small direct-mapped tables, one for each (ASID, privilege), of which switching
/// changes a pointer, over a shared second level. Owned by the vCPU's thread.
class Tlb {
public:
    Tlb();

    struct Views {
        TlbEntry* data{};
        TlbEntry* unprivileged{};
        FetchEntry* fetch{};
    };
    /// The tables to use from now on. Privileged contexts are shared by all ASIDs as long as they hold global entries
    /// only; the others are found by ASID, the least recently used one making room.
    Views activate(u16 asid, TlbPrivilege privilege);

    /// The smallest page of both halves; a change empties everything.
    void set_granule(unsigned shift);
    unsigned granule() const { return granule_; }

    /// The second level. `va` without tag.
    const Translation* lookup(u64 va, u16 asid);
    void remember(u64 va, u16 asid, const Translation& translation);

    /// Enters a translation into the active context of `unprivileged` (ir::Privilege). `va` as the guest wrote it.
    void fill(u64 va, bool unprivileged, const Translation& translation, const u8* host_page, bool may_write);
    void fill_fetch(u64 va, u64 physical_page, bool global);

    void invalidate(const TlbInvalidation& what);
    void flush_all();

    u64 flushes() const { return flushes_; }

private:
    static constexpr unsigned context_count = 32;
    static constexpr unsigned second_level_entries = 8192;
    static constexpr unsigned second_level_ways = 4; ///< One virtual page of four address spaces.
    static constexpr unsigned block_filter_bits = 4096;

    struct Context {
        TlbEntry entries[tlb_entries];
        FetchEntry fetch[fetch_entries];
        u16 asid{};
        TlbPrivilege privilege{};
        bool in_use{};
        bool dirty{};      ///< Holds any entry at all.
        bool non_global{}; ///< Holds entries of `asid` alone.
        u64 last_used{};
    };
    struct Entry {
        u64 page{~u64{0}}; ///< Virtual page, granule-aligned; ~0 is empty.
        u16 asid{};
        Translation translation{};
    };

    Context& context_for(u16 asid, TlbPrivilege privilege);
    void clear(Context& context);
    void drop_range(Context& context, u64 first, u64 last);
    void drop_page(const TlbInvalidation& what, u64 page);
    std::span<Entry> second_level_set(u64 page);
    std::span<Entry> whole_second_level() { return {second_level_.get(), second_level_entries}; }
    static void drop_second_level(const TlbInvalidation& what, std::span<Entry> entries, u64 first, u64 last);
    bool hits_block(u64 first, u64 last, u64& block_first, u64& block_last) const;
    usize filter_index(u64 va, unsigned shift) const;

    std::vector<std::unique_ptr<Context>> contexts_;
    std::unique_ptr<Entry[]> second_level_;
    Context* active_[2]{}; // by ir::Privilege
    Context* by_privilege_[3]{};
    u16 active_asid_{};
    unsigned granule_{12};
    u64 clock_{};
    unsigned victim_{};
    u64 flushes_{};
    // Blocks larger than a page that were entered since the last full flush: a filter of (block number, size). An
    // invalidation by address that meets one covers the whole block.
    u64 block_filter_[block_filter_bits / 64]{};
    u64 block_shifts_{}; // one bit for each block_shift seen
};

} // namespace gimbal::translator::aarch64
