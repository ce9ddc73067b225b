// SPDX-License-Identifier: Apache-2.0
#include "test/engine/el2/stage2_fixture.hpp"

#include <ostream>

#include "test/engine/el2/text.hpp"

namespace gimbal::el2::test {

namespace {

constexpr u64 address_mask = 0x0000'FFFF'FFFF'F000;

Stage2Attributes attributes_of(const WalkResult& result)
{
    Stage2Memory memory = Stage2Memory::device;
    if (result.mem_attr == 0b1111) memory = Stage2Memory::normal;
    if (result.mem_attr == 0b0101) memory = Stage2Memory::normal_non_cacheable;
    return {memory, result.read, result.write, result.execute_el0, result.execute_el1};
}

} // namespace

std::ostream& operator<<(std::ostream& out, const Piece& piece)
{
    const Stage2Attributes& a = piece.attributes;
    return out << text(piece.ipa, "+", piece.size, " -> ", piece.physical, " memory ", static_cast<int>(a.memory), " ",
                       a.read ? 'r' : '-', a.write ? 'w' : '-', a.execute_el0 ? 'x' : '-', a.execute_el1 ? 'X' : '-');
}

std::vector<Piece> join(const std::vector<Piece>& pieces)
{
    std::vector<Piece> joined;
    for (const Piece& piece : pieces) {
        if (!joined.empty()) {
            Piece& last = joined.back();
            if (last.ipa + last.size == piece.ipa && last.physical + last.size == piece.physical &&
                last.attributes == piece.attributes) {
                last.size += piece.size;
                continue;
            }
        }
        joined.push_back(piece);
    }
    return joined;
}

Stage2Fixture::Stage2Fixture(const Stage2Features& features, unsigned ipa_bits, u32 pool_pages)
    : pool(pool_pages), tlb(pool), stage2(pool, tlb, vmid), layout(*make_stage2_layout(features, ipa_bits))
{
    if (!stage2.create(layout)) return;
    const u16 number = vmids.enter(0, vmid).vmid;
    const Walker walker = this->walker();
    EXPECT_TRUE(walker.legal());
    EXPECT_EQ(walker.ipa_bits(), ipa_bits);
    tlb.start(walker.root(), walker.start_level(), u64{1} << (ipa_bits - 12 - 9 * (3 - walker.start_level())), number);
}

Walker Stage2Fixture::walker() const
{
    return {stage2.vtcr().raw, stage2.vttbr(vmid.vmid()).raw, layout.xnx, [this](u64 at) { return pool.read(at); }};
}

std::vector<Piece> Stage2Fixture::walk_all()
{
    const Walker walker = this->walker();
    std::vector<Piece> pieces;
    for (u64 ipa = 0; ipa >> layout.ipa_bits == 0;) {
        const auto result = walker.walk(ipa);
        if (!result) {
            ADD_FAILURE() << text("the walker objects at ", ipa);
            return {};
        }
        if (result->mapped) add(*result, ipa, pieces);
        ipa += result->covers;
    }
    check_tables(walker.root(), walker.start_level(), walker.root_tables() * 512, true);
    return join(pieces);
}

void Stage2Fixture::add(const WalkResult& result, u64 ipa, std::vector<Piece>& pieces) const
{
    const Stage2Attributes attributes = attributes_of(result);
    EXPECT_TRUE(result.access_flag);
    EXPECT_TRUE(result.mem_attr == 0b1111 || result.mem_attr == 0b0101 || result.mem_attr == 0b0001);
    EXPECT_TRUE(attributes.memory == Stage2Memory::device || result.shareability == 3);
    pieces.push_back({ipa, result.covers, result.physical, attributes});
}

void Stage2Fixture::check_tables(u64 table, unsigned level, u64 entries, bool root)
{
    const u64 size = u64{1} << (12 + 9 * (3 - level));
    const auto entry = [&](u64 i) { return pool.read(table + i * 8); };
    const auto is_table = [&](u64 raw) { return level < 3 && (raw & 3) == 3; };
    bool empty = true;
    bool block = !root && level > 1 && (entry(0) & 1) != 0 && !is_table(entry(0)) &&
                 (entry(0) & address_mask) % (size * 512) == 0;
    for (u64 i = 0; i < entries; ++i) {
        empty &= entry(i) == 0;
        block = block && entry(i) == entry(0) + i * size;
        if (is_table(entry(i))) check_tables(entry(i) & address_mask, level + 1, 512, false);
    }
    EXPECT_FALSE(empty && !root) << "an empty table of level " << level;
    EXPECT_FALSE(block) << "a table of level " << level << " that could be a block";
}

void Stage2Fixture::check_history(const std::string& what)
{
    tlb.check_quiet();
    ASSERT_TRUE(tlb.faults().empty()) << what << ": " << tlb.faults().front() << " (and " << tlb.faults().size() - 1
                                      << " more)";
    ASSERT_EQ(stage2.pages_in_use(), pool.held()) << what;
}

} // namespace gimbal::el2::test
