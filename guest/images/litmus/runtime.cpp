// SPDX-License-Identifier: Apache-2.0
#include "runtime.hpp"

const u64 console_address = uart;
u32 cpu_count = 1;
u64 rounds = 20;
u64 timing = 1;
u64* window_entry;
u64 window_faults[max_cpus];
u64 received[max_cpus];
u64 starts[max_cpus];
u64 started_by[max_cpus];

namespace {

constexpr u64 gic_distributor = 0x0800'0000;
constexpr u64 gic_redistributors = 0x080A'0000;
constexpr u64 redistributor_bytes = 0x2'0000;

alignas(4096) u64 root[512];
alignas(4096) u64 window_level2[512];
alignas(4096) u64 window_level3[512];

u64 failures;
u64 verdicts;

u64 arrived;
u64 generation;

/// What a CPU is to do. Written by CPU 0 while that one waits, before `number` moves.
struct Job {
    void (*run)(u32 cpu);
    u32 meets; ///< With how many CPUs it meets afterwards; 0: it does not return.
    u64 number;
};
Job jobs[max_cpus];

void post(u32 cpu, void (*what)(u32 cpu), u32 meets)
{
    Job& job = jobs[cpu];
    job.run = what;
    job.meets = meets;
    store_release(job.number, job.number + 1);
}

void enable_distributor()
{
    write32(gic_distributor, 0x37); // DS is fixed; ARE and both groups
}

} // namespace

/// In the order that enter_regime loads them.
extern "C" {
struct Regime {
    u64 mair;
    u64 tcr;
    u64 ttbr0;
    u64 sctlr;
};
Regime regime;
}

void report(const char* name, bool passed)
{
    fetch_add(verdicts, 1);
    if (passed) return;
    fetch_add(failures, 1);
    print_all("litmus FAILED: ", name, "\n");
}

void finish()
{
    if (failures == 0)
        print_all("LITMUS PASS ", verdicts, "/", verdicts, "\n");
    else
        print_all("LITMUS FAIL ", failures, "/", verdicts, "\n");
    power_off();
}

void meet(u32 count)
{
    const u64 seen = load_acquire(generation);
    if (fetch_add(arrived, 1) + 1 == count) {
        store(arrived, 0);
        store_release(generation, seen + 1);
        wake_all();
        return;
    }
    wait_until([&] { return load_acquire(generation) != seen; });
}

void run_on(u32 count, void (*job)(u32 cpu))
{
    for (u32 cpu = 1; cpu < count; ++cpu) post(cpu, job, count);
    wake_all();
    job(0);
    meet(count);
}

void run_last_on(u32 cpu, void (*job)(u32 cpu))
{
    post(cpu, job, 0);
    wake_all();
}

i64 start_cpu(u32 cpu, psci::Conduit conduit, bool narrow)
{
    return psci::call(conduit, narrow ? psci::cpu_on_32 : psci::cpu_on_64, cpu, reinterpret_cast<u64>(&secondary_entry),
                      cpu);
}

void enable_interrupts(u32 cpu)
{
    const u64 frame = gic_redistributors + cpu * redistributor_bytes;
    write32(frame + 0x14, 0); // GICR_WAKER.ProcessorSleep
    while ((read32(frame + 0x14) & 4) != 0) {}
    const u64 sgi = frame + 0x1'0000;
    write32(sgi + 0x80, ~0U); // GICR_IGROUPR0: group 1
    write32(sgi + 0x100, 1);  // GICR_ISENABLER0: SGI 0
    WRITE_REGISTER("icc_sre_el1", 7);
    WRITE_REGISTER("icc_pmr_el1", 0xF0);
    WRITE_REGISTER("icc_igrpen1_el1", 1);
    asm volatile("msr daifclr, #2" ::: "memory");
}

void send_sgi(u32 cpu)
{
    asm volatile("dsb ish" ::: "memory");
    WRITE_REGISTER("icc_sgi1r_el1", bit(cpu));
}

/// Called by the vectors. `vector` 4: synchronous, 5: IRQ, of the current level.
extern "C" void exception(u64 vector)
{
    const u32 cpu = READ_REGISTER("mpidr_el1") & 0xF;
    if (vector == 5) {
        const u64 intid = READ_REGISTER("icc_iar1_el1");
        if (intid == 0) fetch_add(received[cpu], 1);
        if (intid < 1020) WRITE_REGISTER("icc_eoir1_el1", intid);
        return;
    }
    const u64 esr = READ_REGISTER("esr_el1");
    const u64 address = READ_REGISTER("far_el1");
    const bool translation_fault = (esr >> 26) == 0x25 && (esr & 0x3C) == 4;
    if (vector == 4 && translation_fault && address >= window && address < window + 4096) {
        ++window_faults[cpu];
        return;
    }
    print_all("litmus FAILED: an exception with syndrome ", esr, " at ", READ_REGISTER("elr_el1"), "\n");
    power_off();
}

/// Called with the MMU off. Flat: devices in the first GiB, RAM in the second; the window behind.
extern "C" void build_tables()
{
    root[0] = 1 | bit(10) | 1 << 2 | u64{3} << 53;      // block, device
    root[1] = ram_first | 1 | bit(10) | 3 << 8;         // block, normal, inner shareable
    root[4] = reinterpret_cast<u64>(window_level2) | 3; // window
    window_level2[0] = reinterpret_cast<u64>(window_level3) | 3;
    window_entry = window_level3;
    regime.mair = 0x00FF;
    regime.tcr = 25 | 1 << 8 | 1 << 10 | 3 << 12 | bit(23) | u64{5} << 32;
    regime.ttbr0 = reinterpret_cast<u64>(root);
    regime.sctlr = 0x30D0'0980 | 1 | bit(2) | bit(12);
    asm volatile("dsb ish" ::: "memory");
}

/// Each CPU starts the next one when it starts for the first time; then jobs come one by one.
extern "C" [[noreturn]] void secondary_main(u64 number)
{
    const u32 cpu = static_cast<u32>(number);
    enable_interrupts(cpu);
    Job& job = jobs[cpu];
    u64 seen = load_acquire(job.number);
    if (load(starts[cpu]) == 0 && cpu + 1 < cpu_count) {
        store(started_by[cpu + 1], cpu);
        report("a secondary starts another", start_cpu(cpu + 1) == psci::success);
    }
    fetch_add(starts[cpu], 1);
    wake_all();
    for (;; ++seen) {
        wait_until([&] { return load_acquire(job.number) != seen; });
        const u32 meets = job.meets;
        job.run(cpu);
        meet(meets);
    }
}

extern "C" [[noreturn]] void main(const u8* tree)
{
    read_parameter(tree, "litmus.rounds=", rounds);
    read_parameter(tree, "litmus.timing=", timing);
    enable_distributor();
    enable_interrupts(0);
    start_all();
    print_all("litmus: ", cpu_count, " CPUs, ", rounds, " rounds\n");
    run_litmus();
    run_counters();
    run_maintenance();
    run_power();
    finish();
}
