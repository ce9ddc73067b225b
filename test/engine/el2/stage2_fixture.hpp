// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <vector>

#include <gtest/gtest.h>

#include "engine/el2/stage2.hpp"
#include "test/engine/el2/stage2_model.hpp"
#include "test/engine/el2/stage2_walker.hpp"

namespace gimbal::el2::test {

/// A range that is mapped without a seam: addresses go up together and the attributes are the same.
struct Piece {
    u64 ipa{}, size{}, physical{};
    Stage2Attributes attributes{};

    bool operator==(const Piece&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Piece& piece);

/// Joins pieces that touch; they are sorted and do not overlap.
std::vector<Piece> join(const std::vector<Piece>& pieces);

inline constexpr Stage2Features features48{
    .granule_4kib = true, .pa_bits = 48, .vmid_bits = 16, .xnx = true, .cnp = true};

/// A VM that runs on other CPUs all the time, its tables and their judges.
class Stage2Fixture {
public:
    Stage2Fixture(const Stage2Features& features, unsigned ipa_bits, u32 pool_pages);
    ~Stage2Fixture() { stage2.destroy(); }

    /// What the independent walker finds in the whole input address space, joined. A test failure if the walker objects
    /// to anything, or if a table is empty or says no more than a block would.
    std::vector<Piece> walk_all();
    /// No fault in the history, nothing stale in a TLB; `what` goes into the message.
    void check_history(const std::string& what);

    FakePool pool;
    TlbModel tlb;
    std::array<VmidCpu, 1> cpus{};
    VmidAllocator vmids{16, cpus};
    VmidSlot vmid;
    Stage2 stage2;
    Stage2Layout layout;

private:
    Walker walker() const;
    void add(const WalkResult& result, u64 ipa, std::vector<Piece>& pieces) const;
    void check_tables(u64 table, unsigned level, u64 entries, bool root);
};

} // namespace gimbal::el2::test
