// SPDX-License-Identifier: Apache-2.0
#include "runtime.hpp"

namespace {

constexpr u64 uart = 0x0900'0000;
u64 random_state = 1;

void (*volatile second_work)();
volatile u64 second_is_on;
volatile u64 stops_requested;
volatile u64 stops_seen;

u64 psci(u64 function, u64 a = 0, u64 b = 0, u64 c = 0)
{
    register u64 x0 asm("x0") = function;
    register u64 x1 asm("x1") = a;
    register u64 x2 asm("x2") = b;
    register u64 x3 asm("x3") = c;
    asm volatile("hvc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)::"memory");
    return x0;
}

} // namespace

u32 read32(u64 address)
{
    u32 value = 0;
    asm volatile("ldr %w0, [%1]" : "+r"(value) : "r"(address) : "memory");
    return value;
}

void write32(u64 address, u32 value) { asm volatile("str %w0, [%1]" ::"r"(value), "r"(address) : "memory"); }

void put_string(const char* text)
{
    for (; *text != 0; ++text) {
        while ((read32(uart + 0x18) & bit(5)) != 0) { // FR.TXFF
        }
        write32(uart, static_cast<u8>(*text));
    }
}

void put_number(u64 value)
{
    char text[21];
    unsigned at = sizeof text - 1;
    text[at] = 0;
    do {
        text[--at] = static_cast<char>('0' + value % 10);
        value /= 10;
    } while (value != 0);
    put_string(text + at);
}

void power_off()
{
    psci(0x8400'0008); // SYSTEM_OFF
    for (;;) asm volatile("wfi");
}

extern "C" [[noreturn]] void unexpected(u64 esr, u64 elr)
{
    put_string("unexpected exception, ESR ");
    put_number(esr);
    put_string(", ELR ");
    put_number(elr);
    put_string("\n");
    power_off();
}

u64 now()
{
    u64 ticks;
    asm volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(ticks)::"memory");
    return ticks;
}

u64 ticks_per_ms()
{
    u64 frequency;
    asm volatile("mrs %0, cntfrq_el0" : "=r"(frequency));
    return frequency / 1000;
}

void seed_random(u64 seed) { random_state = seed * 2 + 1; }

u64 random64()
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * 0x2545'F491'4F6C'DD1D;
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
    if (psci(0xC400'0003, 1, reinterpret_cast<u64>(&second_start)) != 0) return false; // CPU_ON
    const u64 start = now();
    while (second_is_on == 0)
        if (now() - start > 10'000 * ticks_per_ms()) return false;
    return true;
}

void stop_second()
{
    second_work = nullptr;
    barrier();
    stops_requested = stops_requested + 1;
    while (second_is_on != 0 && stops_seen != stops_requested) barrier();
}
