// SPDX-License-Identifier: Apache-2.0
#include "bare/tree_walk.hpp"

extern "C" {
#include <libfdt.h>
}

#include "base/bits.hpp"

namespace gimbal::bare {
namespace {

constexpr usize cell_size = 4;
constexpr u32 max_cells = 2; // of a number that we can hold

/// A number of `count` cells from cell `index` on; none if it is too large for 64 bits or beyond the value's end.
std::optional<u64> number(std::span<const u8> value, usize index, u32 count)
{
    if (count > max_cells || (index + count) * cell_size > value.size()) return std::nullopt;
    u64 result = 0;
    for (u32 i = 0; i < count; ++i) result = (result << 32) | TreeWalk::cell_at(value, index + i);
    return result;
}

} // namespace

bool TreeWalk::next()
{
    if (damaged_) return false;
    int depth = static_cast<int>(depth_);
    if (offset_ < 0) depth = -1;
    do {
        offset_ = fdt_next_node(tree_, offset_, &depth);
        if (offset_ < 0) {
            damaged_ = offset_ != -FDT_ERR_NOTFOUND;
            return false;
        }
        if (depth < 0) return false;
    } while (depth >= static_cast<int>(max_depth));
    depth_ = static_cast<unsigned>(depth);
    enter();
    return true;
}

void TreeWalk::enter()
{
    Level level;
    int length = 0;
    const char* const name = fdt_get_name(tree_, offset_, &length);
    if (name != nullptr) level.name = {name, static_cast<usize>(length)};
    level.address_cells = cell("#address-cells").value_or(level.address_cells);
    level.size_cells = cell("#size-cells").value_or(level.size_cells);
    level.ranges = property("ranges");
    const StrView status = text("status");
    level.enabled = status.empty() || status == "okay" || status == "ok";
    if (depth_ != 0) {
        level.enabled &= levels_[depth_ - 1].enabled;
        level.interrupt_parent = levels_[depth_ - 1].interrupt_parent;
    }
    level.interrupt_parent = cell("interrupt-parent").value_or(level.interrupt_parent);
    levels_[depth_] = level;
}

bool TreeWalk::is_compatible(const char* wanted) const
{
    return fdt_node_check_compatible(tree_, offset_, wanted) == 0;
}

std::optional<std::span<const u8>> TreeWalk::property(const char* name) const
{
    int size = 0;
    const void* const value = fdt_getprop(tree_, offset_, name, &size);
    if (value == nullptr || size < 0) return std::nullopt;
    return std::span(static_cast<const u8*>(value), static_cast<usize>(size));
}

std::optional<u32> TreeWalk::cell(const char* name) const
{
    const auto value = property(name);
    if (!value || value->size() != cell_size) return std::nullopt;
    return cell_at(*value, 0);
}

StrView TreeWalk::text(const char* name) const
{
    const auto value = property(name);
    if (!value) return {};
    const StrView all(reinterpret_cast<const char*>(value->data()), value->size());
    const usize end = all.find('\0');
    return end == StrView::npos ? StrView{} : all.substr(0, end);
}

u32 TreeWalk::cell_at(std::span<const u8> value, usize index)
{
    if ((index + 1) * cell_size > value.size()) return 0;
    // Values are aligned to cells and to no more: volatile keeps two loads from becoming one that is not aligned, which
    // would fault before the MMU is on.
    return __builtin_bswap32(*reinterpret_cast<const volatile u32*>(value.data() + index * cell_size));
}

std::optional<u64> TreeWalk::unit() const
{
    const auto value = property("reg");
    if (!value || depth_ == 0) return std::nullopt;
    const u32 cells = levels_[depth_ - 1].address_cells;
    if (cells == 0 || levels_[depth_ - 1].size_cells != 0) return std::nullopt;
    return number(*value, 0, cells);
}

std::optional<Region> TreeWalk::region(usize index)
{
    const auto value = property("reg");
    if (!value || depth_ == 0) return std::nullopt;
    const Level& bus = levels_[depth_ - 1];
    if (bus.address_cells == 0 || bus.address_cells > max_cells || bus.size_cells == 0 || bus.size_cells > max_cells)
        return std::nullopt;
    const usize at = index * (bus.address_cells + bus.size_cells);
    const auto base = number(*value, at, bus.address_cells);
    const auto size = number(*value, at + bus.address_cells, bus.size_cells);
    if (!base || !size) return std::nullopt;
    const auto physical = translate(*base, *size);
    u64 end = 0;
    if (!physical || add_overflows(*physical, *size, end)) return std::nullopt;
    return Region{*physical, *size};
}

/// Up through the ranges of each bus: {address on the bus, address above it, size} (Devicetree Specification, 2.3.8).
std::optional<u64> TreeWalk::translate(u64 address, u64 size)
{
    for (unsigned depth = depth_ - 1; depth != 0; --depth) {
        const Level& bus = levels_[depth];
        if (!bus.ranges) return std::nullopt;
        if (bus.ranges->empty()) continue; // the same addresses above
        const u32 above_cells = levels_[depth - 1].address_cells;
        const usize entry_cells = usize{bus.address_cells} + above_cells + bus.size_cells;
        if (entry_cells == 0) return std::nullopt;
        bool found = false;
        for (usize at = 0; !found && (at + entry_cells) * cell_size <= bus.ranges->size(); at += entry_cells) {
            damaged_ = range_entries_ == max_range_entries;
            if (damaged_) return std::nullopt;
            ++range_entries_;
            const auto from = number(*bus.ranges, at, bus.address_cells);
            const auto to = number(*bus.ranges, at + bus.address_cells, above_cells);
            const auto room = number(*bus.ranges, at + bus.address_cells + above_cells, bus.size_cells);
            if (!from || !to || !room) return std::nullopt;
            found = address >= *from && address - *from <= *room && size <= *room - (address - *from);
            if (found && add_overflows(*to, address - *from, address)) return std::nullopt;
        }
        if (!found) return std::nullopt;
    }
    return address;
}

} // namespace gimbal::bare
