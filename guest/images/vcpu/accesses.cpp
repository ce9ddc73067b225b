// SPDX-License-Identifier: Apache-2.0
#include "runtime.hpp"

// Loads and stores that a device answers: what the syndrome describes, what it does not, and what nobody answers.

namespace {

constexpr u64 priorities = distributor + 0x440; // GICD_IPRIORITYR<16>: bytes, of which bits [7:3] are sure to exist
constexpr u64 routes = distributor + 0x6200;    // GICD_IROUTER<64>: doublewords
constexpr u64 divisor = uart + 0x24;            // UARTIBRD: 16 bits
constexpr u64 route_a = 0x0000'0012'0034'5608;
constexpr u64 route_b = 0x0000'0021'0043'6510;

u64 read64(u64 address)
{
    u64 value;
    asm volatile("ldr %0, [%1]" : "=r"(value) : "r"(address) : "memory");
    return value;
}

void prepare()
{
    write32(priorities, 0xF8F0'8880);
    write32(priorities + 4, 0x9010'2030);
    write32(divisor, 0x8001);
    asm volatile("stp %0, %1, [%2]" ::"r"(route_a), "r"(route_b), "r"(routes) : "memory");
}

/// A load of one register, which starts as all ones.
#define LOAD(instruction, address, expected)                                                                           \
    {                                                                                                                  \
        u64 value = ~u64{0};                                                                                           \
        const Fault fault = attempt([&] {                                                                              \
            asm volatile(instruction : "+r"(value) : "r"(static_cast<u64>(address)) : "memory");                       \
        });                                                                                                            \
        if (fault.taken != 0) value = fault.esr;                                                                       \
        check_equal(instruction, value, expected);                                                                     \
    }

/// A store of one register, and what stands there then.
#define STORE(instruction, address, stored, read_back, expected)                                                       \
    {                                                                                                                  \
        const Fault fault = attempt([&] {                                                                              \
            asm volatile(instruction ::"r"(static_cast<u64>(stored)), "r"(static_cast<u64>(address)) : "memory");      \
        });                                                                                                            \
        check_equal(instruction, fault.taken != 0 ? fault.esr : u64{read_back}, expected);                             \
    }

void described_loads()
{
    LOAD("ldrb %w0, [%1]", priorities, 0x80);
    LOAD("ldrsb %w0, [%1]", priorities, 0xFFFF'FF80);
    LOAD("ldrsb %0, [%1]", priorities, 0xFFFF'FFFF'FFFF'FF80);
    LOAD("ldrb %w0, [%1, #3]", priorities, 0xF8);
    LOAD("ldrsb %0, [%1, #5]", priorities, 0x20);
    LOAD("ldrh %w0, [%1]", divisor, 0x8001);
    LOAD("ldrsh %w0, [%1]", divisor, 0xFFFF'8001);
    LOAD("ldrsh %0, [%1]", divisor, 0xFFFF'FFFF'FFFF'8001);
    LOAD("ldr %w0, [%1]", priorities, 0xF8F0'8880);
    LOAD("ldrsw %0, [%1]", priorities, 0xFFFF'FFFF'F8F0'8880);
    LOAD("ldrsw %0, [%1, #4]", priorities, 0xFFFF'FFFF'9010'2030);
    LOAD("ldr %0, [%1]", routes, route_a);
    LOAD("ldar %w0, [%1]", priorities, 0xF8F0'8880);
    LOAD("ldtr %w0, [%1]", priorities, 0x9600'000D); // EL1 only: its own permission fault
}

void described_stores()
{
    STORE("strb %w0, [%1]", priorities + 8, 0x1A8, read32(priorities + 8) & 0xFF, 0xA8);
    STORE("strb wzr, [%1]", priorities + 8, 0, read32(priorities + 8) & 0xFF, 0);
    STORE("strh %w0, [%1]", divisor, 0x1'7F23, read32(divisor), 0x7F23);
    STORE("str %w0, [%1]", priorities + 12, 0x1234'5678'0818'2838, read32(priorities + 12), 0x0818'2838);
    STORE("stlr %w0, [%1]", priorities + 12, 0x4048'5058, read32(priorities + 12), 0x4048'5058);
    STORE("str %0, [%1]", routes + 16, route_b, read32(routes + 16), route_b & 0xFFFF'FFFF);
}

#define PAIR(instruction, address, low, high)                                                                          \
    {                                                                                                                  \
        u64 first = 0, second = 0;                                                                                     \
        const Fault fault = attempt([&] {                                                                              \
            asm volatile(instruction : "+r"(first), "+r"(second) : "r"(static_cast<u64>(address)) : "memory");         \
        });                                                                                                            \
        check(instruction, fault.taken == 0 && first == (low) && second == (high));                                    \
    }

void pairs()
{
    u64 first = route_b, second = route_a;
    asm volatile("stp %0, %1, [%2]" ::"r"(first), "r"(second), "r"(routes + 32) : "memory");
    PAIR("ldp %0, %1, [%2, #32]", routes, route_b, route_a);
    PAIR("ldp %0, %1, [%2]", routes, route_a, route_b);
    PAIR("ldnp %0, %1, [%2]", routes, route_a, route_b);
    if (settings.peer != 0) {
        leave_out("pairs of words", "there they are one access");
        return;
    }
    PAIR("ldp %w0, %w1, [%2]", priorities, 0xF8F0'8880, 0x9010'2030);
    PAIR("ldpsw %0, %1, [%2]", priorities, 0xFFFF'FFFF'F8F0'8880, 0xFFFF'FFFF'9010'2030);
    first = 0x0810'1820;
    second = 0x2830'3840;
    asm volatile("stp %w0, %w1, [%2]" ::"r"(first), "r"(second), "r"(priorities + 16) : "memory");
    check_equal("stp %w0, %w1, [%2]", read32(priorities + 16) + (u64{read32(priorities + 20)} << 32),
                0x2830'3840'0810'1820);
}

void write_back()
{
    u64 value = 0;
    u64 base = priorities;
    asm volatile("ldr %w0, [%1], #4" : "+r"(value), "+r"(base)::"memory");
    check("ldr %w0, [%1], #4", value == 0xF8F0'8880 && base == priorities + 4);
    base = priorities;
    asm volatile("ldr %w0, [%1, #4]!" : "+r"(value), "+r"(base)::"memory");
    check("ldr %w0, [%1, #4]!", value == 0x9010'2030 && base == priorities + 4);
    base = priorities + 24;
    value = 0x6068'7078;
    asm volatile("str %w0, [%1], #-8" : "+r"(value), "+r"(base)::"memory");
    check("str %w0, [%1], #-8", read32(priorities + 24) == 0x6068'7078 && base == priorities + 16);
    u64 second = 0;
    base = routes;
    asm volatile("ldp %0, %1, [%2], #16" : "+&r"(value), "+&r"(second), "+&r"(base)::"memory");
    check("ldp %0, %1, [%2], #16", value == route_a && second == route_b && base == routes + 16);
    base = hole;
    const Fault fault = attempt([&] { asm volatile("ldr %0, [%1], #8" : "+r"(value), "+r"(base)::"memory"); });
    check("ldr %0, [%1], #8 where nothing is", fault.taken != 0 && fault.far == hole);
}

#define SIMD(instruction, address, low, high)                                                                          \
    {                                                                                                                  \
        alignas(16) u64 result[2] = {};                                                                                \
        const Fault fault = attempt([&] {                                                                              \
            asm volatile(".arch_extension simd\n\tmovi v0.2d, #0\n\t" instruction "\n\tstr q0, [%0]" ::"r"(result),    \
                         "r"(static_cast<u64>(address))                                                                \
                         : "memory");                                                                                  \
        });                                                                                                            \
        check(instruction, fault.taken == 0 && result[0] == (low) && result[1] == (high));                             \
    }

void vectors()
{
    WRITE_REGISTER("cpacr_el1", u64{3} << 20);
    SIMD("ldr b0, [%1]", priorities, 0x80, 0);
    SIMD("ldr s0, [%1]", priorities, 0xF8F0'8880, 0);
    SIMD("ldr d0, [%1]", routes, route_a, 0);
    SIMD("ldr q0, [%1]", routes, route_a, route_b);
    SIMD("ldp s1, s0, [%1]", priorities, 0x9010'2030, 0);
    SIMD("ldp q1, q0, [%1]", routes, read64(routes + 16), read64(routes + 24));
    SIMD("ld1 {v0.2d}, [%1]", routes, route_a, route_b);
    SIMD("ld1 {v0.s}[1], [%1]", priorities, u64{0xF8F0'8880} << 32, 0);
    SIMD("ld1r {v0.4s}, [%1]", priorities, 0xF8F0'8880'F8F0'8880, 0xF8F0'8880'F8F0'8880);
    SIMD("ld2 {v0.2d, v1.2d}, [%1]", routes, route_a, read64(routes + 16));
    asm volatile(".arch_extension simd\n\tldr q0, [%0]\n\tstr q0, [%0, #48]" ::"r"(routes) : "memory");
    SIMD("ldr q0, [%1, #48]", routes, route_a, route_b);
}

#define ATOMIC(name, instruction, address, operand, old, after)                                                        \
    {                                                                                                                  \
        u64 value = operand;                                                                                           \
        const Fault fault = attempt([&] {                                                                              \
            asm volatile(".arch_extension lse\n\t" instruction                                                         \
                         : "+&r"(value)                                                                                \
                         : "r"(static_cast<u64>(address))                                                              \
                         : "memory", "x9", "x10");                                                                     \
        });                                                                                                            \
        check(name, fault.taken == 0 && value == (old) && read32(address) == (after));                                 \
    }

void atomics()
{
    if ((READ_REGISTER("id_aa64isar0_el1") >> 20 & 0xF) < 2) {
        leave_out("atomics", "the CPU has none");
        return;
    }
    write32(priorities + 28, 0x1020'3040);
    ATOMIC("ldadd", "ldadd %w0, %w0, [%1]", priorities + 28, 0x0808'0808, 0x1020'3040, 0x1828'3848);
    ATOMIC("swpal", "swpal %w0, %w0, [%1]", priorities + 28, 0x4040'4040, 0x1828'3848, 0x4040'4040);
    ATOMIC("ldclr", "ldclr %w0, %w0, [%1]", priorities + 28, 0x4040'0000, 0x4040'4040, 0x0000'4040);
    ATOMIC("ldumax", "ldumax %w0, %w0, [%1]", priorities + 28, 0x8000'0000, 0x0000'4040, 0x8000'0000);
    ATOMIC("ldsmax", "ldsmax %w0, %w0, [%1]", priorities + 28, 0x10, 0x8000'0000, 0x10);
    ATOMIC("cas that swaps", "mov w9, %w0\n\tmov w10, #0x20\n\tcas w9, w10, [%1]\n\tmov %w0, w9", priorities + 28, 0x10,
           0x10, 0x20);
    ATOMIC("cas that does not", "mov w9, %w0\n\tmov w10, #0x40\n\tcas w9, w10, [%1]\n\tmov %w0, w9", priorities + 28,
           0x10, 0x20, 0x20);
}

/// Through the mapping as Normal memory, which allows what a device's does not.
void normal_memory()
{
    LOAD("ldr %w0, [%1]", as_memory + priorities, 0xF8F0'8880);
    const Fault prefetch = attempt([] { asm volatile("prfm pldl1keep, [%0]" ::"r"(as_memory + priorities)); });
    check("prfm pldl1keep, [%0]", prefetch.taken == 0);
    const Fault clean = attempt([] { asm volatile("dc civac, %0" ::"r"(as_memory + priorities) : "memory"); });
    check("dc civac, of a device", clean.taken == 0);
    const Fault clean_hole = attempt([] { asm volatile("dc cvac, %0" ::"r"(hole_as_memory) : "memory"); });
    check("dc cvac, of nothing", clean_hole.taken == 0);
    if (settings.peer != 0) {
        leave_out("unaligned accesses, dc zva and exclusives of devices", "there they do as they like");
        return;
    }
    LOAD("ldur %w0, [%1, #1]", as_memory + priorities, 0x30F8'F088);
    LOAD("ldr %0, [%1]", as_memory + priorities + 1,
         (u64{read32(priorities + 8)} & 0xFF) << 56 | 0x0090'1020'30F8'F088);
    const u64 block = 4U << (READ_REGISTER("dczid_el0") & 0xF);
    const u64 at = as_memory + ((routes + 0x100) & ~(block - 1));
    for (u64 i = 0; i < block; i += 8) asm volatile("str %0, [%1]" ::"r"(route_a), "r"(at + i) : "memory");
    const Fault zero = attempt([at] { asm volatile("dc zva, %0" ::"r"(at + 8) : "memory"); });
    bool cleared = zero.taken == 0;
    for (u64 i = 0; i < block; i += 8) cleared = cleared && read64(at + i) == 0;
    check("dc zva, of a device", cleared);
    u64 value = 0x77;
    const Fault exclusive = attempt([&] {
        asm volatile("ldxr %w0, [%1]" : "+r"(value) : "r"(as_memory + priorities) : "memory");
    });
    if (settings.trapped != 0)
        check_equal("ldxr, of a device: unsupported exclusive", exclusive.esr & ~bit(25), 0x9400'0035);
    else
        leave_out("ldxr, of a device", "nobody traps it");
}

/// Nobody answers: an external abort at the access, the register as it was.
#define NOBODY(instruction, write)                                                                                     \
    {                                                                                                                  \
        u64 value = 0x55;                                                                                              \
        const Fault fault = attempt([&] { asm volatile(instruction : "+r"(value) : "r"(hole + 0x128) : "memory"); });  \
        const u64 mask = 0xFC00'007F;                                                                                  \
        check_equal(instruction " where nothing is", fault.taken != 0 ? fault.esr & mask : 0,                          \
                    0x9400'0010 | ((write) != 0 ? bit(6) : 0));                                                        \
        check_equal("its address", fault.far, hole + 0x128);                                                           \
        check_equal("its register", value, 0x55);                                                                      \
    }

void nobody()
{
    NOBODY("ldr %0, [%1]", 0);
    NOBODY("ldrsb %w0, [%1]", 0);
    NOBODY("str %0, [%1]", 1);
    NOBODY("ldp %0, xzr, [%1]", 0);
    NOBODY("stp %0, xzr, [%1]", 1);
}

} // namespace

void run_accesses()
{
    prepare();
    described_loads();
    described_stores();
    pairs();
    write_back();
    vectors();
    atomics();
    prepare();
    normal_memory();
    nobody();
}
