// SPDX-License-Identifier: Apache-2.0
// For runs on the build machine, where the common checks are checked themselves.
#include "guest/selftest/architecture.hpp"

#include <sys/ptrace.h>
#include <sys/user.h>

#include <array>
#include <csignal>
#include <cstddef>
#include <cstring>

#include "guest/selftest/check.hpp"
#include "guest/selftest/support.hpp"

namespace gimbal::selftest {

namespace {

struct alignas(16) VectorState {
    u64 xmm[32];
};

extern "C" void selftest_hold_registers(const VectorState* from, VectorState* to, u64 yields);
extern "C" void selftest_undefined();
extern "C" void selftest_stepped();

} // namespace

std::span<const Check> architecture_checks() { return {}; }

namespace architecture {

// The time-stamp counter has a frequency that only the kernel knows.
std::optional<Counter> read_counter() { return std::nullopt; }

u32 registers_lost(u64 seed, u64 yields)
{
    Sequence sequence(seed);
    VectorState before{};
    VectorState after{};
    for (u64& half : before.xmm) half = sequence.next();
    selftest_hold_registers(&before, &after, yields);
    u32 lost = 0;
    for (usize index = 0; index < 32; index += 2)
        lost += before.xmm[index] != after.xmm[index] || before.xmm[index + 1] != after.xmm[index + 1] ? 1 : 0;
    return lost;
}

void spoil_registers()
{
    VectorState state{};
    memset(state.xmm, 0xA5, sizeof(state.xmm));
    selftest_hold_registers(&state, &state, 0);
}

usize emit_return(std::span<u8> code, u32 value)
{
    code[0] = 0xB8; // mov $value, %eax
    memcpy(&code[1], &value, sizeof(value));
    code[5] = 0xC3; // ret
    return 6;
}

void instruction_barrier() {}

void execute_undefined() { selftest_undefined(); }
usize undefined_address() { return reinterpret_cast<usize>(&selftest_undefined); }
int undefined_code() { return ILL_ILLOPN; }

SteppedCode stepped_code()
{
    static constexpr std::array<u16, 10> offsets{0, 5, 7, 5, 7, 5, 7, 9, 14, 16};
    return {reinterpret_cast<usize>(&selftest_stepped), offsets, 14, TRAP_BRKPT, false};
}

std::optional<usize> program_counter(pid_t tracee)
{
    user_regs_struct registers{};
    if (ptrace(PTRACE_GETREGS, tracee, nullptr, &registers) != 0) return std::nullopt;
    return registers.rip;
}

bool set_program_counter(pid_t tracee, usize value)
{
    user_regs_struct registers{};
    if (ptrace(PTRACE_GETREGS, tracee, nullptr, &registers) != 0) return false;
    registers.rip = value;
    registers.orig_rax = ~0ULL; // no system call to restart
    return ptrace(PTRACE_SETREGS, tracee, nullptr, &registers) == 0;
}

} // namespace architecture
} // namespace gimbal::selftest
