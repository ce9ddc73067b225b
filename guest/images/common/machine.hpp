// SPDX-License-Identifier: Apache-2.0
#pragma once

// What every image stands on: registers, the console, time, PSCI. No headers: it runs on bare metal, built without a
// C++ library.

using u8 = unsigned char;
using u16 = unsigned short;
using u32 = unsigned int;
using u64 = unsigned long;
using i64 = long;

#define READ_REGISTER(name)                                                                                            \
    ({                                                                                                                 \
        u64 value;                                                                                                     \
        asm volatile("mrs %0, " name : "=r"(value)::"memory");                                                         \
        value;                                                                                                         \
    })
#define WRITE_REGISTER(name, value) asm volatile("msr " name ", %0\n\tisb" ::"r"(static_cast<u64>(value)) : "memory")

constexpr u64 bit(unsigned n) { return u64{1} << n; }

constexpr u64 uart = 0x0900'0000; ///< PL011.
constexpr u64 ram_first = 0x4000'0000;

/// Device accesses. One that aborts, in an image that skips aborts, reads as zero.
inline u32 read32(u64 address)
{
    u32 value = 0;
    asm volatile("ldr %w0, [%1]" : "+r"(value) : "r"(address) : "memory");
    return value;
}
inline void write32(u64 address, u32 value) { asm volatile("str %w0, [%1]" ::"r"(value), "r"(address) : "memory"); }
inline void barrier() { asm volatile("dmb sy" ::: "memory"); }

// The console. One CPU at a time.
extern const u64 console_address; ///< Where the image has the PL011 mapped; the image defines it.
void put(char c);
void print(const char* text);
void print(u64 decimal);
template <class... T>
void print_all(T... parts)
{
    (print(parts), ...);
}

/// Sets `value` to the number behind `name`, which ends in "=", in the device tree, which is where the command line is.
void read_parameter(const u8* tree, const char* name, u64& value);

u64 now(); ///< Counter ticks.
u64 ticks_per_second();

// PSCI (DEN0022). Every call names its conduit and width, so that all forms are used.
namespace psci {
enum class Conduit { hvc, smc };
i64 call(Conduit conduit, u64 function, u64 a1 = 0, u64 a2 = 0, u64 a3 = 0);
constexpr u64 cpu_off = 0x8400'0002;
constexpr u64 cpu_on_32 = 0x8400'0003;
constexpr u64 cpu_on_64 = 0xC400'0003;
constexpr u64 affinity_info_32 = 0x8400'0004;
constexpr u64 affinity_info_64 = 0xC400'0004;
constexpr u64 system_off = 0x8400'0008;
constexpr i64 success = 0;
constexpr i64 already_on = -4;
constexpr i64 on_pending = -5;
} // namespace psci

[[noreturn]] void power_off();
