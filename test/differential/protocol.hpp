// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/types.hpp"

/// What the runner and the peer's program agree on: where code and data lie, and the records that pass through pipes.
namespace gimbal::differential {

// Code: one slot for each case, behind a header; whatever a case does not fill is BRK, so that it ends wherever it
// leaves its words. Both regions lie alone in 2 MiB of address space that is unmapped otherwise.
inline constexpr u64 region_bytes = u64{2} << 20;
inline constexpr u64 code_region = 0x51'0000'0000;
inline constexpr u64 code_base = code_region + 0x10'0000;
inline constexpr unsigned slot_words = 32;
inline constexpr unsigned slot_bytes = 4 * slot_words;
inline constexpr unsigned header_bytes = 0x1000;
inline constexpr unsigned batch_cases = 1024;
inline constexpr u64 code_bytes = header_bytes + u64{batch_cases} * slot_bytes;
inline constexpr u32 end_word = 0xD420'0000; ///< BRK #0

// Data: two pages to read and write, then one to read only.
inline constexpr u64 data_region = 0x61'2340'0000;
inline constexpr u64 data_base = data_region + 0x10'0000;
inline constexpr u64 data_bytes = 0x2000;
inline constexpr u64 read_only_bytes = 0x1000;
inline constexpr unsigned data_words = (data_bytes + read_only_bytes) / 8;

constexpr u64 slot_address(unsigned slot) { return code_base + header_bytes + u64{slot} * slot_bytes; }

struct Registers {
    u64 x[31];
    u64 sp;
    u64 v[32][2];
    u32 nzcv; ///< Bits 31:28, others zero.
    u32 fpcr;
    u32 fpsr;
    u32 unused;
};

struct Case {
    Registers registers;
    u32 words[slot_words];
};

struct Outcome {
    Registers registers;
    u64 pc;
    u64 data_hash;
    u64 fault_address; ///< Of our side only.
    u32 signal;        ///< Linux's number: 4 ILL, 5 TRAP (the normal end), 7 BUS, 11 SEGV.
    u32 unused;
};

struct BatchHeader {
    u32 count;      ///< At most batch_cases; 0 ends the program.
    u32 first_slot; ///< Where the first case goes; the others follow.
    u32 dump_data;  ///< Not 0: a batch of one case, whose outcome is followed by data_bytes of memory.
    u32 unused;
    u64 data_seed; ///< What the data is before each case.
};

constexpr u64 mix(u64 value)
{
    value = (value ^ value >> 30) * 0xBF58'476D'1CE4'E5B9;
    value = (value ^ value >> 27) * 0x94D0'49BB'1331'11EB;
    return value ^ value >> 31;
}

constexpr void fill_data(u64 seed, u64* words)
{
    for (unsigned n = 0; n < data_words; ++n) words[n] = mix(seed + (n + 1) * 0x9E37'79B9'7F4A'7C15);
}

constexpr u64 hash_data(const u64* words)
{
    u64 lanes[4] = {1, 2, 3, 4};
    for (unsigned n = 0; n < data_bytes / 8; n += 4)
        for (unsigned lane = 0; lane < 4; ++lane) lanes[lane] = (lanes[lane] ^ words[n + lane]) * 0x9E37'79B9'7F4A'7C15;
    return mix(lanes[0]) ^ mix(lanes[1] + 1) ^ mix(lanes[2] + 2) ^ mix(lanes[3] + 3);
}

} // namespace gimbal::differential
