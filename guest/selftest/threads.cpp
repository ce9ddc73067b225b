// SPDX-License-Identifier: Apache-2.0
#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <atomic>

#include "guest/selftest/checks.hpp"
#include "guest/selftest/support.hpp"

namespace gimbal::selftest {
namespace {

constexpr u32 most_threads = 8;

// Runs `body` in `count` threads, spread over the CPUs; false if a thread cannot be made.
template <class Body> bool in_threads(u32 count, Body& body)
{
    struct Start {
        Body* body;
        u32 index;
    };
    std::array<pthread_t, most_threads> threads{};
    std::array<Start, most_threads> starts{};
    for (u32 index = 0; index < count; ++index) {
        starts[index] = {&body, index};
        const auto entry = [](void* argument) -> void* {
            auto& start = *static_cast<Start*>(argument);
            pin_to(cpu_at(start.index));
            (*start.body)(start.index);
            return nullptr;
        };
        if (pthread_create(&threads[index], nullptr, entry, &starts[index]) != 0) return false;
    }
    for (u32 index = 0; index < count; ++index) pthread_join(threads[index], nullptr);
    return true;
}

u32 thread_count() { return std::clamp<u32>(cpu_count() * 2, 4, most_threads); }

} // namespace

Outcome atomics()
{
    const u32 count = thread_count();
    constexpr u64 rounds = 20'000;
    // One line for all of them, so that they get in each other's way.
    struct alignas(64) {
        std::atomic<u64> added{0};
        std::atomic<u64> exchanged{0};
        std::atomic<u32> bits{0};
        std::atomic<u16> narrow{0};
    } shared;
    auto body = [&](u32 index) {
        for (u64 round = 0; round < rounds; ++round) {
            shared.added.fetch_add(1, std::memory_order_relaxed);
            u64 seen = shared.exchanged.load(std::memory_order_relaxed);
            while (!shared.exchanged.compare_exchange_weak(seen, seen + 3, std::memory_order_acq_rel)) {}
            shared.bits.fetch_xor(1U << (index * 4 + round % 4), std::memory_order_seq_cst);
            shared.narrow.fetch_sub(1);
        }
    };
    SELFTEST_REQUIRE(in_threads(count, body), "no thread");
    const u64 total = count * rounds;
    SELFTEST_REQUIRE(shared.added == total, "%llu additions of %llu",
                     static_cast<unsigned long long>(shared.added.load()), static_cast<unsigned long long>(total));
    SELFTEST_REQUIRE(shared.exchanged == 3 * total, "compare and exchange lost some");
    SELFTEST_REQUIRE(shared.bits == 0, "bits %#x are left over", shared.bits.load());
    SELFTEST_REQUIRE(shared.narrow == static_cast<u16>(0 - total), "16-bit subtractions lost some");
    return passed("%u threads, %llu rounds", count, static_cast<unsigned long long>(rounds));
}

Outcome locks()
{
    const u32 count = thread_count();
    constexpr u64 rounds = 3000;
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    u64 inside = 0;
    u64 total = 0;
    u64 broken = 0;
    auto body = [&](u32) {
        for (u64 round = 0; round < rounds; ++round) {
            pthread_mutex_lock(&mutex);
            if (++inside != 1) ++broken;
            const u64 seen = total;
            if (round % 64 == 0) sched_yield(); // the others come to wait in the kernel
            total = seen + 1;
            --inside;
            pthread_mutex_unlock(&mutex);
        }
    };
    SELFTEST_REQUIRE(in_threads(count, body), "no thread");
    SELFTEST_REQUIRE(broken == 0 && total == count * rounds, "%llu of %llu, %llu times two inside",
                     static_cast<unsigned long long>(total), static_cast<unsigned long long>(count * rounds),
                     static_cast<unsigned long long>(broken));
    return passed("%u threads, %llu times each", count, static_cast<unsigned long long>(rounds));
}

Outcome conditions()
{
    // A token goes round: each thread sleeps until it is its turn.
    const u32 count = thread_count();
    constexpr u32 rounds = 500;
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t turn_changed = PTHREAD_COND_INITIALIZER;
    u32 turn = 0;
    auto body = [&](u32 index) {
        pthread_mutex_lock(&mutex);
        for (u32 round = 0; round < rounds; ++round) {
            while (turn % count != index) pthread_cond_wait(&turn_changed, &mutex);
            ++turn;
            pthread_cond_broadcast(&turn_changed);
        }
        pthread_mutex_unlock(&mutex);
    };
    SELFTEST_REQUIRE(in_threads(count, body), "no thread");
    SELFTEST_REQUIRE(turn == count * rounds, "the token went %u steps of %u", turn, count * rounds);
    return passed("%u threads, %u turns", count, count * rounds);
}

} // namespace gimbal::selftest
