// SPDX-License-Identifier: Apache-2.0
// A guest that tries everything on whoever runs it: random system registers and instructions, hypercalls, accesses of
// all widths over the whole board, wild page tables, storms of interrupts, maintenance. What it does follows from its
// seed. It ends with one line and a power-off, or its VM is stopped.
#include "runtime.hpp"

const u64 console_address = uart;
PerCpu per_cpu[max_cpus];
static_assert(sizeof(PerCpu) == STORM_CPU_SIZE);
Regime regime;

namespace {

alignas(4096) u64 root[512];
u64 steps = 10'000;
u64 seed = 1;
u64 trace = ~u64{0}; ///< The first step of CPU 0 that is said before it is done.
u64 cpu_count = 1;

void print_hex(u64 value)
{
    for (int shift = 60; shift >= 0; shift -= 4)
        if ((value >> shift) != 0 || shift == 0) put("0123456789abcdef"[value >> shift & 0xF]);
}

void print_step(const PerCpu& self, u32 first, u32 second)
{
    write32(uart + 0x30, 0x301); // UARTCR
    print_all("step ", self.steps_done, ": ");
    print_hex(first);
    print(" ");
    print_hex(second);
    print(", x0 ");
    print_hex(self.x[0]);
    print(", x1 ");
    print_hex(self.x[1]);
    print(", x2 ");
    print_hex(self.x[2]);
    print("\n");
}

void run(PerCpu& self, u32 first, u32 second = 0xD503'201F)
{
    const u32 back = 0x1400'0000;
    self.code[0] = first;
    self.code[1] = second;
    for (u32 i = 2; i < code_words; ++i) {
        const u64 distance = reinterpret_cast<u64>(&words_end) - reinterpret_cast<u64>(&self.code[i]);
        self.code[i] = back | (distance >> 2 & 0x3FF'FFFF);
    }
    if (&self == per_cpu && self.steps_done >= trace) print_step(self, first, second);
    asm volatile("dc cvau, %0\n\tdsb ish\n\tic ivau, %0\n\tdsb ish\n\tisb" ::"r"(self.code) : "memory");
    run_words(&self);
}

void fill_registers(PerCpu& self)
{
    for (u64 i = 0; i < 31; ++i) self.x[i] = operand(self);
    self.x[1] = device_address(self);
}

// Steps.

void let_the_timer_in(u64 cpu)
{
    const u64 frame = redistributors + cpu * 0x2'0000;
    write32(distributor, 0x36); // group 1 alone: one of group 0 that nobody takes may hide it
    write32(frame + 0x14, 0);
    write32(frame + 0x1'0080, 1U << 27);
    write32(frame + 0x1'0D00, 0); // GICR_IGRPMODR0
    write32(frame + 0x1'0100, 1U << 27);
    write32(frame + 0x1'0380, 1U << 27); // GICR_ICACTIVER0
    write32(frame + 0x1'0418, 0x1010'1010);
}

/// Another CPU may sleep, and this one has spoilt what would have woken it.
void wake_others(const PerCpu& self)
{
    for (u64 cpu = 0; cpu < cpu_count; ++cpu) {
        if (&self == per_cpu + cpu) continue;
        let_the_timer_in(cpu);
        write32(redistributors + cpu * 0x2'0000 + 0x1'0200, 1U << 27); // GICR_ISPENDR0
    }
}

/// So that something ends what waits.
void make_wakeable(PerCpu& self)
{
    let_the_timer_in(static_cast<u64>(&self - per_cpu));
    asm volatile("msr icc_sre_el1, %0\n\tisb\n\tmsr icc_pmr_el1, %1\n\tmsr icc_igrpen1_el1, %2" ::"r"(u64{7}),
                 "r"(u64{0xF8}), "r"(u64{1}));
    WRITE_REGISTER("icc_ap1r0_el1", 0);
    WRITE_REGISTER("icc_ap0r0_el1", 0);
    WRITE_REGISTER("cntv_cval_el0", now() + 2000);
    WRITE_REGISTER("cntv_ctl_el0", 1);
}

void call_somebody(PerCpu& self)
{
    make_wakeable(self);
    const u32 functions[] = {0x8400'0000, 0x8400'0001, 0xC400'0001, 0x8400'0003, 0xC400'0003, 0x8400'0004,
                             0xC400'0004, 0x8400'0005, 0x8400'0006, 0x8400'000A, 0xC400'000E, 0xC400'0012,
                             0x8400'0013, 0x8000'0000, 0x8000'0001, 0x8000'7FFF, 0xC600'0000, 0x8600'FF01};
    const u64 function =
        one_in(self, 4) ? wild(self) : functions[below(self, sizeof(functions) / sizeof(functions[0]))];
    const u32 low = static_cast<u32>(function) & ~0x4000'0000U;
    // What ends the VM, or this CPU.
    if (low == 0x8400'0002 || low == 0x8400'0008 || low == 0x8400'0009) return;
    self.x[0] = function;
    if (low == 0x8400'0012) self.x[1] = 1;
    if (low == 0x8400'0001) self.x[1] &= ~u64{0x1'0000};
    const u32 immediate = one_in(self, 4) ? static_cast<u32>(below(self, 0x1'0000)) << 5 : 0;
    run(self, (one_in(self, 2) ? 0xD400'0002 : 0xD400'0003) | immediate);
}

u64 wild_descriptor(PerCpu& self)
{
    u64 to;
    switch (below(self, 6)) {
    case 0: return 0;
    case 1: return wild(self) | u64{1} << 46;
    case 2: to = hole + below(self, 0x1000'0000); break;
    case 3: to = device_address(self) & 0xFFFF'FFFF; break;
    default: to = playground + below(self, playground_bytes); break;
    }
    const u64 attributes = wild(self) & 0xFFF0'0000'0000'0FFC;
    return (to & ~u64{0xFFF}) | attributes | (one_in(self, 5) ? 1 : 3) | (one_in(self, 8) ? 0 : u64{1} << 10);
}

/// The upper half is nobody's; its tables are where they must not be, and say what they must not.
void walk_wild_tables(PerCpu& self)
{
    u64* const page = reinterpret_cast<u64*>(playground + 4096 * below(self, playground_bytes / 4096));
    for (u64 i = 0; i < 24; ++i) page[below(self, 512)] = wild_descriptor(self);
    page[511] = wild_descriptor(self);
    const u64 roots[] = {reinterpret_cast<u64>(page), hole, distributor, redistributors, wild(self) | u64{1} << 46};
    const u64 ttbr = roots[below(self, 8) < 4 ? 0 : below(self, 5)] | below(self, 0x1'0000) << 48;
    constexpr u64 high_half = u64{0xFF7F} << 16; // of TCR_EL1, but for EPD1
    const u64 tcr = (regime.tcr & ~(high_half | bit(23))) | (wild(self) & high_half) | below(self, 4) << 39;
    asm volatile("msr ttbr1_el1, %0\n\tmsr tcr_el1, %1\n\tdsb ish\n\tisb" ::"r"(ttbr), "r"(tcr) : "memory");
    if (one_in(self, 2)) asm volatile("tlbi vmalle1is\n\tdsb ish\n\tisb" ::: "memory");
    // Bit 25: a block of a GiB that begins below the playground is only seen beside what is ours.
    const u64 size = below(self, 3) == 0 ? ~u64{0} : (u64{1} << (12 + below(self, 36))) - 1;
    self.x[1] = ~size | (wild(self) & size) | 0x0200'0000;
    const u32 translate = 0xD508'7800 | static_cast<u32>(below(self, 4)) << 5 | 1; // AT S1E1R and kin, x1
    run(self, one_in(self, 3) ? translate : access_word(self), access_word(self));
    WRITE_REGISTER("ttbr1_el1", 0);
}

void storm_the_gic(PerCpu& self)
{
    for (unsigned i = 0; i < 16; ++i) {
        const u64 bank = below(self, 4) * 4;
        const u64 kind = u64{0x80} + below(self, 7) * 0x80; // IGROUPR to ICACTIVER
        const u64 frame = one_in(self, 2) ? distributor : redistributors + below(self, cpu_count) * 0x2'0000 + 0x1'0000;
        switch (below(self, 4)) {
        case 0: write32(frame + kind + bank, static_cast<u32>(wild(self))); break;
        case 1: write32(frame + 0x400 + 4 * below(self, 32), static_cast<u32>(wild(self))); break;
        case 2: write32(distributor + 0x6000 + 8 * (32 + below(self, 96)), static_cast<u32>(below(self, 8))); break;
        case 3: WRITE_REGISTER("S3_0_C12_C11_5", wild(self)); break;
        }
    }
    if (one_in(self, 4)) make_wakeable(self);
    run(self, 0xD503'4FFF); // MSR DAIFClr, #15
}

void wait(PerCpu& self)
{
    make_wakeable(self);
    run(self, 0xD503'207F, 0xD503'42FF); // WFI; MSR DAIFClr, #2
}

void maintain(PerCpu& self)
{
    const u64 address = device_address(self);
    asm volatile("tlbi vmalle1is\n\ttlbi vaae1is, %0\n\tdsb ish\n\tisb" ::"r"(address >> 12) : "memory");
    constexpr u32 by_address[] = {0xD508'7621, 0xD50B'7A21, 0xD50B'7E21, 0xD50B'7B21, 0xD50B'7521, 0xD50B'7421}; // x1
    self.x[1] = address;
    run(self, by_address[below(self, 6)], one_in(self, 64) ? 0xD508'7640 : 0xD50B'7E21); // DC ISW, x0
}

void step(PerCpu& self)
{
    fill_registers(self);
    switch (below(self, 16)) {
    case 0:
    case 1: return run(self, system_word(self), system_word(self));
    case 2: return run(self, known_register_word(self), system_word(self));
    case 3: return run(self, known_register_word(self), known_register_word(self));
    case 4: return call_somebody(self);
    case 5:
    case 6:
    case 7:
    case 8: return run(self, access_word(self), access_word(self));
    case 9: {                                     // SCTLR_EL1 as it comes, but for what makes all of this code go away
        constexpr u64 big_endian = bit(25);       // table walks too, so then without an MMU
        self.x[2] = wild(self) & ~(u64{3} << 19); // WXN, UWXN
        if ((self.x[2] & big_endian) != 0) self.x[2] &= ~u64{1};
        return run(self, 0xD518'1002, access_word(self));
    }
    case 10: return run(self, computing_word(self), computing_word(self));
    case 11: return walk_wild_tables(self);
    case 12: return storm_the_gic(self);
    case 13: return one_in(self, 4) ? wait(self) : run(self, 0xD503'4FFF);
    case 14: return maintain(self);
    default: // a fetch where nothing is
        self.x[1] = one_in(self, 2) ? hole + below(self, 0x1000'0000) : code_alias + device_address(self) % 0x1000'0000;
        return run(self, 0xD61F'0020); // BR x1
    }
}

void run_steps(PerCpu& self)
{
    for (u64 i = 0; i < steps; ++i) {
        step(self);
        if (i % 32 == 0) wake_others(self);
        __atomic_store_n(&self.steps_done, i + 1, __ATOMIC_RELAXED);
    }
    __atomic_store_n(&self.finished, 1, __ATOMIC_RELEASE);
}

void seed_cpu(PerCpu& self, u64 cpu)
{
    seed_random(seed * 64 + cpu);
    self.random = random64() | 1;
}

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

} // namespace

/// Called with the MMU off.
extern "C" void build_tables()
{
    constexpr u64 normal = 1 | bit(10) | 3 << 8;
    root[0] = 1 | bit(10) | 1 << 2 | u64{3} << 53;
    root[1] = normal | ram_first;
    root[2] = normal | hole;
    root[3] = normal;
    regime.mair = 0x00FF;
    regime.tcr = 25 | 1 << 8 | 1 << 10 | 3 << 12 | bit(23) | u64{2} << 32;
    regime.ttbr0 = reinterpret_cast<u64>(root);
    regime.sctlr = 0x30D0'0980 | 1 | bit(2) | bit(12);
    asm volatile("dsb ish" ::: "memory");
}

extern "C" [[noreturn]] void secondary_main(u64 cpu)
{
    run_steps(per_cpu[cpu]);
    // The last of the VM ends it; until then this CPU goes on being a nuisance.
    for (;;) {
        storm_the_gic(per_cpu[cpu]);
        wake_others(per_cpu[cpu]);
    }
}

extern "C" [[noreturn]] void main(const u8* tree)
{
    if (tree == nullptr) tree = reinterpret_cast<const u8*>(ram_first); // where the peer puts it for an ELF file
    read_setting(tree, "storm.steps=", steps);
    read_setting(tree, "storm.seed=", seed);
    read_setting(tree, "storm.trace=", trace);
    for (u64 cpu = 0; cpu < max_cpus; ++cpu) seed_cpu(per_cpu[cpu], cpu);
    const u64 entry = reinterpret_cast<u64>(&secondary_entry);
    while (cpu_count < max_cpus && psci::call(psci::Conduit::hvc, psci::cpu_on_64, cpu_count, entry, cpu_count) == 0)
        ++cpu_count;
    print_all("storm: ", cpu_count, " CPUs, ", steps, " steps each, seed ", seed, "\n");
    run_steps(per_cpu[0]);
    for (u64 cpu = 1; cpu < cpu_count; ++cpu)
        while (__atomic_load_n(&per_cpu[cpu].finished, __ATOMIC_ACQUIRE) == 0) wake_others(per_cpu[0]);
    write32(uart + 0x30, 0x301); // UARTCR, whatever has become of it
    write32(uart + 0x2C, 0x70);
    u64 faults = 0;
    u64 interrupts = 0;
    for (const PerCpu& cpu : per_cpu) {
        for (const u64 count : cpu.faults) faults += count;
        interrupts += cpu.interrupts;
    }
    print_all("\nGIMBAL-STORM DONE ", steps * cpu_count, " steps, ", faults, " faults, ", interrupts, " interrupts\n");
    power_off();
}
