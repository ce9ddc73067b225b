// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the hostile driver stands on: console, time, random numbers, a second CPU. It runs on bare metal with the MMU
// off.

using u8 = unsigned char;
using u16 = unsigned short;
using u32 = unsigned int;
using u64 = unsigned long;

constexpr u64 ram_first = 0x4000'0000;
constexpr u64 ram_end = 0x4400'0000; ///< With --memory 64M.

constexpr u64 bit(unsigned n) { return u64{1} << n; }

extern "C" volatile u64 aborts; ///< Data aborts so far: accesses that the machine refused.

void put_string(const char* text); ///< To the PL011.
void put_number(u64 value);
[[noreturn]] void power_off();

u64 now(); ///< Counter ticks.
u64 ticks_per_ms();
inline void barrier() { asm volatile("dmb sy" ::: "memory"); }

void seed_random(u64 seed);
u64 random64();
inline u64 random(u64 limit) { return (random64() >> 11) % limit; }

/// Device accesses; one that is refused reads as zero.
u32 read32(u64 address);
void write32(u64 address, u32 value);

/// Runs `work` over and over on the second CPU until stop_second(). False: there is none.
bool start_second(void (*work)());
void stop_second();
