// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/types.hpp"

/// The user-mode network as its guest sees it; the same numbers as everywhere that libslirp is used.
namespace gimbal::host::net_addresses {

inline constexpr u32 network = 0x0A00'0200; // 10.0.2.0/24
inline constexpr u32 mask = 0xFFFF'FF00;
inline constexpr u32 gateway = 0x0A00'0202; // the host
inline constexpr u32 resolver = 0x0A00'0203;
inline constexpr u32 guest = 0x0A00'020F;      // what DHCP gives first
inline constexpr u8 prefix6[8] = {0xFE, 0xC0}; // fec0::/64, the host is ::2 and the resolver ::3
inline constexpr unsigned prefix6_bits = 64;

} // namespace gimbal::host::net_addresses
