// SPDX-License-Identifier: Apache-2.0
// Against the host's C library, for every size and alignment that takes another way through.
#include <cstring>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "bare/libc/memory.hpp"
#include "bare/libc/string.hpp"

namespace gimbal::libc {
namespace {

constexpr usize size_max = 150;

std::vector<u8> numbered(usize size)
{
    std::vector<u8> bytes(size);
    for (usize i = 0; i < size; ++i) bytes[i] = static_cast<u8>(i * 3 + 1);
    return bytes;
}

int sign(int value) { return (value > 0) - (value < 0); }

TEST(Libc, memcpy_of_every_size_and_alignment)
{
    const auto source = numbered(size_max + 16);
    for (usize from = 0; from < 8; ++from)
        for (usize to = 0; to < 8; ++to)
            for (usize size = 0; size <= size_max; ++size) {
                std::vector<u8> ours(size_max + 16, 0xee);
                std::vector<u8> theirs = ours;
                EXPECT_EQ(libc::memcpy(&ours[to], &source[from], size), &ours[to]);
                std::memcpy(&theirs[to], &source[from], size);
                ASSERT_EQ(ours, theirs) << from << ' ' << to << ' ' << size;
            }
}

TEST(Libc, memmove_over_itself_in_both_directions)
{
    for (usize from = 0; from < 20; ++from)
        for (usize to = 0; to < 20; ++to)
            for (usize size = 0; size <= size_max; ++size) {
                auto ours = numbered(size_max + 20);
                auto theirs = ours;
                EXPECT_EQ(libc::memmove(&ours[to], &ours[from], size), &ours[to]);
                std::memmove(&theirs[to], &theirs[from], size);
                ASSERT_EQ(ours, theirs) << from << ' ' << to << ' ' << size;
            }
}

TEST(Libc, memset_takes_the_low_byte)
{
    for (usize at = 0; at < 8; ++at)
        for (usize size = 0; size <= size_max; ++size) {
            auto ours = numbered(size_max + 8);
            auto theirs = ours;
            EXPECT_EQ(libc::memset(&ours[at], 0x1a5, size), &ours[at]);
            std::memset(&theirs[at], 0xa5, size);
            ASSERT_EQ(ours, theirs) << at << ' ' << size;
        }
}

TEST(Libc, comparisons_are_of_unsigned_bytes)
{
    const std::string words[] = {"", "a", "ab", "b", "\x7f", "\x80", "\xff", "abc", "abd"};
    for (const std::string& a : words)
        for (const std::string& b : words) {
            EXPECT_EQ(sign(libc::strcmp(a.c_str(), b.c_str())), sign(std::strcmp(a.c_str(), b.c_str())));
            for (usize size = 0; size < 4; ++size)
                EXPECT_EQ(sign(libc::strncmp(a.c_str(), b.c_str(), size)),
                          sign(std::strncmp(a.c_str(), b.c_str(), size)));
            const usize both = std::min(a.size(), b.size()) + 1; // with the NUL of the shorter
            EXPECT_EQ(sign(libc::memcmp(a.c_str(), b.c_str(), both)), sign(std::memcmp(a.c_str(), b.c_str(), both)));
        }
}

TEST(Libc, searches)
{
    const char* const text = "a/b/c\xff";
    for (const int wanted : {0x61, 0x2f, 0x63, 0x78, 0, 0xff, -1}) {
        EXPECT_EQ(libc::strchr(text, wanted), std::strchr(text, wanted)) << wanted;
        EXPECT_EQ(libc::strrchr(text, wanted), std::strrchr(text, wanted)) << wanted;
        for (usize size = 0; size <= 7; ++size)
            EXPECT_EQ(libc::memchr(text, wanted, size), std::memchr(text, wanted, size)) << wanted << ' ' << size;
    }
    EXPECT_EQ(libc::strlen(text), 6U);
    EXPECT_EQ(libc::strnlen(text, 3), 3U);
    EXPECT_EQ(libc::strnlen(text, 100), 6U);
}

} // namespace
} // namespace gimbal::libc
