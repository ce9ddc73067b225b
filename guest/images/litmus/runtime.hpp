// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the litmus image stands on: the console, PSCI, one translation regime, barriers among CPUs, interrupts. No
// headers: it runs on bare metal, built without a C++ library.

using u8 = unsigned char;
using u32 = unsigned int;
using u64 = unsigned long;
using i64 = long;

#define READ_REGISTER(name)                                                                                            \
    ({                                                                                                                 \
        u64 value_;                                                                                                    \
        asm volatile("mrs %0, " name : "=r"(value_)::"memory");                                                        \
        value_;                                                                                                        \
    })
#define WRITE_REGISTER(name, value) asm volatile("msr " name ", %0\n\tisb" ::"r"(static_cast<u64>(value)) : "memory")

constexpr u64 bit(unsigned n) { return u64{1} << n; }

constexpr u32 max_cpus = 8;
extern u32 cpu_count; ///< Of the machine, 8 at most.

// The console. CPU 0 only.
void print(const char* text);
void print(u64 decimal);
template <class... T>
void print_all(T... parts)
{
    (print(parts), ...);
}

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

inline u64 counter() { return READ_REGISTER("cntvct_el0"); }

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
