// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "base/types.hpp"

/// CRC-32, least significant bit first, for hosts and polynomials that have no instruction.
namespace gimbal::translator {

constexpr std::array<u32, 256> crc_table(u32 reflected_polynomial)
{
    std::array<u32, 256> table{};
    for (u32 i = 0; i < 256; ++i) {
        u32 value = i;
        for (int step = 0; step < 8; ++step) value = value >> 1 ^ ((value & 1) != 0 ? reflected_polynomial : 0);
        table[i] = value;
    }
    return table;
}
// 0x04C11DB7 and Castagnoli's 0x1EDC6F41.
inline constexpr std::array<u32, 256> crc_tables[] = {crc_table(0xEDB8'8320), crc_table(0x82F6'3B78)};

/// `acc` after the low `bytes` of `data`.
inline u32 crc32_update(u32 acc, u64 data, usize bytes, bool castagnoli)
{
    for (usize i = 0; i < bytes; ++i, data >>= 8) acc = acc >> 8 ^ crc_tables[castagnoli ? 1 : 0][(acc ^ data) & 0xFF];
    return acc;
}

} // namespace gimbal::translator
