// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <string>

#include "bare/arena.hpp"
#include "bare/boot_memory.hpp"
#include "bare/page_stack.hpp"
#include "bare/text.hpp"

namespace gimbal::bare {
namespace {

TEST(LargestFree, goes_around_what_is_taken)
{
    Board board;
    ASSERT_TRUE(board.memory.add({0x4000'0000, 0x4000'0000}));
    ASSERT_TRUE(board.reserved.add({0x7FF0'0000, 0x10'0000}));
    const Region taken[] = {
        {0x4020'0000, 0x200'0000},
        {0x4800'0000, 0x1234    },
        {0x4021'0000, 0x10      }, // inside another
        {0x5000'0000, 0         }, // of no size
    };
    EXPECT_EQ(largest_free(board, taken), (Region{0x4800'2000, 0x7FF0'0000 - 0x4800'2000}));
}

TEST(LargestFree, finds_nothing_where_there_is_nothing)
{
    Board board;
    EXPECT_EQ(largest_free(board, {}).size, 0U);
    ASSERT_TRUE(board.memory.add({0x1000, 0x1000}));
    const Region all[] = {
        {0x0FFF, 0x800},
        {0x17FF, 0x801}
    };
    EXPECT_EQ(largest_free(board, all).size, 0U);
    EXPECT_EQ(largest_free(board, {}), (Region{0x1000, 0x1000}));
}

TEST(LargestFree, takes_the_larger_of_two_memories)
{
    Board board;
    ASSERT_TRUE(board.memory.add({0x1000, 0x3000}));
    ASSERT_TRUE(board.memory.add({0x8000'0800, 0x8000}));
    EXPECT_EQ(largest_free(board, {}), (Region{0x8000'1000, 0x7000}));
}

TEST(Arena, gives_aligned_pieces_until_it_is_empty)
{
    alignas(64) static u8 memory[256];
    const u64 base = reinterpret_cast<u64>(memory);
    Arena arena(base + 1, base + sizeof(memory));
    EXPECT_EQ(arena.take(16, 64).data(), memory + 64);
    EXPECT_EQ(*arena.make<u64>(7U), 7U);
    EXPECT_EQ(arena.left(), 256U - 64 - 16 - 8);
    EXPECT_TRUE(arena.take(arena.left() + 1, 1).empty());
    EXPECT_TRUE(arena.take(~u64{0}, 1).empty());
    EXPECT_EQ(arena.take(arena.left(), 1).size(), 168U);
    EXPECT_EQ(arena.make<u8>(), nullptr);
}

TEST(PageStack, reuses_what_is_given_back_and_clears_it)
{
    alignas(16 * 4096) static u8 memory[16 * 4096];
    PageStack pages;
    pages.add(reinterpret_cast<u64>(memory), sizeof(memory));
    u64* one = pages.take_pages(0);
    u64* four = pages.take_pages(2);
    ASSERT_NE(one, nullptr);
    ASSERT_NE(four, nullptr);
    EXPECT_EQ(pages.address_of(four) % (4 * 4096), 0U);
    EXPECT_EQ(pages.table_at(pages.address_of(four)), four);
    four[3] = 5;
    pages.give_pages(four, 2);
    EXPECT_EQ(pages.take_pages(2), four);
    EXPECT_EQ(four[0] | four[3], 0U);
    EXPECT_EQ(pages.take_pages(4), nullptr);
}

class Lines final : public TextSink {
public:
    void write(const char* text, usize size) override { all.append(text, size); }
    std::string all;
};

TEST(Line, is_written_whole_and_cut_when_it_is_too_long)
{
    Lines lines;
    Line(lines).text("a ").number(0).text(" ").number(~u64{0}).text(" ").hex(0).text(" ").hex(0xDEAD'BEEF'0);
    EXPECT_EQ(lines.all, "a 0 18446744073709551615 0x0 0xdeadbeef0\n");
    lines.all.clear();
    Line(lines).text(std::string(500, 'x').c_str());
    EXPECT_EQ(lines.all, std::string(160, 'x') + "\n");
}

} // namespace
} // namespace gimbal::bare
