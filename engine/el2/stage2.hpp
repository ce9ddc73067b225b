// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "base/spinlock.hpp"
#include "engine/el2/page_pool.hpp"
#include "engine/el2/stage2_format.hpp"
#include "engine/el2/tlb.hpp"
#include "engine/el2/vmid.hpp"
#include "vm/types.hpp"

namespace gimbal::el2 {

/// Where a guest physical address leads.
struct Stage2Mapping {
    u64 physical{};
    u64 size{}; ///< Bytes from there to the end of the block or page.
    Stage2Attributes attributes{};
    u8 level{}; ///< Of the block or page, 1..3.
};

/// One VM's guest physical memory: the tables behind VTTBR_EL2.
///
/// A range is mapped with the largest blocks that its alignment allows, 1 GiB, 2 MiB or 4 KiB. Blocks are split when
/// part of one changes and joined again when a table says no more than a block would. Every call is whole or has no
/// effect on what is mapped. Any CPU may call while others run the VM.
///
/// A descriptor that is live changes by break-before-make, except where only permissions change (DDI 0487, "Using
/// break-before-make when updating translation table entries"). Inside that window a running vCPU can take a
/// translation fault on memory that is mapped: a fault that no device claims is put to translate(), which waits for the
/// change to end, and the guest tries again if the access is allowed now.
class Stage2 {
public:
    /// All three outlive this object.
    Stage2(PagePool& pool, Tlb& tlb, const VmidSlot& vmid) : pool_(pool), tlb_(tlb), vmid_(vmid) {}
    ~Stage2();
    Stage2(const Stage2&) = delete;
    Stage2& operator=(const Stage2&) = delete;

    /// Takes the root from the pool; nothing is mapped. Errors: out_of_pages. Once, until destroy().
    Result<void, Stage2Error> create(const Stage2Layout& layout);
    /// Gives every table back. No CPU enters the VM any more, and none is in it.
    void destroy();

    aarch64::VtcrEl2 vtcr() const { return layout_.vtcr(); }
    aarch64::VttbrEl2 vttbr(u16 vmid) const { return layout_.vttbr(pool_.address_of(root_), vmid); }
    const Stage2Layout& layout() const { return layout_; }

    /// Maps `size` bytes at `ipa` to `physical`; all three are multiples of 4096, and nothing of it is mapped yet.
    Result<void, Stage2Error> map(Gpa ipa, u64 physical, u64 size, const Stage2Attributes& attributes);
    /// All of the range is mapped; on return no CPU can reach it any more. Errors: out_of_pages if a block has to be
    /// split.
    Result<void, Stage2Error> unmap(Gpa ipa, u64 size);
    /// All of the range is mapped; on return no CPU uses the attributes it had. Errors as unmap().
    Result<void, Stage2Error> protect(Gpa ipa, u64 size, const Stage2Attributes& attributes);

    /// None: not mapped.
    std::optional<Stage2Mapping> translate(Gpa ipa) const;

    u32 pages_in_use() const { return pages_; } ///< Of the pool, the root's included; a snapshot.

private:
    struct Slot { // the entry where a walk ends
        u64* entry{};
        u64* table{}; // that it stands in
        unsigned level{};
    };
    struct Change { // what an invalidation has to cover
        u64 leaves{};
        u64 ipa{};        // of the last leaf
        unsigned level{}; // of the last leaf
        u64* tables{};    // taken out of the tree, chained by their first entry
    };

    Result<void, Stage2Error> check_range(u64 ipa, u64 size) const;
    Slot walk(u64 ipa, unsigned deepest) const;
    bool any_is(bool mapped, u64 ipa, u64 size) const;
    u64* make_path(u64 ipa, unsigned level);
    Result<void, Stage2Error> split_ends(u64 ipa, u64 size);
    Result<void, Stage2Error> split_at(u64 ipa);
    void merge_range(u64 ipa, u64 size);
    void merge_at(u64 ipa);
    bool is_block(const u64* table, unsigned level) const;
    void remove(u64 ipa, u64 size);
    void prune(u64 ipa, Change& change);
    Change rewrite(u64 ipa, u64 size, const Stage2Attributes& attributes, bool& broken);
    void make(u64 ipa, u64 size, const Stage2Attributes& attributes);
    void invalidate(const Change& change);
    void release(u64* table, unsigned level, u64 entries);

    unsigned index_bits(unsigned level) const;
    u64* take_table();
    void give_table(u64* table);

    PagePool& pool_;
    Tlb& tlb_;
    const VmidSlot& vmid_;
    Stage2Layout layout_{}; // constant between create() and destroy()
    u64* root_{};           // the same
    mutable SpinLock lock_; // what the tables say; held by every call while it reads or changes them
    u32 pages_{};           // written under the lock
};

} // namespace gimbal::el2
