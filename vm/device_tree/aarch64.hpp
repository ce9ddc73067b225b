// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <span>

#include "base/result.hpp"
#include "vm/types.hpp"

namespace gimbal::device_tree {

enum class Error : u8 {
    no_space,      ///< The buffer is too small.
    bad_cpu_count, ///< None, or more than the board has redistributors for.
    bad_memory,    ///< None, or more than the board holds.
    bad_bootargs,  ///< Longer than Linux takes, or with a NUL inside.
    bad_initrd,    ///< Not in RAM.
};

/// arm64 Linux cuts the command line here (COMMAND_LINE_SIZE, NUL included).
inline constexpr usize max_bootargs = 2047;

/// What differs between two machines of the AArch64 `virt` board.
struct Aarch64Machine {
    u32 cpu_count{1};
    u64 memory_size{}; ///< Bytes from the board's RAM base.
    std::span<const char> bootargs;
    Gpa initrd{};
    u64 initrd_size{};             ///< Zero: no initrd.
    u64 kaslr_seed{};              ///< For the kernel's base; it clears the property once read.
    std::array<u8, 32> rng_seed{}; ///< For the kernel's entropy pool.
    u32 virtio_slots{};            ///< One bit per occupied slot.
    bool has_clock{};              ///< The PL031.
    bool has_power_key{};          ///< The PL061 and the key on its line power_key_line.
    bool has_pci{};                ///< The PCI bus of the channels.
};

/// Writes the tree and returns its size in bytes. Seeds must be fresh random numbers for each start.
Result<u32, Error> write(std::span<u8> out, const Aarch64Machine& machine);

} // namespace gimbal::device_tree
