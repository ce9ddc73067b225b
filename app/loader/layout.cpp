// SPDX-License-Identifier: Apache-2.0
#include "app/loader/layout.hpp"

#include <fmt/format.h>

#include "app/size.hpp"
#include "base/bits.hpp"

namespace gimbal::loader {
namespace {

constexpr u64 placement_alignment = 0x1'0000; // 64 KiB: a page of every granule

UserError outside(const Range& what, const Range& ram)
{
    return {fmt::format("{} does not fit into {}; {}", describe_range(what), describe_range(ram),
                        what.begin < ram.begin ? "link it at an address in RAM" : "give the guest more --memory")};
}

/// The kernel's range from its first to its last byte in memory, as placed at `base`.
Result<Range, UserError> kernel_range(const Kernel& kernel, u64 base)
{
    const Segment& first = kernel.segments.front();
    const Segment& last = kernel.segments.back();
    const u64 size = last.address + last.memory_size - first.address;
    Range range{"the kernel", 0, size};
    u64 end = 0;
    if (add_overflows(base, first.address, range.begin) || add_overflows(range.begin, size, end))
        return fail(UserError{fmt::format("the kernel ({:#x} bytes at {:#x} from {:#x}) wraps around the address space",
                                          size, first.address, base)});
    return range;
}

bool inside(const Range& what, const Range& ram)
{
    return what.begin >= ram.begin && what.begin - ram.begin <= ram.size &&
           what.size <= ram.size - (what.begin - ram.begin);
}

} // namespace

bool Range::overlaps(const Range& other) const
{
    return size != 0 && other.size != 0 && begin <= other.last() && other.begin <= last();
}

std::string describe_range(const Range& range)
{
    return fmt::format("{} ({:#x}-{:#x}, {})", range.name, range.begin, range.last(), format_size(range.size));
}

Result<Layout, UserError> plan_layout(const Kernel& kernel, const LayoutRequest& request)
{
    const Range ram{"guest RAM", request.ram_base, request.ram_size};
    Layout layout;
    layout.kernel_base = kernel.relocatable ? request.ram_base : 0;
    GIMBAL_TRY(kernel_at, kernel_range(kernel, layout.kernel_base));
    if (!inside(kernel_at, ram)) return fail(outside(kernel_at, ram));
    layout.entry = {layout.kernel_base + kernel.entry};

    const u64 tree_room = align_up(request.device_tree_size, placement_alignment);
    // Everything is below RAM's end here, and RAM does not wrap.
    const u64 behind = align_up(kernel_at.begin + kernel_at.size, placement_alignment);
    Range tree{"the device tree", behind, tree_room};
    Range initrd{"the initrd", behind + tree_room, request.initrd_size};
    const u64 in_front = kernel_at.begin - ram.begin;
    const bool fits_behind = inside(tree, ram) && inside(initrd, ram);
    if (!fits_behind && tree_room <= in_front && request.initrd_size <= in_front - tree_room) {
        tree.begin = ram.begin;
        initrd.begin = ram.begin + tree_room;
    }
    if (!inside(tree, ram)) return fail(outside(tree, ram));
    if (!inside(initrd, ram)) {
        UserError error = outside(initrd, ram);
        error.message += fmt::format(" ({} is below it)", describe_range(kernel_at));
        return fail(std::move(error));
    }
    for (const Range* range : {&tree, &initrd})
        if (range->overlaps(kernel_at))
            return fail(UserError{fmt::format("{} overlaps {}", describe_range(*range), describe_range(kernel_at))});
    layout.device_tree = {tree.begin};
    layout.initrd = {initrd.begin};
    return layout;
}

} // namespace gimbal::loader
