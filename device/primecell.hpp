// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "base/bits.hpp"

namespace gimbal::primecell {

inline constexpr u64 size = 0x1000;
inline constexpr u64 first_id = 0xFE0;

/// The eight identification registers at 0xFE0: PeriphID0..3 from part number, designer 0x41 (Arm) and revision, then
/// PCellID0..3. None if `offset` is another location.
constexpr std::optional<u8> id_register(u64 offset, u32 part, u32 revision)
{
    constexpr u32 designer = 0x41;
    constexpr u32 cell_id = 0xB105'F00D;
    if (offset < first_id || offset >= size) return std::nullopt;
    const u32 peripheral_id = part | designer << 12 | revision << 20;
    const unsigned index = static_cast<unsigned>((offset - first_id) / 4);
    return static_cast<u8>(index < 4 ? bits(peripheral_id, index * 8, 8) : bits(cell_id, (index - 4) * 8, 8));
}

} // namespace gimbal::primecell
