// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <span>

#include "base/types.hpp"

namespace gimbal::device_tree {

/// A flattened device tree written front to back into the caller's buffer (Devicetree Specification 0.3, chapter 5).
/// The first error sticks: later calls do nothing, and finish() reports it.
class Writer {
public:
    explicit Writer(std::span<u8> buffer);

    void begin(const char* name);                   ///< A node without a unit address; "" is the root.
    void begin(const char* name, u64 unit_address); ///< name@hex
    void end();

    void flag(const char* name); ///< A property without a value.
    void bytes(const char* name, std::span<const u8> value);
    void text(const char* name, std::span<const char> value); ///< Adds the NUL that ends a string.
    void string(const char* name, const char* value) { text(name, {value, length(value)}); }
    void strings(const char* name, const char* first, const char* second); ///< A list of two.
    template <class... Values>
    void cells(const char* name, Values... values) ///< 32-bit cells.
    {
        const u32 list[] = {static_cast<u32>(values)...};
        write_cells(name, list);
    }
    void address(const char* name, u64 value); ///< One 64-bit number.
    void region(const char* name, u64 base, u64 size) { cells(name, base >> 32, base, size >> 32, size); }
    void write_cells(const char* name, std::span<const u32> values);

    u32 phandle(); ///< Gives the open node a phandle of its own and returns it.

    /// The blob's size in bytes, or zero if something did not fit.
    u32 finish();

private:
    static usize length(const char* text);
    u8* property(const char* name, usize size); ///< Room for a value, or null.

    std::span<u8> buffer_;
    u32 next_phandle_{1};
    bool failed_{};
};

} // namespace gimbal::device_tree
