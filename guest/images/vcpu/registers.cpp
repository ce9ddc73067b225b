// SPDX-License-Identifier: Apache-2.0
#include "runtime.hpp"

// Every system register of a guest keeps what it holds, whatever exits come and whoever else has the CPU. The registers
// are those of the list that the hypervisor switches by.

namespace {

struct Register {
    const char* name;
    u64 (*read)();
    void (*write)(u64 value);
};

// What is only observed cannot be written.
#define WRITE_observed(name, value) static_cast<void>(value)
#define WRITE_counter WRITE_REGISTER
#define WRITE_deadline WRITE_REGISTER
#define WRITE_control WRITE_REGISTER
#define WRITE_plain WRITE_REGISTER
#define GIMBAL_GUEST_REGISTER(reg, phase, reset_value)                                                                 \
    {#reg, [] { return READ_REGISTER(#reg); }, [](u64 value) { WRITE_##phase(#reg, value); }},
constexpr Register registers[] = {
#include "arch/aarch64/guest_system_registers.inc"
};
#undef GIMBAL_GUEST_REGISTER
constexpr u64 count = sizeof(registers) / sizeof(registers[0]);
static_assert(count <= 256);

bool equal(const char* a, const char* b)
{
    while (*a != 0 && *a == *b) ++a, ++b;
    return *a == *b;
}

bool begins(const char* text, const char* with)
{
    while (*with != 0 && *text == *with) ++text, ++with;
    return *with == 0;
}

/// Not reachable by this name from EL1: the hypervisor's own, and the stack pointer that is in use.
bool is_foreign(const char* name)
{
    u64 length = 0;
    while (name[length] != 0) ++length;
    return equal(name, "sp_el1") || (length > 4 && equal(name + length - 4, "_el2"));
}

/// What the test may change of it. The rest belongs to the regime that this very code runs in, or would make something
/// happen; bits without a function are told by reading back.
struct Rule {
    const char* name;
    u64 changed;
    u64 compared;
};
constexpr u64 nothing = 0;
constexpr u64 everything = ~u64{0};
constexpr Rule rules[] = {
    {"sctlr_el1",    bit(26) | bit(18) | bit(16) | bit(15) | bit(14) | bit(9) | bit(8) | bit(7) | bit(4),
     everything                                                                                                     }, // EL0's
    {"tcr_el1",      0xFF3F'0000 & ~bit(22) & ~bit(23),                                                   everything}, // of TTBR1, where walks are off
    {"ttbr0_el1",    u64{0xFFFF} << 48,                                                                   everything}, // ASID
    {"mair_el1",     ~u64{0xFFFF},                                                                        everything},
    {"cpacr_el1",    u64{3} << 20,                                                                        everything},
    {"cntkctl_el1",  0x3FF,                                                                               everything},
    {"cntp_ctl_el0", 1,                                                                                   ~u64{4}   }, // ENABLE; IMASK is set; ISTATUS is time's
    {"cntv_ctl_el0", 1,                                                                                   ~u64{4}   },
    {"csselr_el1",   3,                                                                                   everything},
    {"mdscr_el1",    bit(12) | bit(13) | bit(15),                                                         everything},
    {"cntvct_el0",   nothing,                                                                             nothing   }, // runs
    {"pmcr_el0",     bit(3) | bit(6),                                                                     everything},
};

Rule rule_of(const char* name)
{
    for (const Rule& rule : rules)
        if (equal(rule.name, name)) return rule;
    // Break- and watchpoints stay off.
    if (begins(name, "dbgbcr") || begins(name, "dbgwcr")) return {name, 0xFF'FFFE, everything};
    return {name, everything, everything};
}

/// A feature that the guest's ID registers do not have.
bool may_be_absent(const char* name)
{
    if (equal(name, "pmcr_el0")) return (READ_REGISTER("id_aa64dfr0_el1") >> 8 & 0xF) == 0;
    // Pointer authentication: APA, API, GPA, GPI; APA3, GPA3.
    if (begins(name, "ap") && READ_REGISTER("id_aa64isar0_el1") != 0)
        return (READ_REGISTER("id_aa64isar1_el1") & 0xFF00'0FF0) == 0 && (READ_REGISTER("S3_0_C0_C6_2") & 0xFF00) == 0;
    return false;
}

u64 pattern(u64 cpu, u64 round, u64 index)
{
    u64 z = settings.seed * 0xD1B5'4A32'D192'ED03 + cpu * 0x9E37'79B9'7F4A'7C15 + round * 0xBF58'476D'1CE4'E5B9 + index;
    z = (z ^ z >> 31) * 0x94D0'49BB'1331'11EB;
    return z ^ z >> 29;
}

struct State {
    bool absent[count];
    u64 own[count];  ///< Before the test
    u64 held[count]; ///< What it took of what was written
    bool lost[count];
};
State states[max_cpus];

void leave_in_every_way()
{
    psci::call(psci::Conduit::hvc, 0x8400'0000);
    (void)READ_REGISTER("id_aa64isar0_el1");
    read32(distributor + 4);
    u64 first, second;
    asm volatile("ldp %w0, %w1, [%2]" : "=&r"(first), "=&r"(second) : "r"(distributor + 0x440) : "memory");
    spin_ticks(ticks_per_second() / 80); // longer than a turn on a CPU
}

/// Everything that has a say in taking exceptions changes: from here to the end there may be none.
void write_and_compare(State& state, u32 cpu, u64 round)
{
    for (u64 i = 0; i < count; ++i) {
        if (state.absent[i]) continue;
        const Rule rule = rule_of(registers[i].name);
        state.own[i] = registers[i].read();
        u64 value = (state.own[i] & ~rule.changed) | (pattern(cpu, round, i) & rule.changed);
        if (rule.compared == ~u64{4}) value |= 2; // IMASK
        registers[i].write(value);
        state.held[i] = registers[i].read();
    }
    leave_in_every_way();
    for (u64 i = 0; i < count; ++i) {
        if (state.absent[i]) continue;
        const u64 difference = registers[i].read() ^ state.held[i];
        state.lost[i] = state.lost[i] || (difference & rule_of(registers[i].name).compared) != 0;
    }
    for (u64 i = 0; i < count; ++i)
        if (!state.absent[i]) registers[i].write(state.own[i]);
}

bool keep_registers(u32 cpu)
{
    State& state = states[cpu];
    mask_interrupts();
    asm volatile("msr daifset, #15");
    for (u64 i = 0; i < count; ++i) {
        state.absent[i] = true;
        if (is_foreign(registers[i].name) || rule_of(registers[i].name).compared == nothing) continue;
        state.absent[i] = attempt([i] { registers[i].read(); }).taken != 0;
    }
    for (u64 round = 0; round < 5 * settings.rounds; ++round) write_and_compare(state, cpu, round);
    return true;
}

} // namespace

void run_registers()
{
    on_all(keep_registers);
    for (u64 i = 0; i < count; ++i) {
        const char* name = registers[i].name;
        if (is_foreign(name) || rule_of(name).compared == nothing) continue;
        if (states[0].absent[i] && may_be_absent(name)) {
            leave_out(name, "not in the guest's ID registers");
            continue;
        }
        bool kept = !states[0].absent[i];
        for (u32 cpu = 0; cpu < cpu_count; ++cpu) kept = kept && !states[cpu].lost[i];
        check(name, kept);
    }
}
