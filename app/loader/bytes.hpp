// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <concepts>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>

#include "base/types.hpp"

namespace gimbal::loader {

static_assert(std::endian::native == std::endian::little, "file headers are read in place");

/// True if `size` bytes at `offset` lie inside `bytes`; no sum can wrap.
constexpr bool holds(std::span<const u8> bytes, u64 offset, u64 size)
{
    return offset <= bytes.size() && size <= bytes.size() - offset;
}

/// A little-endian field of a file header; none if it lies outside.
template <std::unsigned_integral T>
std::optional<T> read_le(std::span<const u8> bytes, u64 offset)
{
    if (!holds(bytes, offset, sizeof(T))) return std::nullopt;
    T value;
    std::memcpy(&value, bytes.data() + offset, sizeof(T));
    return value;
}

inline bool has_magic(std::span<const u8> bytes, u64 offset, std::string_view magic)
{
    return holds(bytes, offset, magic.size()) && std::memcmp(bytes.data() + offset, magic.data(), magic.size()) == 0;
}

} // namespace gimbal::loader
