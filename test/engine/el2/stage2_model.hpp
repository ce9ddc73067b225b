// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "engine/el2/page_pool.hpp"
#include "engine/el2/tlb.hpp"

namespace gimbal::el2::test {

/// Physical memory for tables: `pages` pages at `base`. Pages that nobody holds are full of valid descriptors to
/// nowhere.
class FakePool final : public PagePool {
public:
    static constexpr u64 base = 0x4800'0000;
    static constexpr u64 garbage = 0x0000'5A5A'5A5A'5003;

    explicit FakePool(u32 pages);

    u64* take_pages(unsigned order) noexcept override;
    void give_pages(u64* pages, unsigned order) noexcept override;
    u64 address_of(const u64* table) const noexcept override;
    u64* table_at(u64 physical) const noexcept override;

    void allow(u32 pages) { allowed_ = pages; } ///< No more than this many may be held.
    u32 held() const { return held_; }
    u32 pages() const { return pages_; }
    bool is_held(u64 physical) const;
    u64 read(u64 physical) const { return *(table_at(physical & ~u64{0xFFF}) + (physical & 0xFFF) / 8); }

    std::function<void(u64 physical)> on_take, on_give;

private:
    u32 page_of(const u64* table) const;

    u32 pages_;
    std::unique_ptr<u64[]> storage_;
    u64* memory_;            // aligned to 64 KiB
    std::vector<int> order_; // by page: -1 free, else the order of the allocation it belongs to
    u32 held_{};
    u32 allowed_;
};

/// The history of every descriptor store, barrier and TLBI, judged as it happens: TLBs that cache whatever a walk could
/// have found since the last invalidation of it, for as long as the architecture lets them. What they must never come
/// to hold at the same time is in "Using break-before-make when updating translation table entries" (DDI 0487).
class TlbModel final : public Tlb {
public:
    explicit TlbModel(FakePool& pool);

    void store(u64& descriptor, u64 value) noexcept override;
    void publish() noexcept override;
    void invalidate_ipa(u16 vmid, Gpa ipa, unsigned level) noexcept override;
    void invalidate_vm(u16 vmid) noexcept override;

    /// The tables begin here; from now on the VM `vmid` runs on other CPUs.
    void start(u64 root, unsigned start_level, u64 root_entries, u16 vmid);
    void stop() { running_ = false; }
    /// No call is in progress: the TLBs may hold what the tables say, and nothing else.
    void check_quiet();

    const std::vector<std::string>& faults() const { return faults_; }
    u64 stores() const { return stores_; }               ///< into tables that walkers can reach
    u64 invalidations() const { return invalidations_; } ///< of both kinds
    u64 whole_vm() const { return whole_vm_; }

private:
    struct Place { // where a table stands in the input address space
        u64 ipa;
        unsigned level;
        auto operator<=>(const Place&) const = default;
    };
    struct Leaf {
        unsigned level;
        u64 raw;
        auto operator<=>(const Leaf&) const = default;
    };
    struct Cache {
        std::multimap<u64, Place> tables;             // by physical address of the table
        std::map<Place, std::set<u64>> table_entries; // table descriptors by where they were found
        std::map<u64, std::set<Leaf>> leaves;         // by first address
        bool operator==(const Cache&) const = default;
    };

    void found(Cache& cache, Place place, u64 raw); ///< A walker comes across a descriptor.
    void judge(const Cache& cache, Place place, u64 raw);
    void judge_overlap(const Cache& cache, u64 ipa, u64 size, Leaf leaf);
    void judge_one(u64 ipa, u64 other_ipa, Leaf leaf, Leaf other);
    void visit(Cache& cache, u64 table, Place place, u64 entries);
    Cache live();
    void fault(std::string what) { faults_.push_back(std::move(what)); }

    FakePool& pool_;
    bool running_{};
    u64 root_{}, root_entries_{};
    unsigned start_level_{};
    u16 vmid_{};
    Cache cache_;
    std::vector<u64> shadow_; // what was stored, by doubleword of the pool; garbage where nobody holds the page
    u64 unpublished_{};
    u64 stores_{}, invalidations_{}, whole_vm_{};
    std::vector<std::string> faults_;
};

} // namespace gimbal::el2::test
