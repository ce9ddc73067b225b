// SPDX-License-Identifier: Apache-2.0
// What libfdt leaves to its callers: it takes a property's length as it finds it, so that one of -12 bytes is a
// property that it never gets past, and it looks for the end of a property's name as far as the block of names goes.
#include "bare/tree_walk.hpp"

extern "C" {
#include <libfdt.h>
}

#include "base/bits.hpp"

namespace gimbal::bare {
namespace {

constexpr usize cell_size = 4;
constexpr u32 oldest_version = 16;      // before it, names and values were aligned in another way
constexpr u32 structure_size_from = 17; // the first version whose header has the structure block's size
constexpr usize property_name_max = 255;

using Bytes = std::span<const u8>;

/// The string at `at` with its NUL, which must come within `limit` bytes.
std::optional<usize> string_size(Bytes block, usize at, usize limit)
{
    for (usize size = 0; size < limit && at + size < block.size(); ++size)
        if (block[at + size] == 0) return size + 1;
    return std::nullopt;
}

/// One pass over the structure block (Devicetree Specification 0.4, 5.4).
class StructureCheck {
public:
    StructureCheck(Bytes structure, Bytes names) : structure_(structure), names_(names) {}

    bool passes()
    {
        while (at_ + cell_size <= structure_.size()) {
            const u32 token = take_cell();
            if (token == FDT_END) return has_root_ && depth_ == 0;
            if (!take(token)) return false;
        }
        return false;
    }

private:
    u32 take_cell()
    {
        at_ += cell_size;
        return TreeWalk::cell_at(structure_, at_ / cell_size - 1);
    }

    /// What belongs to the token, and on to the next.
    bool take(u32 token)
    {
        switch (token) {
        case FDT_NOP: return true;
        case FDT_BEGIN_NODE: return take_node();
        case FDT_PROP: return depth_ != 0 && take_property();
        case FDT_END_NODE: return depth_-- != 0;
        default: return false;
        }
    }

    bool take_node()
    {
        if (depth_ == 0 && has_root_) return false;
        has_root_ = true;
        ++depth_;
        const auto size = string_size(structure_, at_, structure_.size());
        if (size) at_ += align_up(*size, cell_size);
        return size.has_value();
    }

    bool take_property()
    {
        if (at_ + 2 * cell_size > structure_.size()) return false;
        const usize size = take_cell();
        const usize name = take_cell();
        if (size > structure_.size() - at_ || !string_size(names_, name, property_name_max + 1)) return false;
        at_ += align_up(size, cell_size);
        return true;
    }

    Bytes structure_;
    Bytes names_;
    usize at_{};
    usize depth_{};
    bool has_root_{};
};

} // namespace

std::optional<usize> TreeWalk::check(std::span<const u8> tree)
{
    if (tree.size() < sizeof(fdt_header) || !is_aligned(reinterpret_cast<std::uintptr_t>(tree.data()), 8) ||
        fdt_check_header(tree.data()) != 0 || !is_aligned(fdt_off_dt_struct(tree.data()), cell_size))
        return std::nullopt;
    const usize size = fdt_totalsize(tree.data());
    const u32 version = fdt_version(tree.data());
    const usize structure = fdt_off_dt_struct(tree.data());
    const usize names = fdt_off_dt_strings(tree.data());
    if (size > tree.size() || version < oldest_version || structure > size || names > size) return std::nullopt;
    const usize structure_size =
        version < structure_size_from ? size - structure : usize{fdt_size_dt_struct(tree.data())};
    const usize names_size = fdt_size_dt_strings(tree.data());
    if (structure_size > size - structure || names_size > size - names) return std::nullopt;
    StructureCheck check(tree.subspan(structure, structure_size), tree.subspan(names, names_size));
    if (!check.passes()) return std::nullopt;
    return size;
}

} // namespace gimbal::bare
