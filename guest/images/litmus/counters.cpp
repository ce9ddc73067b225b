// SPDX-License-Identifier: Apache-2.0
#include "runtime.hpp"

// Atomic updates by all CPUs at once: none may be lost, whatever does them.
namespace {

struct alignas(64) Counters {
    u64 exclusive;
    u64 exclusive_ordered;
    u64 add;
    u64 compare_and_swap;
    alignas(16) u64 pair[2];
    u8 bytes[8]; ///< One for each CPU, in one word: neighbours must not disturb each other.
    u64 locked;  ///< A plain counter under `lock`.
    u32 lock;
};
alignas(64) Counters counters;
u64 count;
u64 waiting; // at the gates, of all chunks together

void exclusive(u64& at)
{
    u64 value;
    u32 failed;
    asm volatile("1: ldxr %0, [%2]\n\tadd %0, %0, #1\n\tstxr %w1, %0, [%2]\n\tcbnz %w1, 1b"
                 : "=&r"(value), "=&r"(failed)
                 : "r"(&at)
                 : "memory");
}

void exclusive_ordered(u64& at)
{
    u64 value;
    u32 failed;
    asm volatile("1: ldaxr %0, [%2]\n\tadd %0, %0, #1\n\tstlxr %w1, %0, [%2]\n\tcbnz %w1, 1b"
                 : "=&r"(value), "=&r"(failed)
                 : "r"(&at)
                 : "memory");
}

void exclusive_pair(u64* at)
{
    u64 low, high;
    u32 failed;
    asm volatile("1: ldxp %0, %1, [%3]\n\tadd %0, %0, #1\n\tadd %1, %1, #2\n\tstxp %w2, %0, %1, [%3]\n\tcbnz %w2, 1b"
                 : "=&r"(low), "=&r"(high), "=&r"(failed)
                 : "r"(at)
                 : "memory");
}

void exclusive_byte(u8& at)
{
    u32 value, failed;
    asm volatile("1: ldxrb %w0, [%2]\n\tadd %w0, %w0, #1\n\tstxrb %w1, %w0, [%2]\n\tcbnz %w1, 1b"
                 : "=&r"(value), "=&r"(failed)
                 : "r"(&at)
                 : "memory");
}

void add(u64& at) { asm volatile("ldadd %0, xzr, [%1]" ::"r"(u64{1}), "r"(&at) : "memory"); }

void compare_and_swap(u64& at)
{
    for (u64 expected = load(at);;) {
        u64 found = expected;
        asm volatile("cas %0, %1, [%2]" : "+r"(found) : "r"(expected + 1), "r"(&at) : "memory");
        if (found == expected) return;
        expected = found;
    }
}

/// A lock as Linux took them before LSE: the waiter sleeps in WFE with its monitor armed.
void locked(Counters& all)
{
    u32 value, failed;
    asm volatile("   sevl\n"
                 "1: wfe\n"
                 "2: ldaxr %w0, [%2]\n"
                 "   cbnz %w0, 1b\n"
                 "   stxr %w1, %w3, [%2]\n"
                 "   cbnz %w1, 2b"
                 : "=&r"(value), "=&r"(failed)
                 : "r"(&all.lock), "r"(1)
                 : "memory");
    store(all.locked, load(all.locked) + 1);
    asm volatile("stlr wzr, [%0]" ::"r"(&all.lock) : "memory");
}

constexpr u64 chunk = 1000;

/// Before each chunk all CPUs meet awake. One that starts late would find the others done.
void pass_gate(u64 number)
{
    fetch_add(waiting, 1);
    while (load_acquire(waiting) < (number + 1) * cpu_count) {}
}

void update(u32 cpu)
{
    for (u64 i = 0; i < count; ++i) {
        if (i % chunk == 0) pass_gate(i / chunk);
        exclusive(counters.exclusive);
        exclusive_ordered(counters.exclusive_ordered);
        add(counters.add);
        compare_and_swap(counters.compare_and_swap);
        exclusive_pair(counters.pair);
        exclusive_byte(counters.bytes[cpu]);
    }
    for (u64 i = 0; i < count / 8; ++i) locked(counters);
}

void check(const char* name, u64 found, u64 expected)
{
    print_all("litmus ", name, ": ", found, " of ", expected, "\n");
    report(name, found == expected);
}

} // namespace

void run_counters()
{
    count = rounds * 2000;
    run_on(cpu_count, update);
    const u64 all = count * cpu_count;
    check("ldxr/stxr", counters.exclusive, all);
    check("ldaxr/stlxr", counters.exclusive_ordered, all);
    check("ldadd", counters.add, all);
    check("cas", counters.compare_and_swap, all);
    check("ldxp/stxp low", counters.pair[0], all);
    check("ldxp/stxp high", counters.pair[1], 2 * all);
    check("lock", counters.locked, count / 8 * cpu_count);
    for (u32 cpu = 0; cpu < cpu_count; ++cpu) report("ldxrb/stxrb", counters.bytes[cpu] == static_cast<u8>(count));
}
