// SPDX-License-Identifier: Apache-2.0
#include "runtime.hpp"

// Maintenance that CPU 0 does and the others must have noticed when its DSB is complete: translations, then code.
namespace {

alignas(4096) u64 pages[2][512];
u64 floor_number; // what a CPU must at least see from here on
u64 finished;
u64 stale;

/// How often a CPU has looked; in lines of their own.
struct alignas(128) Looks {
    u64 count;
};
Looks looks[max_cpus];

/// Now and then CPU 0 waits for the others: a host that runs one of them at a time would have them look at nothing.
/// After an even and an odd number in turn, as the two pages are mapped in turn.
void let_others_look(u64 number)
{
    if (number % 61 != 0) return;
    for (u32 cpu = 1; cpu < cpu_count; ++cpu) {
        const u64 before = load(looks[cpu].count);
        while (load(looks[cpu].count) == before) {}
    }
}

/// Reads and writes through the window, and believes no translation older than `floor_number`.
void use_window(u32 cpu)
{
    const u64* const number = reinterpret_cast<const u64*>(window);
    u64* const mine = reinterpret_cast<u64*>(window) + cpu;
    u64 wrong = 0;
    while (load_acquire(finished) == 0) {
        const u64 least = load_acquire(floor_number);
        if (load(*number) < least) ++wrong;
        store(*mine, looks[cpu].count);
        store(looks[cpu].count, looks[cpu].count + 1);
    }
    fetch_add(stale, wrong);
}

void invalidate_window(bool by_range)
{
    const u64 page = window >> 12;
    const u64 two_pages = page | u64{1} << 46; // TG: 4 KiB; NUM 0, SCALE 0
    if (by_range)
        asm volatile("dsb ishst\n\ttlbi rvaae1is, %0\n\tdsb ish\n\tisb" ::"r"(two_pages) : "memory");
    else
        asm volatile("dsb ishst\n\ttlbi vaae1is, %0\n\tdsb ish\n\tisb" ::"r"(page) : "memory");
}

/// Break before make, from one page to the other. A page that is out of the tables holds still.
u64 remap(u64 number)
{
    u64* const incoming = pages[number & 1];
    const u64* const outgoing = pages[(number & 1) ^ 1];
    store(*window_entry, 0);
    invalidate_window((number & 2) != 0);
    u64 before[max_cpus];
    for (u32 cpu = 1; cpu < cpu_count; ++cpu) before[cpu] = load(outgoing[cpu]);
    store(incoming[0], number);
    store(*window_entry, reinterpret_cast<u64>(incoming) | page_attributes);
    asm volatile("dsb ish" ::: "memory");
    store_release(floor_number, number);
    u64 moved = 0;
    for (u64 i = 0; i < 20; ++i)
        for (u32 cpu = 1; cpu < cpu_count; ++cpu)
            if (load(outgoing[cpu]) != before[cpu]) ++moved;
    return moved;
}

void map_again_and_again(u32 cpu)
{
    if (cpu != 0) return use_window(cpu);
    u64 late_stores = 0;
    const u64 remaps = rounds * 100;
    for (u64 number = 1; number <= remaps; ++number) {
        late_stores += remap(number);
        let_others_look(number);
    }
    store_release(finished, 1);
    print_all("litmus tlbi+dsb: ", late_stores, " late stores after ", remaps, " remaps\n");
    report("tlbi+dsb: stores", late_stores == 0);
}

void call_patched(u32 cpu)
{
    u64 wrong = 0;
    while (load_acquire(finished) == 0) {
        const u64 least = load_acquire(floor_number);
        asm volatile("isb" ::: "memory");
        if (patched() < least) ++wrong;
        store(looks[cpu].count, looks[cpu].count + 1);
    }
    fetch_add(stale, wrong);
}

/// movz x0, #number, by the sequence that the architecture asks for.
void patch(u64 number)
{
    u32* const code = reinterpret_cast<u32*>(&patched);
    __atomic_store_n(code, 0xD280'0000 | static_cast<u32>(number) << 5, __ATOMIC_RELAXED);
    asm volatile("dc cvau, %0\n\tdsb ish\n\tic ivau, %0\n\tdsb ish\n\tisb" ::"r"(code) : "memory");
}

void change_again_and_again(u32 cpu)
{
    if (cpu != 0) return call_patched(cpu);
    u64 own = 0;
    const u64 wanted = rounds * 100;
    const u64 patches = wanted < 60'000 ? wanted : 60'000; // what MOVZ holds
    for (u64 number = 1; number <= patches; ++number) {
        patch(number);
        if (patched() != number) ++own;
        store_release(floor_number, number);
        let_others_look(number);
    }
    store_release(finished, 1);
    report("ic+dsb+isb: own code", own == 0);
}

void run(const char* name, void (*job)(u32 cpu))
{
    floor_number = finished = stale = 0;
    for (Looks& one : looks) one.count = 0;
    run_on(cpu_count, job);
    u64 all = 0;
    for (const Looks& one : looks) all += one.count;
    print_all("litmus ", name, ": ", stale, " stale of ", all, "\n");
    report(name, stale == 0);
}

} // namespace

void run_maintenance()
{
    run("tlbi+dsb", map_again_and_again);
    run("ic+dsb+isb", change_again_and_again);
}
