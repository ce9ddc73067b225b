// SPDX-License-Identifier: Apache-2.0
// What an AArch64 program can do that others cannot.
#include <elf.h>
#include <pthread.h>
#include <sys/auxv.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>

#include "guest/selftest/aarch64/code.hpp"
#include "guest/selftest/architecture.hpp"
#include "guest/selftest/check.hpp"
#include "guest/selftest/support.hpp"

namespace gimbal::selftest {
namespace {

// Linux, Documentation/arm64/elf_hwcaps.rst.
constexpr u64 hwcap_aes = 1 << 3;
constexpr u64 hwcap_crc32 = 1 << 7;
constexpr u64 hwcap_cpuid = 1 << 11;

struct Field {
    u64 hwcap;
    u32 shift;
    const char* name;
};

// Of ID_AA64ISAR0_EL1: the field that says the same as the hwcap.
constexpr std::array<Field, 3> isar0_fields{
    {{hwcap_aes, 4, "AES"}, {hwcap_crc32, 16, "CRC32"}, {hwcap_atomics, 20, "Atomic"}}
};

Outcome identification()
{
    const u64 hwcaps = getauxval(AT_HWCAP);
    if ((hwcaps & hwcap_cpuid) == 0) return skipped("the kernel does not show the ID registers");
    u64 isar0 = 0;
    u64 midr = 0;
    u64 ctr = 0;
    asm volatile("mrs %0, id_aa64isar0_el1" : "=r"(isar0));
    asm volatile("mrs %0, midr_el1" : "=r"(midr));
    asm volatile("mrs %0, ctr_el0" : "=r"(ctr));
    for (const Field& field : isar0_fields)
        SELFTEST_REQUIRE(((hwcaps & field.hwcap) != 0) == (((isar0 >> field.shift) & 15) != 0),
                         "%s: hwcap and ID_AA64ISAR0_EL1 %#llx differ", field.name,
                         static_cast<unsigned long long>(isar0));
    SELFTEST_REQUIRE((ctr >> 31 & 1) == 1, "CTR_EL0 %#llx: bit 31 is RES1", static_cast<unsigned long long>(ctr));
    return passed("MIDR_EL1 %#llx", static_cast<unsigned long long>(midr));
}

Outcome crc32_instructions()
{
    if ((getauxval(AT_HWCAP) & hwcap_crc32) == 0) return skipped("no CRC32");
    std::array<u8, 1024> bytes{};
    Sequence sequence(9);
    for (u8& byte : bytes) byte = static_cast<u8>(sequence.next());
    u32 crc = ~0U;
    for (usize at = 0; at < bytes.size(); at += sizeof(u64)) {
        u64 value = 0;
        memcpy(&value, bytes.data() + at, sizeof(value));
        asm(".arch_extension crc\n\tcrc32x %w0, %w0, %1" : "+r"(crc) : "r"(value));
    }
    SELFTEST_REQUIRE(~crc == crc32(bytes), "%08x, not %08x", ~crc, crc32(bytes));
    return passed("as the table has it");
}

struct alignas(64) Counters {
    u64 exclusive{};
    u64 large_system{};
};

constexpr u64 counter_rounds = 20'000;

// Both kinds of atomic on one line, by assembly: the compiler would choose for us.
void* count(void* argument)
{
    auto& counters = *static_cast<Counters*>(argument);
    for (u64 round = 0; round < counter_rounds; ++round) {
        u64 value = 0;
        u32 status = 0;
        asm volatile("1: ldxr %0, %2\n\tadd %0, %0, #1\n\tstxr %w1, %0, %2\n\tcbnz %w1, 1b"
                     : "=&r"(value), "=&r"(status), "+Q"(counters.exclusive)::"memory");
        asm volatile(".arch_extension lse\n\tldadd %1, %0, %2"
                     : "=r"(value)
                     : "r"(u64{1}), "Q"(counters.large_system)
                     : "memory");
    }
    return nullptr;
}

Outcome both_atomics()
{
    if (!has_atomics()) return skipped("no LSE");
    Counters counters;
    std::array<pthread_t, 4> threads{};
    for (pthread_t& thread : threads)
        SELFTEST_REQUIRE(pthread_create(&thread, nullptr, count, &counters) == 0, "no thread");
    for (const pthread_t thread : threads) pthread_join(thread, nullptr);
    constexpr u64 total = counter_rounds * 4;
    SELFTEST_REQUIRE(counters.exclusive == total && counters.large_system == total,
                     "%llu by exclusives, %llu by LDADD, of %llu", static_cast<unsigned long long>(counters.exclusive),
                     static_cast<unsigned long long>(counters.large_system), static_cast<unsigned long long>(total));
    return passed("exclusives and LDADD, %llu each", static_cast<unsigned long long>(total));
}

// struct user_hwdebug_state of the kernel (asm/ptrace.h).
struct DebugRegisters {
    u32 info{};
    u32 padding{};
    struct {
        u64 address{};
        u32 control{};
        u32 padding{};
    } registers[16];
};

constexpr u32 enabled_at_el0 = 1 | (2 << 1);
constexpr u32 on_store = 2 << 3;

struct Debugged {
    pid_t tracee{};

    bool access(bool write, u32 set, DebugRegisters& state, usize count) const
    {
        iovec vector{.iov_base = &state, .iov_len = 8 + count * sizeof(state.registers[0])};
        return ptrace(write ? PTRACE_SETREGSET : PTRACE_GETREGSET, tracee, set, &vector) == 0;
    }

    // Continues from the beginning of the stepped code and compares where and why it stops.
    Outcome stops_at(const char* what, const void* pc, const u8* lowest, const u8* highest) const
    {
        SELFTEST_REQUIRE(architecture::set_program_counter(tracee, architecture::stepped_code().address), "no pc");
        ptrace(PTRACE_CONT, tracee, nullptr, nullptr);
        int status = 0;
        SELFTEST_REQUIRE(waitpid(tracee, &status, 0) == tracee && WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP,
                         "%s: status %#x", what, static_cast<unsigned>(status));
        siginfo_t info{};
        ptrace(PTRACE_GETSIGINFO, tracee, nullptr, &info);
        SELFTEST_REQUIRE(info.si_code == 4, "%s: code %d, not TRAP_HWBKPT", what, info.si_code);
        const auto* const address = static_cast<const u8*>(info.si_addr);
        SELFTEST_REQUIRE(address >= lowest && address <= highest, "%s: address %p, not %p to %p", what, info.si_addr,
                         static_cast<const void*>(lowest), static_cast<const void*>(highest));
        const auto at = architecture::program_counter(tracee);
        SELFTEST_REQUIRE(at && *at == reinterpret_cast<usize>(pc), "%s: stopped at %#zx, not at %p", what,
                         at.value_or(0), pc);
        return passed("%s", what);
    }
};

Outcome hit_both(const Debugged& debugged)
{
    DebugRegisters breakpoints;
    DebugRegisters watchpoints;
    if (!debugged.access(false, NT_ARM_HW_BREAK, breakpoints, 16) ||
        !debugged.access(false, NT_ARM_HW_WATCH, watchpoints, 16))
        return skipped("the kernel offers none");
    const u32 breakpoint_count = breakpoints.info & 0xFF;
    const u32 watchpoint_count = watchpoints.info & 0xFF;
    if (breakpoint_count == 0 || watchpoint_count == 0) return skipped("the CPU has none");

    const auto* const store = reinterpret_cast<const u8*>(stepped_address() + stepped_store_offset);
    breakpoints.registers[0] = {
        .address = reinterpret_cast<usize>(store) - 16, .control = enabled_at_el0 | (0xF << 5), .padding = 0};
    SELFTEST_REQUIRE(debugged.access(true, NT_ARM_HW_BREAK, breakpoints, 1), "the breakpoint is refused");
    SELFTEST_TRY(debugged.stops_at("breakpoint", store - 16, store - 16, store - 16));
    breakpoints.registers[0].control = 0;
    SELFTEST_REQUIRE(debugged.access(true, NT_ARM_HW_BREAK, breakpoints, 1), "the breakpoint stays");

    // Four bytes in the middle of what the store writes.
    const u8* const watched = selftest_stepped_data + 8;
    watchpoints.registers[0] = {
        .address = reinterpret_cast<usize>(watched), .control = enabled_at_el0 | on_store | (0x3C << 5), .padding = 0};
    SELFTEST_REQUIRE(debugged.access(true, NT_ARM_HW_WATCH, watchpoints, 1), "the watchpoint is refused");
    // FAR_EL1 is at least the lowest address of the access and at most the highest one that is watched.
    SELFTEST_TRY(debugged.stops_at("watchpoint", store, watched, watched + 5));
    return passed("%u breakpoints and %u watchpoints, the first of each hit", breakpoint_count, watchpoint_count);
}

Outcome debug_registers()
{
    const pid_t child = fork();
    if (child == 0) {
        ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
        raise(SIGSTOP);
        _exit(0);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFSTOPPED(status))
        return skipped("ptrace is not allowed");
    const Outcome outcome = hit_both({child});
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    return outcome;
}

constexpr std::array<Check, 4> checks{
    {
     {"aarch64-identification", identification},
     {"aarch64-crc32", crc32_instructions},
     {"aarch64-both-atomics", both_atomics},
     {"aarch64-debug-registers", debug_registers},
     }
};

} // namespace

std::span<const Check> architecture_checks() { return checks; }

} // namespace gimbal::selftest
