// SPDX-License-Identifier: Apache-2.0
#include "guest/bench/bench.hpp"

// Loops in registers: what a translator gets almost for free.
namespace gimbal::bench {

u64 run_integer(const Job& job, Stopwatch& watch)
{
    u64 a = 1;
    u64 b = 2;
    u64 rounds = job.rounds(12'000'000);
    opaque(rounds);
    watch.start();
    for (u64 i = 0; i < rounds; ++i) {
        a = a * 0x5851'F42D'4C95'7F2D + i;
        b ^= a >> 29;
        if ((b & 4) != 0) b += 3;
        b = (b << 7) | (b >> 57);
    }
    watch.stop();
    return a ^ b;
}

u64 run_divide(const Job& job, Stopwatch& watch)
{
    u64 sum = 0;
    u64 rounds = job.rounds(6'000'000);
    opaque(rounds);
    watch.start();
    for (u64 i = 1; i <= rounds; ++i) {
        const u64 dividend = i * 0x9E37'79B9'7F4A'7C15;
        const u64 divisor = (i & 0xFFFF) + 3;
        sum += dividend / divisor + dividend % (divisor + 2);
    }
    watch.stop();
    return sum;
}

u64 run_bits(const Job& job, Stopwatch& watch)
{
    u64 x = 0x1234'5678'9ABC'DEF0;
    u64 sum = 0;
    u64 rounds = job.rounds(8'000'000);
    opaque(rounds);
    watch.start();
    for (u64 i = 0; i < rounds; ++i) {
        x += 0x9E37'79B9'7F4A'7C15;
        sum += static_cast<u64>(__builtin_clzll(x | 1)) + static_cast<u64>(__builtin_ctzll(x | (u64{1} << 63)));
        const u32 low = static_cast<u32>(x);
        sum ^= (low << 5) | (low >> 27);
        sum = __builtin_bswap64(sum) + (x >> 11 & 0x3FF);
    }
    watch.stop();
    return sum;
}

} // namespace gimbal::bench
