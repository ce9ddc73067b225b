// SPDX-License-Identifier: Apache-2.0
#include "runtime.hpp"

// The virtual and the physical EL1 timer, as order facts only: no value of a counter is logged.

namespace {

constexpr u64 enable = 1;
constexpr u64 imask = 2;
constexpr u64 istatus = 4;

/// ISTATUS with the compare value behind, ahead and just ahead of the counter; TVAL as a view of CVAL.
#define RUN_TIMER(counter, control, compare, value)                                                                    \
    {                                                                                                                  \
        const u64 mask = random(2) * imask;                                                                            \
        const u64 before = READ_REGISTER(counter);                                                                     \
        WRITE_REGISTER(compare, before - random(1000));                                                                \
        WRITE_REGISTER(control, enable | mask);                                                                        \
        log("past", READ_REGISTER(control));                                                                           \
        WRITE_REGISTER(compare, READ_REGISTER(counter) + (u64{1} << 40));                                              \
        log("future", READ_REGISTER(control));                                                                         \
        const u64 ticks = random(0x7FFF'FFFF);                                                                         \
        WRITE_REGISTER(value, ticks);                                                                                  \
        const u64 wanted = READ_REGISTER(compare) - ticks;                                                             \
        log("view", wanted >= before, wanted <= READ_REGISTER(counter));                                               \
        WRITE_REGISTER(value, -5 - random(1000));                                                                      \
        log("negative", READ_REGISTER(control), READ_REGISTER(value) >> 31);                                           \
        WRITE_REGISTER(value, 200);                                                                                    \
        while ((READ_REGISTER(control) & istatus) == 0) {}                                                             \
        log("fired", READ_REGISTER(counter) >= READ_REGISTER(compare));                                                \
        WRITE_REGISTER(control, 0);                                                                                    \
        log("off", READ_REGISTER(control) & (enable | imask));                                                         \
    }

} // namespace

void run_timers()
{
    if (one_in(2))
        RUN_TIMER("cntvct_el0", "cntv_ctl_el0", "cntv_cval_el0", "cntv_tval_el0")
    else
        RUN_TIMER("cntpct_el0", "cntp_ctl_el0", "cntp_cval_el0", "cntp_tval_el0")
    const u64 first = READ_REGISTER("cntvct_el0");
    const u64 second = READ_REGISTER("cntvct_el0");
    log("monotonic", second >= first, READ_REGISTER("cntpct_el0") >= first);
}
