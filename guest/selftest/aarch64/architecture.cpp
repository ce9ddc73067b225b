// SPDX-License-Identifier: Apache-2.0
#include "guest/selftest/architecture.hpp"

#include <sys/ptrace.h>
#include <sys/uio.h>

#include <array>
#include <csignal>
#include <cstring>

#include "guest/selftest/aarch64/code.hpp"
#include "guest/selftest/support.hpp"

namespace gimbal::selftest {

namespace {

// In the layout that hold_registers.S has.
struct alignas(16) VectorState {
    u64 v[64];
    u64 fpcr;
    u64 fpsr;
};
static_assert(__builtin_offsetof(VectorState, fpcr) == 512 && __builtin_offsetof(VectorState, fpsr) == 520);

extern "C" void selftest_hold_registers(const VectorState* from, VectorState* to, u64 yields);
extern "C" void selftest_undefined();

// AHP, DN, FZ, RMode; the trap enables are RES0 where traps are not implemented.
constexpr u64 fpcr_mask = 0x07C0'0000;
// QC, IDC, IXC, UFC, OFC, DZC, IOC.
constexpr u64 fpsr_mask = 0x0800'009F;

constexpr u32 nt_prstatus = 1;
struct GeneralRegisters {
    u64 x[31];
    u64 sp;
    u64 pc;
    u64 pstate;
};

bool access_registers(bool write, pid_t tracee, GeneralRegisters& registers)
{
    iovec vector{.iov_base = &registers, .iov_len = sizeof(registers)};
    return ptrace(write ? PTRACE_SETREGSET : PTRACE_GETREGSET, tracee, nt_prstatus, &vector) == 0;
}

} // namespace

namespace architecture {

std::optional<Counter> read_counter()
{
    Counter result;
    asm volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(result.ticks)::"memory");
    asm volatile("mrs %0, cntfrq_el0" : "=r"(result.hz));
    return result;
}

u32 registers_lost(u64 seed, u64 yields)
{
    Sequence sequence(seed);
    VectorState before{};
    VectorState after{};
    for (u64& half : before.v) half = sequence.next();
    before.fpcr = sequence.next() & fpcr_mask;
    before.fpsr = sequence.next() & fpsr_mask;
    selftest_hold_registers(&before, &after, yields);
    u32 lost = before.fpcr != after.fpcr ? 1 : 0;
    lost += before.fpsr != after.fpsr ? 1 : 0;
    for (usize index = 0; index < 64; index += 2)
        lost += before.v[index] != after.v[index] || before.v[index + 1] != after.v[index + 1] ? 1 : 0;
    return lost;
}

void spoil_registers()
{
    VectorState state{};
    state.fpcr = fpcr_mask;
    state.fpsr = fpsr_mask;
    memset(state.v, 0xA5, sizeof(state.v));
    selftest_hold_registers(&state, &state, 0);
}

usize emit_return(std::span<u8> code, u32 value)
{
    const std::array<u32, 3> words{
        0x5280'0000 | ((value & 0xFFFF) << 5), // movz w0, #low
        0x72A0'0000 | ((value >> 16) << 5),    // movk w0, #high, lsl #16
        0xD65F'03C0,                           // ret
    };
    memcpy(code.data(), words.data(), sizeof(words));
    return sizeof(words);
}

void instruction_barrier() { asm volatile("isb" ::: "memory"); }

void execute_undefined() { selftest_undefined(); }
usize undefined_address() { return reinterpret_cast<usize>(&selftest_undefined); }
int undefined_code() { return ILL_ILLOPC; }

SteppedCode stepped_code()
{
    static constexpr std::array<u16, 22> offsets{0,  4,  8,  12, 16, 8,  12, 16, 8,  12, 16,
                                                 20, 60, 64, 24, 28, 32, 36, 40, 44, 48, 52};
    return {stepped_address(), offsets, 36, TRAP_TRACE, true};
}

std::optional<usize> program_counter(pid_t tracee)
{
    GeneralRegisters registers{};
    if (!access_registers(false, tracee, registers)) return std::nullopt;
    return registers.pc;
}

bool set_program_counter(pid_t tracee, usize value)
{
    GeneralRegisters registers{};
    if (!access_registers(false, tracee, registers)) return false;
    registers.pc = value;
    return access_registers(true, tracee, registers);
}

} // namespace architecture
} // namespace gimbal::selftest
