// SPDX-License-Identifier: Apache-2.0
#include "runtime.hpp"

namespace {

void (*volatile second_work)();
volatile u64 second_is_on;
volatile u64 stops_requested;
volatile u64 stops_seen;

} // namespace

const u64 console_address = uart;

extern "C" [[noreturn]] void unexpected(u64 esr, u64 elr)
{
    print_all("unexpected exception, ESR ", esr, ", ELR ", elr, "\n");
    power_off();
}

extern "C" void second_start();

extern "C" [[noreturn]] void second_main()
{
    second_is_on = 1;
    for (;;) {
        const u64 request = stops_requested; // before the look at the work
        barrier();
        void (*const work)() = second_work;
        if (work != nullptr)
            work();
        else
            stops_seen = request;
    }
}

bool start_second(void (*work)())
{
    second_work = work;
    barrier();
    if (second_is_on != 0) return true;
    const u64 entry = reinterpret_cast<u64>(&second_start);
    if (psci::call(psci::Conduit::hvc, psci::cpu_on_64, 1, entry) != psci::success) return false;
    const u64 start = now();
    while (second_is_on == 0)
        if (now() - start > 10 * ticks_per_second()) return false;
    return true;
}

void stop_second()
{
    second_work = nullptr;
    barrier();
    stops_requested = stops_requested + 1;
    while (second_is_on != 0 && stops_seen != stops_requested) barrier();
}
