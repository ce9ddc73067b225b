// SPDX-License-Identifier: Apache-2.0
// Floating-point and vector registers belong to a thread, whoever else uses the CPU in between.
#include <pthread.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <bit>
#include <csignal>

#include "guest/selftest/architecture.hpp"
#include "guest/selftest/checks.hpp"
#include "guest/selftest/support.hpp"

namespace gimbal::selftest {
namespace {

constexpr u32 process_count = 4;
constexpr u32 threads_each = 3;

std::atomic<u32> lost;

void* hold_registers(void* seed)
{
    for (u64 round = 0; round < 10; ++round)
        lost += architecture::registers_lost(static_cast<u64>(reinterpret_cast<usize>(seed)) * 1000 + round, 40);
    return nullptr;
}

// Several threads on the CPU that all of them share; its exit status.
int hold_in_threads(u32 process)
{
    std::array<pthread_t, threads_each> threads{};
    for (u32 index = 0; index < threads_each; ++index) {
        const usize seed = process * threads_each + index + 1;
        if (pthread_create(&threads[index], nullptr, hold_registers, reinterpret_cast<void*>(seed)) != 0) return 2;
    }
    for (const pthread_t thread : threads) pthread_join(thread, nullptr);
    return lost.load() == 0 ? 0 : 1;
}

volatile sig_atomic_t interruptions;

void interrupt(int)
{
    architecture::spoil_registers();
    interruptions = interruptions + 1;
}

// A walk that doubles any lost bit.
u64 chaos(u64 seed, u32 steps)
{
    double x = static_cast<double>(seed % 997 + 1) / 1000.0;
    float y = static_cast<float>(x);
    for (u32 step = 0; step < steps; ++step) {
        x = 3.9 * x * (1.0 - x);
        y = 3.7F * y * (1.0F - y);
    }
    return std::bit_cast<u64>(x) ^ std::bit_cast<u32>(y);
}

struct Walk {
    u64 seed{};
    u64 result{};
};

void* walk(void* argument)
{
    auto& walk = *static_cast<Walk*>(argument);
    walk.result = chaos(walk.seed, 200'000);
    return nullptr;
}

} // namespace

Outcome registers_across_switches()
{
    SELFTEST_REQUIRE(pin_to(cpu_at(0)), "cannot pin to a CPU");
    std::array<pid_t, process_count> children{};
    for (u32 index = 0; index < process_count; ++index) {
        children[index] = fork();
        if (children[index] == 0) _exit(hold_in_threads(index));
    }
    u32 bad = 0;
    for (const pid_t child : children) bad += exits_with(child, 0) ? 0U : 1U;
    SELFTEST_REQUIRE(bad == 0, "%u processes of %u lost registers", bad, process_count);
    return passed("%u processes of %u threads on one CPU", process_count, threads_each);
}

Outcome registers_across_signals()
{
    struct sigaction action{};
    action.sa_handler = interrupt;
    action.sa_flags = SA_RESTART;
    sigaction(SIGALRM, &action, nullptr);
    const itimerval period{
        .it_interval = {.tv_sec = 0, .tv_usec = 500},
          .it_value = {.tv_sec = 0, .tv_usec = 500}
    };
    setitimer(ITIMER_REAL, &period, nullptr);
    u32 bad = 0;
    const i64 start = now();
    for (u64 round = 0; interruptions < 40 && now() - start < 20 * ns_per_s; ++round)
        bad += architecture::registers_lost(round, 20);
    const itimerval none{};
    setitimer(ITIMER_REAL, &none, nullptr);
    SELFTEST_REQUIRE(interruptions >= 40, "only %d signals in 20 s", static_cast<int>(interruptions));
    SELFTEST_REQUIRE(bad == 0, "%u registers lost in %d signals", bad, static_cast<int>(interruptions));
    return passed("%d signals", static_cast<int>(interruptions));
}

Outcome floating_point()
{
    // On CPUs of their own and all together: the results are the same bits.
    std::array<Walk, 6> walks{};
    std::array<pthread_t, 6> threads{};
    for (usize index = 0; index < walks.size(); ++index) {
        walks[index].seed = index * 131 + 7;
        SELFTEST_REQUIRE(pthread_create(&threads[index], nullptr, walk, &walks[index]) == 0, "no thread");
    }
    for (const pthread_t thread : threads) pthread_join(thread, nullptr);
    for (const Walk& one : walks)
        SELFTEST_REQUIRE(one.result == chaos(one.seed, 200'000), "the walk of seed %llu came out differently",
                         static_cast<unsigned long long>(one.seed));
    // What IEEE 754 gives in double and single precision, computed once with exact integers.
    SELFTEST_REQUIRE(chaos(7, 1) == (std::bit_cast<u64>(3.9 * 0.008 * (1.0 - 0.008)) ^
                                     std::bit_cast<u32>(3.7F * 0.008F * (1.0F - 0.008F))),
                     "one step of the walk differs from the compiler's");
    return passed("%zu walks side by side", walks.size());
}

} // namespace gimbal::selftest
