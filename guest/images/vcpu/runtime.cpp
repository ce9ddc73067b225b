// SPDX-License-Identifier: Apache-2.0
#include "runtime.hpp"

const u64 console_address = uart;
u32 cpu_count = 1;
Settings settings;
PerCpu per_cpu[max_cpus];
static_assert(sizeof(PerCpu) == PER_CPU_SIZE);
u64 secondary_starts[max_cpus];

namespace {

alignas(4096) u64 root[512];
u64 total;
u64 failures;

/// What a CPU is to do. Written by CPU 0 before `number` moves.
struct Job {
    bool (*run)(u32 cpu);
    bool answer;
    u64 number;
    u64 done; ///< The number of the last one that is finished.
};
Job jobs[max_cpus];

void print_line(const char* verdict, const char* name) { print_all(verdict, name); }

u64 big_endian_32(const u8* at) { return u64{at[0]} << 24 | u64{at[1]} << 16 | u64{at[2]} << 8 | at[3]; }

/// `name`, which ends in "=", and a number anywhere in the device tree, which is where the command line is.
void read_setting(const u8* tree, const char* name, u64& value)
{
    const u64 size = big_endian_32(tree + 4);
    for (u64 i = 0; i < size; ++i) {
        u64 length = 0;
        while (i + length + 1 < size && name[length] != 0 && tree[i + length] == static_cast<u8>(name[length]))
            ++length;
        if (name[length] != 0) continue;
        value = 0;
        for (u64 at = i + length; tree[at] >= '0' && tree[at] <= '9'; ++at) value = 10 * value + tree[at] - '0';
        return;
    }
}

void read_settings(const u8* tree)
{
    if (tree == nullptr) tree = reinterpret_cast<const u8*>(ram_first); // where the peer puts it for an ELF file
    read_setting(tree, "vcpu.seed=", settings.seed);
    read_setting(tree, "vcpu.rounds=", settings.rounds);
    read_setting(tree, "vcpu.smc=", settings.smc);
    read_setting(tree, "vcpu.trapped=", settings.trapped);
    read_setting(tree, "vcpu.sp=", settings.sp);
    read_setting(tree, "vcpu.peer=", settings.peer);
    read_setting(tree, "vcpu.fight=", settings.fight);
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

void print_hex(u64 value)
{
    print("0x");
    for (int shift = 60; shift >= 0; shift -= 4)
        if ((value >> shift) != 0 || shift == 0) put("0123456789abcdef"[value >> shift & 0xF]);
}

void check(const char* name, bool passed)
{
    ++total;
    if (!passed) ++failures;
    print_line(passed ? "ok   " : "FAIL ", name);
    print("\n");
}

void check_equal(const char* name, u64 got, u64 expected)
{
    check(name, got == expected);
    if (got == expected) return;
    print("     found ");
    print_hex(got);
    print(", expected ");
    print_hex(expected);
    print("\n");
}

void leave_out(const char* name, const char* why) { print_all("none ", name, ": ", why, "\n"); }

void finish()
{
    print_all(failures == 0 ? "GIMBAL-VCPU PASS " : "GIMBAL-VCPU FAIL ", total - failures, "/", total, "\n");
    power_off();
}

extern "C" [[noreturn]] void unexpected_exception()
{
    print("FAIL an exception that nobody asked for: ESR ");
    print_hex(READ_REGISTER("esr_el1"));
    print(", FAR ");
    print_hex(READ_REGISTER("far_el1"));
    print(", ELR ");
    print_hex(READ_REGISTER("elr_el1"));
    print("\n");
    ++failures;
    ++total;
    finish();
}

void set_up_interrupts(u32 cpu)
{
    const u64 frame = redistributors + cpu * redistributor_bytes;
    if (cpu == 0) write32(distributor, 0x37); // DS is fixed; ARE and both groups
    write32(frame + 0x14, 0);                 // GICR_WAKER.ProcessorSleep
    while ((read32(frame + 0x14) & 4) != 0) {}
    write32(private_frame(cpu) + 0x80, ~0U);     // GICR_IGROUPR0: group 1
    write32(private_frame(cpu) + 0x180, ~0U);    // GICR_ICENABLER0
    write32(private_frame(cpu) + 0x100, 0xFFFF); // GICR_ISENABLER0: all SGIs
    for (u32 word = 0; word < 8; ++word) write32(private_frame(cpu) + 0x400 + 4 * word, 0x8080'8080);
    WRITE_REGISTER("icc_sre_el1", 7);
    WRITE_REGISTER("icc_pmr_el1", 0xF8);
    WRITE_REGISTER("icc_bpr1_el1", 0);
    WRITE_REGISTER("icc_ctlr_el1", 0);
    WRITE_REGISTER("icc_igrpen1_el1", 1);
}

/// Whatever its group. A timer that fires is switched off, because its line would not fall otherwise.
extern "C" void take_interrupt()
{
    PerCpu& self = this_cpu();
    self.last = now();
    const u64 intid = READ_REGISTER("icc_iar1_el1");
    if (intid >= 1020) return;
    self.taken[intid] = self.taken[intid] + 1;
    if (self.order_count < 8) {
        self.order[self.order_count] = intid;
        self.order_count = self.order_count + 1;
    }
    if (intid == 27 && !self.keeps_timer) WRITE_REGISTER("cntv_ctl_el0", 0);
    if (intid == 30 && !self.keeps_timer) WRITE_REGISTER("cntp_ctl_el0", 0);
    if (intid == 33) write32(uart + 0x38, 0); // UARTIMSC
    WRITE_REGISTER("icc_eoir1_el1", intid);
}

void spin_ticks(u64 ticks)
{
    const u64 start = now();
    while (now() - start < ticks) {}
}

bool finished(u32 cpu) { return load(jobs[cpu].done) == load(jobs[cpu].number); }

void on_one(u32 cpu, bool (*job)(u32 cpu))
{
    jobs[cpu].run = job;
    store(jobs[cpu].number, jobs[cpu].number + 1);
}

bool on_all(bool (*job)(u32 cpu))
{
    for (u32 cpu = 1; cpu < cpu_count; ++cpu) on_one(cpu, job);
    bool all = job(0);
    for (u32 cpu = 1; cpu < cpu_count; ++cpu)
        all = wait_for([cpu] { return finished(cpu); }) && jobs[cpu].answer && all;
    return all;
}

void restart(u32 cpu) { jobs[cpu].done = jobs[cpu].number; }

bool start_all()
{
    while (cpu_count < max_cpus && psci::call(psci::Conduit::hvc, psci::affinity_info_64, cpu_count) == 1) ++cpu_count;
    for (u32 cpu = 1; cpu < cpu_count; ++cpu) {
        const u64 entry = reinterpret_cast<u64>(&secondary_entry);
        if (psci::call(psci::Conduit::hvc, psci::cpu_on_64, cpu, entry, cpu) != psci::success) return false;
        if (!wait_for([cpu] { return load(secondary_starts[cpu]) != 0; })) return false;
    }
    return true;
}

/// Called with the MMU off.
extern "C" void build_tables()
{
    constexpr u64 never_executed = u64{3} << 53;
    constexpr u64 device = 1 | bit(10) | 1 << 2 | never_executed;
    constexpr u64 normal = 1 | bit(10) | 3 << 8;
    root[0] = device;
    root[1] = normal | ram_first;
    root[2] = normal | hole;
    root[4] = normal | never_executed;
    root[5] = normal | hole | never_executed;
    regime.mair = 0x00FF;
    regime.tcr = 25 | 1 << 8 | 1 << 10 | 3 << 12 | bit(23) | u64{2} << 32;
    regime.ttbr0 = reinterpret_cast<u64>(root);
    regime.sctlr = 0x30D0'0980 | 1 | bit(2) | bit(3) | bit(12);
    asm volatile("dsb ish" ::: "memory");
}

extern "C" [[noreturn]] void secondary_main(u64 number)
{
    const u32 cpu = static_cast<u32>(number);
    this_cpu().number = cpu;
    set_up_interrupts(cpu);
    Job& job = jobs[cpu];
    fetch_add(secondary_starts[cpu], 1);
    for (;;) {
        while (load(job.number) == job.done) {}
        const u64 mine = load(job.number);
        job.answer = job.run(cpu);
        store(job.done, mine);
    }
}

extern "C" [[noreturn]] void main(const u8* tree)
{
    read_settings(tree);
    seed_random(settings.seed);
    set_up_interrupts(0);
    const bool all = start_all();
    check("every secondary starts by HVC", all);
    print_all("vcpu: ", cpu_count, " CPUs, seed ", settings.seed, "\n");
    if (settings.fight == 0) {
        run_exceptions();
        run_accesses();
        run_psci();
        run_timers();
        run_interrupts();
    }
    run_context();
    run_registers();
    run_fp();
    run_sharing();
    finish();
}
