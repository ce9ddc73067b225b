// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <optional>
#include <span>

#include "base/str_view.hpp"
#include "base/types.hpp"

namespace gimbal::bare {

/// Physical addresses; base + size does not wrap.
struct Region {
    u64 base{};
    u64 size{};
    bool operator==(const Region&) const = default;
};

/// Goes through a flattened device tree (Devicetree Specification 0.4) node by node, front to back, and knows of each
/// what its ancestors say about it: cells, address ranges, interrupt parent, status. Nodes nested deeper than max_depth
/// are passed over. The tree may be any bytes: what is wrong with it ends the walk. A walk takes a time that grows as
/// the tree does and no faster, whatever is in it. Works before the MMU is on.
class TreeWalk {
public:
    static constexpr unsigned max_depth = 16;
    /// How many entries of `ranges` region() looks at in one walk; a tree that takes more is damaged. Without a limit
    /// many devices on a bus with a long list would take devices times entries.
    static constexpr u32 max_range_entries = 1U << 20;

    /// `tree` starts on an 8-byte boundary and may be larger than the tree in it; check() has said yes to it.
    explicit TreeWalk(std::span<const u8> tree) : tree_(tree.data()) {}
    /// Its size in bytes, at most tree.size(), if there is a tree of version 16 or later in which each token, length
    /// and name is sound: property names have at most 255 characters. One pass.
    static std::optional<usize> check(std::span<const u8> tree);

    /// To the root, then to each next node. False at the end, or if the tree is damaged.
    bool next();
    bool damaged() const { return damaged_; }
    u32 range_entries() const { return range_entries_; } ///< Looked at so far.

    int offset() const { return offset_; }       ///< libfdt's handle of this node.
    StrView name() const { return here().name; } ///< With its unit address.
    StrView parent_name() const { return depth_ == 0 ? StrView{} : levels_[depth_ - 1].name; }
    unsigned depth() const { return depth_; }                        ///< The root's is 0.
    bool enabled() const { return here().enabled; }                  ///< So are all of its ancestors.
    u32 interrupt_parent() const { return here().interrupt_parent; } ///< A phandle; zero: none is named.
    bool is_compatible(const char* wanted) const;

    /// An empty value is not the same as none.
    std::optional<std::span<const u8>> property(const char* name) const;
    std::optional<u32> cell(const char* name) const; ///< A property of exactly one cell.
    /// A property that is a string, without the NUL that must end it; of a list the first.
    StrView text(const char* name) const;
    /// Cell `index` of a value, or zero beyond its end.
    static u32 cell_at(std::span<const u8> value, usize index);

    /// Entry `index` of `reg` as physical addresses; none beyond the end, or if it does not lead there.
    std::optional<Region> region(usize index);
    /// Where `reg` of a node without sizes points (a CPU's), untranslated; none if it is not 1 or 2 cells.
    std::optional<u64> unit() const;

private:
    struct Level {
        StrView name;
        u32 address_cells{2}; // of its children, as are the next two
        u32 size_cells{1};
        std::optional<std::span<const u8>> ranges;
        u32 interrupt_parent{};
        bool enabled{};
    };

    const Level& here() const { return levels_[depth_]; }
    void enter();
    std::optional<u64> translate(u64 address, u64 size);

    const u8* tree_;
    int offset_{-1};
    unsigned depth_{};
    u32 range_entries_{};
    bool damaged_{};
    std::array<Level, max_depth> levels_{};
};

} // namespace gimbal::bare
