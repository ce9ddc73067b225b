// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "test/app/loader/images.hpp"

namespace gimbal::test {

/// An arm64 ELF of these instructions at the bottom of RAM.
inline Bytes program(const std::vector<u32>& instructions)
{
    constexpr u64 base = 0x4000'0000;
    const u64 size = instructions.size() * 4;
    Bytes file = elf(
        {
            {.virtual_address = base, .physical_address = base, .file_size = size, .memory_size = size}
    },
        base);
    for (usize i = 0; i < instructions.size(); ++i) put(file, 0x1000 + 4 * i, instructions[i]);
    return file;
}

/// Guests of a few instructions; all run with interrupts masked and the MMU off.
namespace guests {
using Program = std::vector<u32>;

// PSCI SYSTEM_OFF and SYSTEM_RESET by HVC.
inline const Program power_off{0x52b0'8000, 0x7280'0100, 0xd400'0002, 0x1400'0000};
inline const Program reset{0x52b0'8000, 0x7280'0120, 0xd400'0002, 0x1400'0000};
inline const Program loop{0x1400'0000};
/// "a line of the guest" on the PL011 for ever, each byte once the FIFO has room.
inline const Program prints{0xd2a1'2001, 0x1000'00e2, 0x3840'1440, 0x34ff'ffc0, 0xb940'1823, 0x372f'ffe3, 0x3900'0020,
                            0x17ff'fffb, 0x696c'2061, 0x6f20'656e, 0x6874'2066, 0x7567'2065, 0x0a74'7365, 0};
/// Polls line 3 of the PL061, which is the power key, and powers off.
inline const Program power_key{0xd2a1'2061, 0xb940'2022, 0x34ff'ffe2, 0x52b0'8000, 0x7280'0100, 0xd400'0002};
} // namespace guests

} // namespace gimbal::test
