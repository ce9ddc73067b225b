// SPDX-License-Identifier: Apache-2.0
#include "runtime.hpp"

// PSCI 1.1 (DEN0022) and SMCCC (DEN0028): every call over both conduits, in both widths, with the errors it has.

namespace {

using psci::Conduit;

constexpr i64 not_supported = -1;
constexpr i64 invalid_parameters = -2;
constexpr i64 invalid_address = -9;
constexpr u64 suspend_32 = 0x8400'0001;
constexpr u64 suspend_64 = 0xC400'0001;
constexpr u64 power_down = bit(16);

struct Row {
    const char* name;
    u64 function;
    u64 a1, a2, a3;
    i64 expected;
    bool common; ///< Another monitor's board answers so too.
};
constexpr Row rows[] = {
    {"PSCI_VERSION",                             0x8400'0000,            0,                      0,           0, 0x1'0001,           true },
    {"PSCI_VERSION has no 64-bit form",          0xC400'0000,            0,                      0,           0, not_supported,      true },
    {"CPU_ON of oneself",                        psci::cpu_on_64,        0,                      0x4020'0000, 0, psci::already_on,   true },
    {"CPU_ON of oneself, 32",                    psci::cpu_on_32,        0,                      0x4020'0000, 0, psci::already_on,   true },
    {"CPU_ON of nobody",                         psci::cpu_on_64,        0x77,                   0x4020'0000, 0, invalid_parameters, true },
    {"CPU_ON of nobody, 32",                     psci::cpu_on_32,        0x77,                   0x4020'0000, 0, invalid_parameters, true },
    {"CPU_ON with a bit that is none",           psci::cpu_on_64,        bit(31),                0x4020'0000, 0, invalid_parameters, false},
    {"CPU_ON with Aff3",                         psci::cpu_on_64,        bit(32),                0x4020'0000, 0, invalid_parameters, true },
    {"CPU_ON where nothing is",                  psci::cpu_on_64,        0,                      hole,        0, invalid_address,    false},
    {"CPU_ON at an odd address",                 psci::cpu_on_64,        0,                      0x4020'0002, 0, invalid_address,    false},
    {"AFFINITY_INFO of oneself",                 psci::affinity_info_64, 0,                      0,           0, 0,                  true },
    {"AFFINITY_INFO of oneself, 32",             psci::affinity_info_32, 0,                      0,           0, 0,                  true },
    {"AFFINITY_INFO of a cluster",               psci::affinity_info_64, 0,                      1,           0, 0,                  false},
    {"AFFINITY_INFO of nobody",                  psci::affinity_info_64, 0x77,                   0,           0, invalid_parameters, true },
    {"AFFINITY_INFO of level 4",                 psci::affinity_info_64, 0,                      4,           0, invalid_parameters, false},
    {"MIGRATE",                                  0x8400'0005,            0,                      0,           0, not_supported,      true },
    {"MIGRATE, 64",                              0xC400'0005,            0,                      0,           0, not_supported,      true },
    {"MIGRATE_INFO_TYPE",                        0x8400'0006,            0,                      0,           0, 2,                  true },
    {"MIGRATE_INFO_UP_CPU",                      0x8400'0007,            0,                      0,           0, not_supported,      true },
    {"SYSTEM_OFF has no 64-bit form",            0xC400'0008,            0,                      0,           0, not_supported,      true },
    {"SYSTEM_RESET has no 64-bit form",          0xC400'0009,            0,                      0,           0, not_supported,      true },
    {"PSCI_FEATURES of PSCI_VERSION",            0x8400'000A,            0x8400'0000,            0,           0, 0,                  true },
    {"PSCI_FEATURES of CPU_SUSPEND",             0x8400'000A,            suspend_64,             0,           0, 0,                  true },
    {"PSCI_FEATURES of CPU_OFF",                 0x8400'000A,            psci::cpu_off,          0,           0, 0,                  true },
    {"PSCI_FEATURES of CPU_ON",                  0x8400'000A,            psci::cpu_on_64,        0,           0, 0,                  true },
    {"PSCI_FEATURES of AFFINITY_INFO",           0x8400'000A,            psci::affinity_info_64, 0,           0, 0,                  true },
    {"PSCI_FEATURES of SYSTEM_OFF",              0x8400'000A,            psci::system_off,       0,           0, 0,                  true },
    {"PSCI_FEATURES of SYSTEM_RESET",            0x8400'000A,            0x8400'0009,            0,           0, 0,                  true },
    {"PSCI_FEATURES of SYSTEM_RESET2",           0x8400'000A,            0xC400'0012,            0,           0, 0,                  false},
    {"PSCI_FEATURES of SMCCC_VERSION",           0x8400'000A,            0x8000'0000,            0,           0, 0,                  false},
    {"PSCI_FEATURES of MIGRATE",                 0x8400'000A,            0x8400'0005,            0,           0, not_supported,      true },
    {"PSCI_FEATURES of what is none",            0x8400'000A,            0x8400'001F,            0,           0, not_supported,      true },
    {"CPU_FREEZE",                               0x8400'000B,            0,                      0,           0, not_supported,      true },
    {"CPU_DEFAULT_SUSPEND",                      0xC400'000C,            0,                      0,           0, not_supported,      true },
    {"NODE_HW_STATE",                            0xC400'000D,            0,                      0,           0, not_supported,      true },
    {"SYSTEM_SUSPEND",                           0xC400'000E,            0,                      0,           0, not_supported,      true },
    {"PSCI_SET_SUSPEND_MODE",                    0x8400'000F,            0,                      0,           0, not_supported,      true },
    {"PSCI_STAT_RESIDENCY",                      0xC400'0010,            0,                      0,           0, not_supported,      true },
    {"PSCI_STAT_COUNT",                          0xC400'0011,            0,                      0,           0, not_supported,      true },
    {"SYSTEM_RESET2 of a vendor's",              0xC400'0012,            bit(31),                0,           0, invalid_parameters, false},
    {"MEM_PROTECT",                              0x8400'0013,            0,                      0,           0, not_supported,      true },
    {"MEM_PROTECT_CHECK_RANGE",                  0xC400'0014,            0,                      0,           0, not_supported,      true },
    {"CPU_SUSPEND with bits that are none",      suspend_64,             bit(20),                0,           0, invalid_parameters, true },
    {"CPU_SUSPEND to an entry where nothing is", suspend_64,             power_down,             hole,        0, invalid_address,    false},
    {"SMCCC_VERSION",                            0x8000'0000,            0,                      0,           0, 0x1'0001,           false},
    {"SMCCC_ARCH_FEATURES of SMCCC_VERSION",     0x8000'0001,            0x8000'0000,            0,           0, 0,                  false},
    {"SMCCC_ARCH_FEATURES of a workaround",      0x8000'0001,            0x8000'8000,            0,           0, not_supported,      false},
    {"a function of nobody",                     0x8600'FF01,            0,                      0,           0, not_supported,      true },
    {"a function of the firmware's",             0xC300'0000,            0,                      0,           0, not_supported,      true },
    {"a function id of zeroes",                  0,                      0,                      0,           0, not_supported,      true },
};

void run_rows(Conduit conduit)
{
    for (const Row& row : rows) {
        if (settings.peer != 0 && !row.common) continue;
        check_equal(row.name, static_cast<u64>(psci::call(conduit, row.function, row.a1, row.a2, row.a3)),
                    static_cast<u64>(row.expected));
    }
}

void arm_timer()
{
    enable_private(0, 27);
    this_cpu().keeps_timer = true;
    WRITE_REGISTER("cntv_cval_el0", now() + ticks_per_second() / 500);
    WRITE_REGISTER("cntv_ctl_el0", 1);
}

void disarm_timer()
{
    WRITE_REGISTER("cntv_ctl_el0", 0);
    this_cpu().keeps_timer = false;
}

/// Interrupts are masked: the timer's ends the suspension and is not taken.
void standby(const char* name, Conduit conduit, u64 function)
{
    arm_timer();
    const u64 deadline = READ_REGISTER("cntv_cval_el0");
    const i64 answer = psci::call(conduit, function, 0);
    const bool late_enough = now() >= deadline;
    disarm_timer();
    check(name, answer == psci::success && late_enough);
}

bool switch_off(u32)
{
    psci::call(Conduit::hvc, psci::cpu_off);
    return false;
}

/// Off by CPU_OFF, seen so by AFFINITY_INFO, on again by the other conduit and width.
void off_and_on(Conduit conduit, u64 on, u64 info)
{
    const u32 last = cpu_count - 1;
    const u64 before = load(secondary_starts[last]);
    on_one(last, switch_off);
    check("AFFINITY_INFO of one that is off", wait_for([=] { return psci::call(conduit, info, last) == 1; }));
    restart(last);
    const u64 entry = reinterpret_cast<u64>(&secondary_entry);
    check_equal("CPU_ON", static_cast<u64>(psci::call(conduit, on, last, entry, last)), 0);
    check("it starts", wait_for([=] { return load(secondary_starts[last]) == before + 1; }));
    check_equal("AFFINITY_INFO of one that is on", static_cast<u64>(psci::call(conduit, info, last)), 0);
    check_equal("CPU_ON of one that is on", static_cast<u64>(psci::call(conduit, on, last, entry, last)),
                static_cast<u64>(psci::already_on));
}

} // namespace

void run_psci()
{
    mask_interrupts();
    run_rows(Conduit::hvc);
    standby("CPU_SUSPEND to standby", Conduit::hvc, suspend_64);
    standby("CPU_SUSPEND to standby, 32", Conduit::hvc, suspend_32);
    if (settings.smc != 0) {
        run_rows(Conduit::smc);
        standby("CPU_SUSPEND to standby by SMC", Conduit::smc, suspend_64);
    } else {
        leave_out("PSCI by SMC", "no such conduit");
    }
    if (cpu_count == 1) return;
    off_and_on(Conduit::hvc, psci::cpu_on_64, psci::affinity_info_64);
    off_and_on(Conduit::hvc, psci::cpu_on_32, psci::affinity_info_32);
    if (settings.smc != 0) off_and_on(Conduit::smc, psci::cpu_on_64, psci::affinity_info_32);
}
