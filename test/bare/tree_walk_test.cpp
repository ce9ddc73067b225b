// SPDX-License-Identifier: Apache-2.0
// Devicetree Specification 0.4, chapter 5: what a flattened tree may not be, and what it may not cost.
#include "bare/tree_walk.hpp"

#include <cstring>
#include <string>
#include <vector>

#include <gtest/gtest.h>
extern "C" {
#include <libfdt.h>
}

#include "vm/device_tree/writer.hpp"

namespace gimbal::bare {
namespace {

using Cells = std::vector<u32>;

/// A tree of these cells and names, on an 8-byte boundary.
struct Tree {
    std::vector<u64> words;

    explicit Tree(const Cells& structure, const std::string& names = std::string("x\0", 2), u32 version = 17)
    {
        const usize names_at = 56 + structure.size() * 4;
        words.resize((names_at + names.size() + 7) / 8);
        const auto size = static_cast<u32>(names_at + names.size());
        const Cells header{FDT_MAGIC, size, 56, static_cast<u32>(names_at),     40,
                           version,   16,   0,  static_cast<u32>(names.size()), static_cast<u32>(structure.size() * 4)};
        for (usize i = 0; i < header.size(); ++i) set(i, header[i]);
        for (usize i = 0; i < structure.size(); ++i) set(14 + i, structure[i]);
        std::memcpy(bytes().data() + names_at, names.data(), names.size());
    }
    std::span<u8> bytes() { return {reinterpret_cast<u8*>(words.data()), words.size() * sizeof(u64)}; }
    void set(usize index, u32 value)
    {
        const u32 big_endian = __builtin_bswap32(value);
        std::memcpy(bytes().data() + index * 4, &big_endian, sizeof(big_endian));
    }
};

bool is_sound(Tree tree) { return TreeWalk::check(tree.bytes()).has_value(); }

/// The root with one property that has `size` in its header and one cell of value.
Cells one_property(u32 size, u32 name = 0)
{
    return {FDT_BEGIN_NODE, 0, FDT_PROP, size, name, 0, FDT_END_NODE, FDT_END};
}

TEST(TreeCheck, a_property_ends_within_the_structure_block)
{
    EXPECT_TRUE(is_sound(Tree(one_property(4))));
    EXPECT_TRUE(is_sound(Tree(one_property(1)))); // the value is padded
    // Negative as int: libfdt would stay at -12 for ever, and go back at -24.
    for (const u32 size : {~u32{0} - 11, ~u32{0} - 23, ~u32{0}, u32{1} << 31, (u32{1} << 31) - 1, u32{13}})
        EXPECT_FALSE(is_sound(Tree(one_property(size)))) << size;
}

TEST(TreeCheck, a_property_name_is_in_the_strings_block_and_short)
{
    EXPECT_TRUE(is_sound(Tree(one_property(4), std::string(255, 'x') + '\0')));
    EXPECT_FALSE(is_sound(Tree(one_property(4), std::string(256, 'x') + '\0')));
    EXPECT_FALSE(is_sound(Tree(one_property(4), "x"))); // without its NUL
    EXPECT_FALSE(is_sound(Tree(one_property(4, 2))));
    EXPECT_FALSE(is_sound(Tree(one_property(4, ~u32{0}))));
}

TEST(TreeCheck, nodes_are_balanced_and_there_is_one_root)
{
    EXPECT_TRUE(is_sound(Tree({FDT_NOP, FDT_BEGIN_NODE, 0, FDT_NOP, FDT_END_NODE, FDT_NOP, FDT_END})));
    EXPECT_FALSE(is_sound(Tree({FDT_END})));
    EXPECT_FALSE(is_sound(Tree({FDT_BEGIN_NODE, 0, FDT_END})));
    EXPECT_FALSE(is_sound(Tree({FDT_BEGIN_NODE, 0, FDT_END_NODE})));
    EXPECT_FALSE(is_sound(Tree({FDT_END_NODE, FDT_BEGIN_NODE, 0, FDT_END})));
    EXPECT_FALSE(is_sound(Tree({FDT_BEGIN_NODE, 0, FDT_END_NODE, FDT_END_NODE, FDT_END})));
    EXPECT_FALSE(is_sound(Tree({FDT_BEGIN_NODE, 0, FDT_END_NODE, FDT_BEGIN_NODE, 0, FDT_END_NODE, FDT_END})));
    EXPECT_FALSE(is_sound(Tree({FDT_PROP, 0, 0, FDT_BEGIN_NODE, 0, FDT_END_NODE, FDT_END})));
    EXPECT_FALSE(is_sound(Tree({FDT_BEGIN_NODE, 0, 5, FDT_END_NODE, FDT_END}))); // no token
    EXPECT_FALSE(is_sound(Tree({FDT_BEGIN_NODE, 0x61616161})));                  // a name without an end
    EXPECT_FALSE(is_sound(Tree({FDT_BEGIN_NODE, 0, FDT_PROP, 0})));
}

TEST(TreeCheck, versions_whose_layout_is_known)
{
    EXPECT_TRUE(is_sound(Tree(one_property(4), std::string("x\0", 2), 16)));
    EXPECT_FALSE(is_sound(Tree(one_property(4), std::string("x\0", 2), 3)));
    EXPECT_FALSE(is_sound(Tree(one_property(4), std::string("x\0", 2), 15)));
}

/// Devices on a bus whose long list of ranges has none of them.
std::vector<u64> long_bus(u32 entries, u32 devices)
{
    std::vector<u64> words(32'768);
    device_tree::Writer tree({reinterpret_cast<u8*>(words.data()), words.size() * sizeof(u64)});
    Cells ranges;
    for (u32 i = 0; i < entries; ++i) ranges.insert(ranges.end(), {0, 0, 0x1000});
    tree.begin("");
    tree.cells("#address-cells", 1);
    tree.begin("bus");
    tree.cells("#address-cells", 1);
    tree.write_cells("ranges", ranges);
    for (u32 i = 0; i < devices; ++i) {
        tree.begin("d");
        tree.cells("reg", 0x1'0000, 0x1000);
        tree.end();
    }
    tree.end();
    tree.end();
    EXPECT_NE(tree.finish(), 0U);
    return words;
}

/// A walk that asks for each node's first region.
TreeWalk walked(const std::vector<u64>& words)
{
    TreeWalk walk({reinterpret_cast<const u8*>(words.data()), words.size() * sizeof(u64)});
    while (walk.next()) EXPECT_FALSE(walk.region(0));
    return walk;
}

TEST(TreeWalk, looks_at_each_entry_of_ranges_once_per_region)
{
    const TreeWalk walk = walked(long_bus(100, 30));
    EXPECT_FALSE(walk.damaged());
    EXPECT_EQ(walk.range_entries(), 3000U);
}

TEST(TreeWalk, devices_times_ranges_have_a_limit)
{
    const auto words = long_bus(1024, 1025);
    ASSERT_TRUE(TreeWalk::check({reinterpret_cast<const u8*>(words.data()), words.size() * sizeof(u64)}));
    EXPECT_FALSE(walked(long_bus(1024, 1024)).damaged());
    TreeWalk walk = walked(words);
    EXPECT_TRUE(walk.damaged());
    EXPECT_EQ(walk.range_entries(), TreeWalk::max_range_entries);
    EXPECT_FALSE(walk.next()); // and it stays so
}

} // namespace
} // namespace gimbal::bare
