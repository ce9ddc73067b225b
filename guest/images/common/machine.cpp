// SPDX-License-Identifier: Apache-2.0
#include "guest/images/common/machine.hpp"

namespace {

u64 big_endian_32(const u8* at) { return u64{at[0]} << 24 | u64{at[1]} << 16 | u64{at[2]} << 8 | at[3]; }

} // namespace

void put(char c)
{
    while ((read32(console_address + 0x18) & bit(5)) != 0) { // FR.TXFF
    }
    write32(console_address, static_cast<u8>(c));
}

void print(const char* text)
{
    while (*text != 0) put(*text++);
}

void print(u64 decimal)
{
    char digits[20];
    u32 count = 0;
    do {
        digits[count++] = static_cast<char>('0' + decimal % 10);
        decimal /= 10;
    } while (decimal != 0);
    while (count != 0) put(digits[--count]);
}

u64 now()
{
    u64 ticks;
    asm volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(ticks)::"memory");
    return ticks;
}

u64 ticks_per_second() { return READ_REGISTER("cntfrq_el0"); }

i64 psci::call(Conduit conduit, u64 function, u64 a1, u64 a2, u64 a3)
{
    register u64 x0 asm("x0") = function;
    register u64 x1 asm("x1") = a1;
    register u64 x2 asm("x2") = a2;
    register u64 x3 asm("x3") = a3;
    if (conduit == Conduit::hvc)
        asm volatile("hvc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)::"memory");
    else
        asm volatile("smc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)::"memory");
    return (function & bit(30)) != 0 ? static_cast<i64>(x0) : static_cast<int>(x0);
}

void power_off()
{
    psci::call(psci::Conduit::hvc, psci::system_off);
    for (;;) asm volatile("wfi");
}

void read_parameter(const u8* tree, const char* name, u64& value)
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
