// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "app/loader/kernel.hpp"
#include "app/user_error.hpp"
#include "vm/types.hpp"

namespace gimbal::loader {

/// A named piece of guest physical memory.
struct Range {
    std::string_view name; ///< For messages: "the kernel".
    u64 begin{};
    u64 size{};

    u64 last() const { return size == 0 ? begin : begin + (size - 1); }
    bool overlaps(const Range& other) const;
};

/// "the kernel (0x40000000-0x41ffffff, 32 MiB)"
std::string describe_range(const Range& range);

/// What must find a place in guest RAM.
struct LayoutRequest {
    u64 ram_base{}; ///< A multiple of 2 MiB.
    u64 ram_size{}; ///< Bytes; ram_base + ram_size does not wrap.
    u64 initrd_size{};
    u64 device_tree_size{}; ///< Room to keep, not more than 2 MiB.
};

/// Where everything goes, without overlaps and inside RAM.
struct Layout {
    u64 kernel_base{}; ///< Added to Segment::address of a relocatable kernel; else zero.
    Gpa entry;
    Gpa device_tree; ///< A multiple of 64 KiB.
    Gpa initrd;      ///< A multiple of 64 KiB, directly behind the device tree's room.
};

/// Kernel at the bottom of RAM (or where its ELF segments say), then device tree and initrd behind it, or in front if
/// there is more room. Whatever does not fit or overlaps is refused with both ranges named.
Result<Layout, UserError> plan_layout(const Kernel& kernel, const LayoutRequest& request);

} // namespace gimbal::loader
