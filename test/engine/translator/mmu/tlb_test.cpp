// SPDX-License-Identifier: Apache-2.0
#include "engine/translator/mmu/tlb.hpp"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "base/bits.hpp"

// Class Tlb against a model that never forgets: whatever the TLB still knows must be what the model allows.
namespace gimbal::translator::aarch64 {
namespace {

using Scope = TlbInvalidation::Scope;

constexpr u16 asids[] = {0, 1, 7, 0x100, 0x1234, 0xFFFF};
constexpr TlbPrivilege privileges[] = {TlbPrivilege::el0, TlbPrivilege::el1, TlbPrivilege::el1_pan};

/// What was entered last for a block of addresses, and for whom.
struct Known {
    u64 first{};
    u64 last{};
    u16 asid{};
    bool global{};
    u64 version{};
};

class TlbModelTest : public ::testing::TestWithParam<unsigned> {
protected:
    TlbModelTest() { tlb_.set_granule(GetParam()); }

    u64 random(u64 limit) { return engine_() % limit; }
    bool one_in(u64 n) { return random(n) == 0; }
    u64 page_size() const { return u64{1} << GetParam(); }

    /// Few pages, so that they meet: both halves, near and far, some inside blocks.
    u64 random_page()
    {
        const u64 number = random(24) + (one_in(2) ? u64{1} << 14 : 0);
        const u64 page = number << GetParam();
        return one_in(3) ? page | ~low_mask(47) : page;
    }

    void activate()
    {
        asid_ = asids[random(std::size(asids))];
        privilege_ = privileges[random(std::size(privileges))];
        views_ = tlb_.activate(asid_, privilege_);
    }

    /// The fact that holds for a page in an address space; null if nobody entered one since it was dropped.
    const Known* find(u64 page, u16 asid) const
    {
        const Known* found = nullptr;
        for (const Known& known : known_)
            if (page >= known.first && page <= known.last && (known.global || known.asid == asid) &&
                (found == nullptr || known.version > found->version))
                found = &known;
        return found;
    }

    void enter()
    {
        const u64 page = random_page();
        const unsigned shift = one_in(4) ? GetParam() + static_cast<unsigned>(random(3)) * 2 : GetParam();
        const u64 first = align_down(page, u64{1} << shift);
        const Known* old = find(page, asid_);
        Known fact{first, first | low_mask(shift), asid_, one_in(3), ++version_};
        // Break before make: what is known of these addresses is entered again, or dropped first.
        for (const Known& known : known_)
            if (known.first <= fact.last && known.last >= fact.first && &known != old) return;
        if (old != nullptr)
            fact = *old;
        else
            known_.push_back(fact);
        Translation translation;
        translation.page = fact.version << GetParam();
        translation.page_shift = static_cast<u8>(GetParam());
        translation.block_shift = static_cast<u8>(std::countr_zero(fact.last - fact.first + 1));
        translation.global = fact.global;
        tlb_.remember(page, asid_, translation);
        tlb_.fill(page, false, translation, reinterpret_cast<const u8*>(translation.page), one_in(2));
        if (one_in(3)) tlb_.fill_fetch(page, translation.page, fact.global);
    }

    void invalidate()
    {
        TlbInvalidation what;
        what.scope = static_cast<Scope>(random(4));
        what.asid = asids[random(std::size(asids))];
        if (what.scope == Scope::address || what.scope == Scope::address_all) {
            what.first = random_page();
            what.last = what.first + page_size() * (one_in(3) ? random(64) : 0);
        }
        tlb_.invalidate(what);
        std::erase_if(known_, [&](const Known& known) {
            const bool in_range = known.first <= (what.last | low_mask(GetParam())) && known.last >= what.first;
            switch (what.scope) {
            case Scope::all: return true;
            case Scope::asid: return !known.global && known.asid == what.asid;
            case Scope::address: return in_range && (known.global || known.asid == what.asid);
            case Scope::address_all: return in_range;
            }
            return false;
        });
    }

    void check(u64 page)
    {
        const Known* known = find(page, asid_);
        const u64 expected = known != nullptr ? known->version << GetParam() : 0;
        if (const Translation* hit = tlb_.lookup(page, asid_)) {
            ASSERT_NE(known, nullptr) << std::hex << page << " asid " << asid_ << " is remembered after it was dropped";
            ASSERT_EQ(hit->page, expected);
        }
        const TlbEntry& entry = views_.data[(page >> GetParam()) & (tlb_entries - 1)];
        if (entry.read_tag == page) {
            ++hits_;
            ASSERT_NE(known, nullptr) << std::hex << page << " asid " << asid_ << " hits after it was dropped";
            ASSERT_EQ(page + entry.addend, expected);
        }
        const FetchEntry& fetch = views_.fetch[(page >> 12) & (fetch_entries - 1)];
        if (fetch.virtual_page == page) {
            ASSERT_NE(known, nullptr) << std::hex << page << " asid " << asid_ << " is fetched after it was dropped";
            ASSERT_EQ(fetch.physical_page, expected);
        }
    }

    std::mt19937_64 engine_{7};
    Tlb tlb_;
    Tlb::Views views_;
    std::vector<Known> known_;
    u16 asid_{};
    TlbPrivilege privilege_{};
    u64 version_{};
    u64 hits_{};
};

TEST_P(TlbModelTest, NeverKnowsMoreThanItMay)
{
    activate();
    for (unsigned i = 0; i < 60'000; ++i) {
        switch (random(8)) {
        case 0:
        case 1:
        case 2: enter(); break;
        case 3: invalidate(); break;
        case 4: activate(); break;
        default: break;
        }
        ASSERT_NO_FATAL_FAILURE(check(random_page()));
    }
    EXPECT_GT(hits_, 1000U);
}

INSTANTIATE_TEST_SUITE_P(Granules, TlbModelTest, ::testing::Values(12, 14, 16));

} // namespace
} // namespace gimbal::translator::aarch64
