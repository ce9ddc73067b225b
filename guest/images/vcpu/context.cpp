// SPDX-License-Identifier: Apache-2.0
#include "runtime.hpp"

// The general registers, SP_EL0, SP_EL1 and PSTATE across each kind of exit, and while others have the CPU.

namespace {

struct Context {
    u64 x[31];
    u64 sp_el0;
    u64 nzcv;
    u64 daif;
    u64 sp; ///< Afterwards: by how much SP_EL1 has changed.
};

} // namespace

extern "C" {
void context_hypercall(Context* context);
void context_secure_call(Context* context);
void context_wait(Context* context);
void context_identification(Context* context);
void context_timer_read(Context* context);
void context_timer_write(Context* context);
void context_load(Context* context);
void context_store(Context* context);
void context_pair(Context* context);
void context_pair_store(Context* context);
void context_spin(Context* context);
}

namespace {

constexpr u64 psci_version = 0x8400'0000;
constexpr u64 device = distributor + 0x400 + 64; // GICD_IPRIORITYR<16>
constexpr u64 all_masked = 0x3C0;

enum class Kind : u8 { call, wait, access, spin };
struct Row {
    const char* name;
    void (*run)(Context* context);
    Kind kind;
    u32 changes; ///< Registers that it may change, a bit each.
};
constexpr Row rows[] = {
    {"hvc",                      context_hypercall,      Kind::call,   0xF             }, // x0 to x3 are results
    {"smc",                      context_secure_call,    Kind::call,   0xF             },
    {"wfi",                      context_wait,           Kind::wait,   0               },
    {"an ID register",           context_identification, Kind::access, bit(9)          },
    {"a timer register's read",  context_timer_read,     Kind::access, bit(9)          },
    {"a timer register's write", context_timer_write,    Kind::access, 0               },
    {"a load",                   context_load,           Kind::access, bit(9)          },
    {"a store",                  context_store,          Kind::access, 0               },
    {"a load of a pair",         context_pair,           Kind::access, bit(9) | bit(11)},
    {"a store of a pair",        context_pair_store,     Kind::access, 0               },
    {"interrupts alone",         context_spin,           Kind::spin,   bit(9)          },
};

u64 wrong_rows[max_cpus];

u64 pattern(u64 cpu, u64 round, u64 index)
{
    u64 z = settings.seed * 0x9E37'79B9'7F4A'7C15 + cpu * 0xD1B5'4A32'D192'ED03 + round * 0x94D0'49BB'1331'11EB + index;
    z = (z ^ z >> 30) * 0xBF58'476D'1CE4'E5B9;
    z = (z ^ z >> 27) * 0x94D0'49BB'1331'11EB;
    return z ^ z >> 31;
}

bool survives(const Row& row, u32 cpu, u64 round)
{
    Context context;
    for (u64 i = 0; i < 31; ++i) context.x[i] = pattern(cpu, round, i);
    context.sp_el0 = pattern(cpu, round, 31);
    context.nzcv = pattern(cpu, round, 32) & u64{0xF} << 28;
    context.daif = round % 2 == 0 ? all_masked : pattern(cpu, round, 33) & all_masked;
    context.x[10] = device + 16 * cpu;
    context.x[9] = pattern(cpu, round, 9) & 0xF8F8'F8F8;
    if (row.kind == Kind::call) context.x[0] = psci_version;
    if (row.kind == Kind::spin) context.x[9] = 200'000;
    if (row.kind == Kind::wait) {
        context.daif |= 0xC0; // the interrupt is to end the wait, not to come before it
        WRITE_REGISTER("cntv_cval_el0", now() + ticks_per_second() / 1000);
        WRITE_REGISTER("cntv_ctl_el0", 1);
    }
    const Context before = context;
    row.run(&context);
    WRITE_REGISTER("cntv_ctl_el0", 0);
    bool same = context.sp == 0 && context.sp_el0 == before.sp_el0 && context.nzcv == before.nzcv &&
                context.daif == before.daif;
    for (u64 i = 0; i < 31; ++i) same = same && ((row.changes & bit(i)) != 0 || context.x[i] == before.x[i]);
    if (row.kind == Kind::call) same = same && context.x[0] == 0x1'0001;
    if (row.kind == Kind::spin) same = same && context.x[9] == 0;
    return same;
}

bool run_rows(u32 cpu)
{
    enable_private(cpu, 27);
    for (u64 round = 0; round < settings.rounds; ++round)
        for (u64 i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
            if (settings.smc == 0 && rows[i].run == context_secure_call) continue;
            if (!survives(rows[i], cpu, round)) wrong_rows[cpu] |= bit(i);
        }
    return true;
}

// FP and SIMD.

struct FpImage {
    u64 v[64];
    u64 fpcr;
    u64 fpsr;
};
extern "C" void load_fp_image(const FpImage* image);
extern "C" void store_fp_image(FpImage* image);

FpImage fp_images[max_cpus][2];

bool fight_for_fp(u32 cpu)
{
    FpImage& mine = fp_images[cpu][0];
    FpImage& found = fp_images[cpu][1];
    WRITE_REGISTER("cpacr_el1", u64{3} << 20);
    for (u64 round = 0; round < 5 * settings.rounds; ++round) {
        for (u64 i = 0; i < 64; ++i) mine.v[i] = pattern(cpu, round, 100 + i);
        mine.fpcr = pattern(cpu, round, 200) & (u64{0xF} << 22); // RMode, FZ, DN
        mine.fpsr = pattern(cpu, round, 201) & 0x0800'009F;      // QC, cumulative flags
        load_fp_image(&mine);
        if (round % 2 == 0) {
            psci::call(psci::Conduit::hvc, psci_version);
            read32(device);
        }
        spin_ticks(ticks_per_second() / 80); // longer than a turn on a CPU
        store_fp_image(&found);
        for (u64 i = 0; i < 64; ++i)
            if (found.v[i] != mine.v[i]) return false;
        if (found.fpcr != mine.fpcr || found.fpsr != mine.fpsr) return false;
    }
    return true;
}

} // namespace

void run_context()
{
    for (u64& wrong : wrong_rows) wrong = 0;
    on_all(run_rows);
    for (u64 i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        bool passed = true;
        for (u32 cpu = 0; cpu < cpu_count; ++cpu) passed = passed && (wrong_rows[cpu] & bit(i)) == 0;
        print("     registers across ");
        print(rows[i].name);
        print("\n");
        check("they are kept", passed);
    }
}

void run_fp() { check("V0 to V31, FPCR and FPSR are kept", on_all(fight_for_fp)); }
