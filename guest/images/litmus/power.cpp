// SPDX-License-Identifier: Apache-2.0
#include "runtime.hpp"

// CPUs that start, stop and start again, and interrupts between them.
namespace {

constexpr i64 affinity_off = 1;
u64 race_won;
u64 race_wrong;
u64 ring_rounds;
u64 ring_base[max_cpus];

void switch_off(u32)
{
    psci::call(psci::Conduit::hvc, psci::cpu_off);
    report("CPU_OFF returned", false);
}

void wait_until_off(u32 cpu, bool narrow)
{
    const u64 function = narrow ? psci::affinity_info_32 : psci::affinity_info_64;
    while (psci::call(psci::Conduit::smc, function, cpu) != affinity_off) {}
}

void start_again(u32 cpu, u64 number)
{
    const psci::Conduit conduit = (number & 1) != 0 ? psci::Conduit::smc : psci::Conduit::hvc;
    const u64 before = load_acquire(starts[cpu]);
    report("CPU_ON", start_cpu(cpu, conduit, (number & 2) != 0) == psci::success);
    wait_until([&] { return load_acquire(starts[cpu]) != before; });
    report("CPU_ON of one that is on", start_cpu(cpu, conduit, (number & 2) != 0) == psci::already_on);
}

void off_and_on()
{
    const u64 times = rounds < 8 ? 8 : rounds;
    for (u64 number = 0; number < times; ++number)
        for (u32 cpu = 1; cpu < cpu_count; ++cpu) {
            run_last_on(cpu, switch_off);
            wait_until_off(cpu, (number & 1) != 0);
            start_again(cpu, number);
        }
    print_all("litmus cpu_off+cpu_on: ", times, " times each\n");
}

/// All CPUs but the last start the last one at the same moment.
void race(u32)
{
    meet(cpu_count - 1);
    const i64 answer = start_cpu(cpu_count - 1);
    if (answer == psci::success)
        fetch_add(race_won, 1);
    else if (answer != psci::already_on && answer != psci::on_pending)
        fetch_add(race_wrong, 1);
}

void race_to_start()
{
    const u32 last = cpu_count - 1;
    const u64 times = rounds < 8 ? 8 : rounds;
    for (u64 number = 0; number < times; ++number) {
        run_last_on(last, switch_off);
        wait_until_off(last, false);
        const u64 before = load_acquire(starts[last]);
        run_on(last, race);
        wait_until([&] { return load_acquire(starts[last]) != before; });
    }
    print_all("litmus cpu_on race: ", race_won, " winners of ", times, "\n");
    report("cpu_on race", race_won == times && race_wrong == 0);
}

/// WFI with interrupts masked wakes all the same; the interrupt is taken when they are let in.
void wait_for_interrupts(u32 cpu, u64 wanted)
{
    for (;;) {
        asm volatile("msr daifset, #2" ::: "memory");
        const bool done = load(received[cpu]) >= wanted;
        if (!done) asm volatile("wfi" ::: "memory");
        asm volatile("msr daifclr, #2" ::: "memory");
        if (done) return;
    }
}

/// An interrupt goes round and round. If one is lost, it stops there.
void pass_on(u32 cpu)
{
    for (u64 round = 1; round <= ring_rounds; ++round) {
        if (cpu == 0) send_sgi(1 % cpu_count);
        wait_for_interrupts(cpu, ring_base[cpu] + round);
        if (cpu != 0) send_sgi((cpu + 1) % cpu_count);
    }
}

void ring()
{
    ring_rounds = rounds * 50;
    for (u32 cpu = 0; cpu < cpu_count; ++cpu) ring_base[cpu] = load(received[cpu]);
    run_on(cpu_count, pass_on);
    print_all("litmus sgi ring: ", ring_rounds, " rounds\n");
    for (u32 cpu = 0; cpu < cpu_count; ++cpu) report("sgi ring", received[cpu] == ring_base[cpu] + ring_rounds);
}

} // namespace

/// Each secondary starts the next; all are there when this returns.
void start_all()
{
    while (cpu_count < max_cpus && psci::call(psci::Conduit::hvc, psci::affinity_info_64, cpu_count) == affinity_off)
        ++cpu_count;
    if (cpu_count == 1) return;
    report("CPU_ON", start_cpu(1) == psci::success);
    for (u32 cpu = 1; cpu < cpu_count; ++cpu) {
        wait_until([&] { return load_acquire(starts[cpu]) != 0; });
        report("who started it", load(started_by[cpu]) == cpu - 1);
    }
}

void run_power()
{
    ring();
    if (cpu_count > 1) off_and_on();
    if (cpu_count > 2) race_to_start();
}
