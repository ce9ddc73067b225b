// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "guest/images/common/random.hpp"

// What the vCPU image stands on beside the common parts: checks, attempts that may end in an exception, secondaries
// that do jobs, interrupts. The console is CPU 0's.

constexpr u32 max_cpus = 8;
extern u32 cpu_count; ///< Of the machine, 8 at most.

/// From the command line, as vcpu.NAME=NUMBER.
struct Settings {
    u64 seed = 1;    ///< Of the patterns: VMs that fight over a CPU have different ones.
    u64 rounds = 2;  ///< Of what is repeated while others may take the CPU.
    u64 smc = 1;     ///< 0: PSCI answers by HVC alone.
    u64 trapped = 1; ///< 0: nobody traps what gimbal's VMs have trapped, or says no where they do.
    u64 sp = 1;      ///< 0: a CPU that does not check the stack pointer's alignment.
    u64 peer = 0;    ///< 1: on another monitor's board; what the architecture leaves open is not asked.
    u64 fight = 0;   ///< 1: only what is kept while others use the CPU.
};
extern Settings settings;

constexpr u64 low_mask(unsigned n) { return n >= 64 ? ~u64{0} : bit(n) - 1; }

/// One verdict, one line.
void check(const char* name, bool passed);
void check_equal(const char* name, u64 got, u64 expected);
/// Not asked here, and why; a line too, so that the same image says the same number of things everywhere.
void leave_out(const char* name, const char* why);
void print_hex(u64 value);
[[noreturn]] void finish();

// Exceptions. An attempt runs code that may end in a synchronous exception; which, is in the Fault.
struct Fault {
    u64 taken; ///< Nothing else is valid without.
    u64 esr;
    u64 far;
    u64 elr;
    u64 spsr;
};
constexpr u64 exception_class(u64 esr) { return esr >> 26 & 0x3F; }
extern "C" Fault* attempt_call(void (*code)(void*), void* argument, Fault* fault);
template <class Code>
Fault attempt(Code code)
{
    Fault fault{};
    attempt_call([](void* argument) { (*static_cast<Code*>(argument))(); }, &code, &fault);
    return fault;
}

/// Per CPU, led to by TPIDR_EL1; the assembly knows the first three.
struct PerCpu {
    Fault* attempt; ///< Where the fault of the attempt that runs goes; null: none runs.
    u64 attempt_sp;
    u64 number;
    volatile u64 taken[1024]; ///< Interrupts, by INTID.
    volatile u64 last;        ///< Counter at the last one
    volatile u64 order[8];    ///< INTIDs as they came
    volatile u64 order_count;
    bool keeps_timer; ///< The handler leaves the timers as they are.
};
static_assert(__builtin_offsetof(PerCpu, attempt) == 0 && __builtin_offsetof(PerCpu, attempt_sp) == 8);
extern PerCpu per_cpu[max_cpus];
inline PerCpu& this_cpu() { return *reinterpret_cast<PerCpu*>(READ_REGISTER("tpidr_el1")); }

// Interrupts.
constexpr u64 distributor = 0x0800'0000;
constexpr u64 redistributors = 0x080A'0000;
constexpr u64 redistributor_bytes = 0x2'0000;
inline u64 private_frame(u32 cpu) { return redistributors + cpu * redistributor_bytes + 0x1'0000; }
void set_up_interrupts(u32 cpu);
inline void mask_interrupts() { asm volatile("msr daifset, #3" ::: "memory"); }
inline void unmask_interrupts() { asm volatile("msr daifclr, #3\n\tisb" ::: "memory"); }
inline void enable_private(u32 cpu, u32 intid) { write32(private_frame(cpu) + 0x100, 1U << intid); }

// Shared variables, as the compiler must not see through them.
inline u64 load(const u64& location) { return __atomic_load_n(&location, __ATOMIC_ACQUIRE); }
inline void store(u64& location, u64 value) { __atomic_store_n(&location, value, __ATOMIC_RELEASE); }
inline u64 fetch_add(u64& location, u64 value) { return __atomic_fetch_add(&location, value, __ATOMIC_ACQ_REL); }

/// Spins, or gives up: ten seconds are longer than anything here waits.
template <class Done>
bool wait_for(Done done)
{
    const u64 limit = now() + 10 * ticks_per_second();
    while (!done())
        if (now() > limit) return false;
    return true;
}
void spin_ticks(u64 ticks);

/// Every other CPU, started by HVC; false: one did not come.
bool start_all();
/// Runs `job` on every CPU at once; true if it is so on each.
bool on_all(bool (*job)(u32 cpu));
/// Starts `job` on one other CPU; wait for `finished`.
void on_one(u32 cpu, bool (*job)(u32 cpu));
bool finished(u32 cpu);
/// The job is CPU_OFF's: no answer comes.
void restart(u32 cpu);
extern "C" void secondary_entry(u64 cpu);
extern u64 secondary_starts[max_cpus];

/// Flat: devices in the first GiB, RAM in the second, nothing in the third, which may be executed. Behind them, the
/// first and the third GiB again as Normal memory.
constexpr u64 hole = 0x8000'0000;
constexpr u64 as_memory = 0x1'0000'0000; ///< Plus a device's address.
constexpr u64 hole_as_memory = 0x1'4000'0000;

// The tests.
void run_context();
void run_registers();
void run_fp();
void run_accesses();
void run_exceptions();
void run_psci();
void run_timers();
void run_interrupts();
void run_sharing();
