// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "guest/images/common/machine.hpp"

// What the litmus image stands on beside the common parts: one translation regime, barriers among CPUs, interrupts. The
// console is CPU 0's.

constexpr u32 max_cpus = 8;
extern u32 cpu_count; ///< Of the machine, 8 at most.

/// One verdict. Failures are remembered for the last line.
void report(const char* name, bool passed);
[[noreturn]] void finish();

// Shared variables, as the compiler must not see through them.
inline u64 load(const u64& location) { return __atomic_load_n(&location, __ATOMIC_RELAXED); }
inline u64 load_acquire(const u64& location) { return __atomic_load_n(&location, __ATOMIC_ACQUIRE); }
inline void store(u64& location, u64 value) { __atomic_store_n(&location, value, __ATOMIC_RELAXED); }
inline void store_release(u64& location, u64 value) { __atomic_store_n(&location, value, __ATOMIC_RELEASE); }
inline u64 fetch_add(u64& location, u64 value) { return __atomic_fetch_add(&location, value, __ATOMIC_ACQ_REL); }

/// Waits, asleep, until `done` holds. Who makes it so calls wake_all() afterwards.
template <class Done>
void wait_until(Done done)
{
    while (!done()) asm volatile("wfe" ::: "memory");
}
inline void wake_all() { asm volatile("dsb ish\n\tsev" ::: "memory"); }

/// A meeting point of CPUs 0 to count - 1, of which each names itself.
void meet(u32 count);
/// Runs `job` on CPUs 0 to count - 1; returns when all are done. CPU 0 calls it.
void run_on(u32 count, void (*job)(u32 cpu));
/// Runs `job` on one other CPU, where it does not return.
void run_last_on(u32 cpu, void (*job)(u32 cpu));

/// As now(), but for its barrier: what is around it may be reordered with it.
inline u64 counter() { return READ_REGISTER("cntvct_el0"); }

/// How often each secondary has started, and which CPU started it first.
extern u64 starts[max_cpus];
extern u64 started_by[max_cpus];
void start_all();
i64 start_cpu(u32 cpu, psci::Conduit conduit = psci::Conduit::hvc, bool narrow = false);
extern "C" void secondary_entry(u64 cpu);
extern "C" u64 patched();

/// One page that tests map as they like, at `window`; invalid at first.
constexpr u64 window = 0x1'0000'0000;
extern u64* window_entry;
constexpr u64 page_attributes = 3 | bit(10) | 3 << 8 | u64{3} << 53; // page, AF, inner shareable, never executed

/// How often this CPU has met a translation fault in the window; the access is tried again.
extern u64 window_faults[max_cpus];

// SGIs. Each CPU enables its own; received[cpu] counts.
void enable_interrupts(u32 cpu);
void send_sgi(u32 cpu);
extern u64 received[max_cpus];

// The tests.
// On the command line, as litmus.NAME=NUMBER.
extern u64 rounds; ///< How much of each.
extern u64 timing; ///< 0: this run is too slow to see what depends on a host's store buffers.
void run_litmus();
void run_counters();
void run_maintenance();
void run_power();
