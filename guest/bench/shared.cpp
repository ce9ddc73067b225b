// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <atomic>

#include <pthread.h>

#include "guest/bench/bench.hpp"

// Threads that contend for one cache line.
namespace gimbal::bench {
namespace {

constexpr u64 most_threads = 8;

struct Shared {
    u64 threads{};
    u64 rounds{};
    std::atomic<u64> arrived{0};
    alignas(64) std::atomic<u64> counter{0};
    alignas(64) std::atomic<u64> largest{0};
    alignas(64) std::atomic<u32> lock{0};
    u64 guarded{}; ///< changed only with `lock` held
};

using Body = void (*)(Shared&, u64);

struct Thread {
    Shared* shared{};
    Body body{};
    u64 index{};
    pthread_t handle{};
};

void* enter(void* argument)
{
    const auto& thread = *static_cast<Thread*>(argument);
    // All begin together.
    thread.shared->arrived.fetch_add(1);
    while (thread.shared->arrived.load() < thread.shared->threads) sched_yield();
    thread.body(*thread.shared, thread.index);
    return nullptr;
}

void run_threads(const Job& job, Shared& shared, Body body, Stopwatch& watch)
{
    if (job.threads > most_threads) give_up("at most 8 threads");
    shared.threads = job.threads;
    std::array<Thread, most_threads> threads;
    watch.start();
    for (u64 i = 0; i < job.threads; ++i) {
        threads[i] = {&shared, body, i, {}};
        if (pthread_create(&threads[i].handle, nullptr, enter, &threads[i]) != 0) give_up("pthread_create");
    }
    for (u64 i = 0; i < job.threads; ++i) pthread_join(threads[i].handle, nullptr);
    watch.stop();
}

void add(Shared& shared, u64 index)
{
    for (u64 i = 0; i < shared.rounds; ++i) {
        shared.counter.fetch_add(index + 1, std::memory_order_relaxed);
        const u64 mine = mix(i * most_threads + index);
        u64 seen = shared.largest.load(std::memory_order_relaxed);
        while (seen < mine && !shared.largest.compare_exchange_weak(seen, mine, std::memory_order_acq_rel)) {}
    }
}

void hold(Shared& shared, u64 /*index*/)
{
    for (u64 i = 0; i < shared.rounds; ++i) {
        // With more threads than CPUs the holder may not be running.
        for (unsigned tries = 0; shared.lock.exchange(1, std::memory_order_acquire) != 0; ++tries)
            if (tries % 64 == 63) sched_yield();
        ++shared.guarded;
        shared.lock.store(0, std::memory_order_release);
    }
}

} // namespace

u64 run_atomic(const Job& job, Stopwatch& watch)
{
    Shared shared;
    shared.rounds = job.rounds(320'000) / job.threads;
    run_threads(job, shared, add, watch);
    return mix(shared.counter.load()) ^ shared.largest.load();
}

u64 run_lock(const Job& job, Stopwatch& watch)
{
    Shared shared;
    shared.rounds = job.rounds(320'000) / job.threads;
    run_threads(job, shared, hold, watch);
    if (shared.guarded != shared.rounds * job.threads) give_up("the lock let two in");
    return shared.guarded;
}

} // namespace gimbal::bench
