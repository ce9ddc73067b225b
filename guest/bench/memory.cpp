// SPDX-License-Identifier: Apache-2.0
#include <cstring>
#include <memory>
#include <utility>

#include "guest/bench/bench.hpp"

// Loads and stores: what the translator's TLB costs.
namespace gimbal::bench {

u64 run_chase(const Job& job, Stopwatch& watch)
{
    // One cycle through 4 MiB, in an order no prefetcher follows (Sattolo's shuffle).
    constexpr u64 count = u64{4} << 20 >> 3;
    const std::unique_ptr<u64[]> next(new u64[count]);
    for (u64 i = 0; i < count; ++i) next[i] = i;
    Sequence sequence(3);
    for (u64 i = count - 1; i > 0; --i) std::swap(next[i], next[sequence.below(i)]);
    u64 at = 0;
    u64 sum = 0;
    const u64 rounds = job.rounds(800'000);
    watch.start();
    for (u64 i = 0; i < rounds; ++i) {
        at = next[at];
        sum += at;
    }
    watch.stop();
    return sum;
}

u64 run_sieve(const Job& job, Stopwatch& watch)
{
    constexpr u64 limit = 400'000;
    const std::unique_ptr<u8[]> composite(new u8[limit]);
    u64 sum = 0;
    const u64 rounds = job.rounds(16);
    watch.start();
    for (u64 round = 0; round < rounds; ++round) {
        std::memset(composite.get(), 0, limit);
        for (u64 i = 2; i * i < limit; ++i) {
            if (composite[i] != 0) continue;
            for (u64 k = i * i; k < limit; k += i) composite[k] = 1;
        }
        for (u64 i = 2; i < limit; ++i)
            if (composite[i] == 0) sum += i;
    }
    watch.stop();
    return sum;
}

namespace {

u64 copy(usize bytes, u64 rounds, Stopwatch& watch)
{
    const std::unique_ptr<u8[]> from(new u8[bytes + 64]);
    const std::unique_ptr<u8[]> to(new u8[bytes + 64]);
    Sequence sequence(bytes);
    for (usize i = 0; i < bytes + 64; ++i) {
        from[i] = static_cast<u8>(sequence.next());
        to[i] = 0;
    }
    u64 sum = 0;
    watch.start();
    for (u64 i = 0; i < rounds; ++i) {
        // Every alignment in turn.
        std::memcpy(to.get() + (i & 15), from.get() + (i * 5 & 31), bytes);
        u8* seen = to.get();
        opaque(seen);
        sum = mix(sum + seen[(i * 64) % bytes + 15]);
    }
    watch.stop();
    return sum;
}

} // namespace

u64 run_copy(const Job& job, Stopwatch& watch) { return copy(usize{1} << 20, job.rounds(160), watch); }

u64 run_copy_small(const Job& job, Stopwatch& watch) { return copy(usize{2} << 10, job.rounds(160'000), watch); }

u64 run_stream(const Job& job, Stopwatch& watch)
{
    // The four kernels of the usual bandwidth test, on integers: copy, scale, add, triad.
    constexpr usize count = usize{1} << 18;
    const std::unique_ptr<u64[]> a(new u64[count]);
    const std::unique_ptr<u64[]> b(new u64[count]);
    const std::unique_ptr<u64[]> c(new u64[count]);
    for (usize i = 0; i < count; ++i) {
        a[i] = i;
        b[i] = 2;
        c[i] = 0;
    }
    const u64 rounds = job.rounds(12);
    watch.start();
    for (u64 round = 0; round < rounds; ++round) {
        for (usize i = 0; i < count; ++i) c[i] = a[i];
        for (usize i = 0; i < count; ++i) b[i] = 3 * c[i];
        for (usize i = 0; i < count; ++i) c[i] = a[i] + b[i];
        for (usize i = 0; i < count; ++i) a[i] = b[i] + 3 * c[i] + round;
    }
    watch.stop();
    u64 sum = 0;
    for (usize i = 0; i < count; i += 997) sum = mix(sum + a[i]);
    return sum;
}

} // namespace gimbal::bench
