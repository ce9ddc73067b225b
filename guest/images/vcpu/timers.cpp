// SPDX-License-Identifier: Apache-2.0
#include "runtime.hpp"

// Deadlines are absolute: no number of exits moves them, and no interrupt comes before its time.

namespace {

constexpr u64 exits = 10'000;
constexpr u64 psci_version = 0x8400'0000;
constexpr u64 enable = 1;
constexpr u64 imask = 2;
constexpr u64 istatus = 4;

#define CHECK_DEADLINE(kind, control, compare, intid)                                                                  \
    {                                                                                                                  \
        PerCpu& self = this_cpu();                                                                                     \
        enable_private(0, intid);                                                                                      \
        WRITE_REGISTER(control, 0);                                                                                    \
        self.taken[intid] = 0;                                                                                         \
        const u64 deadline = now() + ticks_per_second() / 20;                                                          \
        WRITE_REGISTER(compare, deadline);                                                                             \
        WRITE_REGISTER(control, enable);                                                                               \
        bool moved = false, wrong_status = false, early = false;                                                       \
        unmask_interrupts();                                                                                           \
        for (u64 i = 0; i < exits; ++i) {                                                                              \
            psci::call(psci::Conduit::hvc, psci_version);                                                              \
            moved = moved || READ_REGISTER(compare) != deadline;                                                       \
            early = early || (self.taken[intid] != 0 && self.last < deadline);                                         \
        }                                                                                                              \
        check(kind ": the deadline stays across 10,000 exits", !moved);                                                \
        check(kind ": it fires", wait_for([&] { return self.taken[intid] != 0; }));                                    \
        check(kind ": not before its time", !early && self.last >= deadline);                                          \
        check_equal(kind ": once", self.taken[intid], 1);                                                              \
        mask_interrupts();                                                                                             \
        for (u64 i = 0; i < 200; ++i) {                                                                                \
            WRITE_REGISTER(compare, now() + i);                                                                        \
            WRITE_REGISTER(control, enable | imask);                                                                   \
            const u64 when = READ_REGISTER(compare);                                                                   \
            const bool fired = (READ_REGISTER(control) & istatus) != 0;                                                \
            wrong_status = wrong_status || (now() < when && fired) ||                                                  \
                           !wait_for([] { return (READ_REGISTER(control) & istatus) != 0; });                          \
        }                                                                                                              \
        check(kind ": ISTATUS is what the counter says", !wrong_status);                                               \
        WRITE_REGISTER(control, 0);                                                                                    \
    }

#define CHECK_VALUE(kind, control, compare, value)                                                                     \
    {                                                                                                                  \
        const u64 before = now();                                                                                      \
        WRITE_REGISTER(value, 5000);                                                                                   \
        const u64 after = now();                                                                                       \
        const u64 when = READ_REGISTER(compare);                                                                       \
        check(kind ": TVAL sets CVAL", when >= before + 5000 && when <= after + 5000);                                 \
        WRITE_REGISTER(compare, now() + 1'000'000);                                                                    \
        const u64 left = READ_REGISTER(value);                                                                         \
        check(kind ": TVAL is CVAL seen from now", left <= 1'000'000);                                                 \
    }

void counters()
{
    bool ordered = true;
    for (unsigned i = 0; i < 100; ++i) {
        const u64 before = now();
        const u64 physical = READ_REGISTER("cntpct_el0");
        const u64 after = now();
        ordered = ordered && before <= physical && physical <= after;
    }
    check("both counters say the same", ordered);
    check("the counter has a frequency", ticks_per_second() != 0);
}

u64 shared_count;

/// Each CPU sees a count that another one has written before as past.
bool compare_counts(u32 cpu)
{
    for (unsigned i = 0; i < 200; ++i) {
        const u64 seen = load(shared_count);
        const u64 count = now();
        if (count < seen) return false;
        store(shared_count, count);
        if (i % 64 == cpu) spin_ticks(100);
    }
    return true;
}

void sleeping()
{
    PerCpu& self = this_cpu();
    self.taken[27] = 0;
    bool early = false;
    for (unsigned i = 0; i < 20; ++i) {
        mask_interrupts();
        const u64 deadline = now() + ticks_per_second() / 2000;
        WRITE_REGISTER("cntv_cval_el0", deadline);
        WRITE_REGISTER("cntv_ctl_el0", enable);
        asm volatile("wfi" ::: "memory");
        unmask_interrupts();
        if (!wait_for([&] { return self.taken[27] == i + 1; })) break;
        early = early || self.last < deadline;
    }
    mask_interrupts();
    check_equal("a timer ends WFI", self.taken[27], 20);
    check("not before its time", !early);
}

} // namespace

void run_timers()
{
    mask_interrupts();
    counters();
    CHECK_DEADLINE("virtual timer", "cntv_ctl_el0", "cntv_cval_el0", 27);
    CHECK_DEADLINE("physical timer", "cntp_ctl_el0", "cntp_cval_el0", 30);
    CHECK_VALUE("virtual timer", "cntv_ctl_el0", "cntv_cval_el0", "cntv_tval_el0");
    CHECK_VALUE("physical timer", "cntp_ctl_el0", "cntp_cval_el0", "cntp_tval_el0");
    sleeping();
    check("all CPUs have one counter", on_all(compare_counts));
}
