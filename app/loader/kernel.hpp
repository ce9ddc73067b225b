// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <vector>

#include "app/user_error.hpp"
#include "base/types.hpp"

namespace gimbal::loader {

enum class GuestArch : u8 { aarch64, loongarch64 };
const char* guest_arch_name(GuestArch arch); ///< "aarch64", "loongarch64"

/// One piece of the kernel in guest memory: `bytes`, then zeros up to `memory_size`.
struct Segment {
    u64 address{}; ///< Guest physical; for a relocatable kernel the offset from the base that the layout chooses.
    std::span<const u8> bytes;
    u64 memory_size{}; ///< Never below bytes.size(); address + memory_size does not wrap.
};

/// A kernel ready to be placed: unpacked, checked, its architecture known.
struct Kernel {
    Kernel() = default;
    Kernel(Kernel&&) = default;
    Kernel& operator=(Kernel&&) = default;
    Kernel(const Kernel&) = delete; ///< `segments` point into `storage`, which a move keeps in place.
    Kernel& operator=(const Kernel&) = delete;
    ~Kernel() = default;

    GuestArch arch{};
    std::string description;       ///< "arm64 Image", "arm64 Image in gzip": for logs and messages.
    bool relocatable{};            ///< Goes to RAM base + addresses; else `segments` and `entry` are absolute.
    u64 entry{};                   ///< Where execution starts, by the same rule as Segment::address.
    std::vector<Segment> segments; ///< At least one, ordered by address, without overlaps.
    std::vector<u8> storage;
};

/// Tells by content what `file` is: an arm64 or LoongArch Image, an ELF64 file for either, any of these in gzip, zstd
/// or an EFI zboot. Nothing unpacks to more than `limit` bytes. Every header field is checked before it is used.
Result<Kernel, UserError> parse_kernel(std::vector<u8> file, u64 limit);

} // namespace gimbal::loader
