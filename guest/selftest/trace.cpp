// SPDX-License-Identifier: Apache-2.0
// A debugger's view of a process: ptrace.
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "guest/selftest/architecture.hpp"
#include "guest/selftest/checks.hpp"
#include "guest/selftest/support.hpp"

namespace gimbal::selftest {
namespace {

// A child that its parent traces, stopped before it does anything.
pid_t start_tracee(void (*body)())
{
    const pid_t child = fork();
    if (child == 0) {
        ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
        raise(SIGSTOP);
        body();
        _exit(0);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) return -1;
    return child;
}

// Lets a stopped tracee go on; the signal it stops with next, 0 if it ended.
int go_on(int request, pid_t tracee)
{
    int status = 0;
    if (ptrace(static_cast<__ptrace_request>(request), tracee, nullptr, nullptr) != 0) return 0;
    return waitpid(tracee, &status, 0) == tracee && WIFSTOPPED(status) ? WSTOPSIG(status) : 0;
}

void end(pid_t tracee)
{
    kill(tracee, SIGKILL);
    waitpid(tracee, nullptr, 0);
}

// One step; it has to end as a step does.
Outcome step(pid_t tracee, u32 number, int code)
{
    const int signal = go_on(PTRACE_SINGLESTEP, tracee);
    SELFTEST_REQUIRE(signal == SIGTRAP, "step %u ended with signal %d", number, signal);
    siginfo_t info{};
    SELFTEST_REQUIRE(ptrace(PTRACE_GETSIGINFO, tracee, nullptr, &info) == 0, "step %u: no information", number);
    SELFTEST_REQUIRE(info.si_code == code, "step %u: code %d, not %d", number, info.si_code, code);
    return passed("%u", number);
}

Outcome step_through(pid_t tracee)
{
    const architecture::SteppedCode code = architecture::stepped_code();
    SELFTEST_REQUIRE(architecture::set_program_counter(tracee, code.address), "the program counter cannot be set");
    u32 steps = 0;
    for (const u16 offset : code.offsets) {
        const auto at = architecture::program_counter(tracee);
        SELFTEST_REQUIRE(at, "the program counter cannot be read");
        SELFTEST_REQUIRE(*at == code.address + offset, "after %u steps at %+lld, not at %+d", steps,
                         static_cast<long long>(*at - code.address), offset);
        const bool calls = offset == code.system_call;
        if (calls && code.stops_twice)
            SELFTEST_REQUIRE(go_on(PTRACE_SINGLESTEP, tracee) == SIGTRAP, "no stop after the system call");
        SELFTEST_TRY(step(tracee, ++steps, calls ? code.system_call_code : TRAP_TRACE));
    }
    // Then without steps into the breakpoint at the end.
    const int signal = go_on(PTRACE_CONT, tracee);
    SELFTEST_REQUIRE(signal == SIGTRAP, "the breakpoint raised signal %d", signal);
    return passed("%u steps, each where it has to be", steps);
}

void call_kernel()
{
    for (u32 round = 0; round < 50; ++round) syscall(SYS_getppid);
}

} // namespace

Outcome single_steps()
{
    const pid_t tracee = start_tracee([] { pause(); });
    if (tracee < 0) return skipped("ptrace is not allowed");
    Outcome outcome = passed("none");
    for (u32 round = 0; round < 10 && outcome.kind == Outcome::Kind::passed; ++round) outcome = step_through(tracee);
    end(tracee);
    return outcome;
}

Outcome traced_system_calls()
{
    const pid_t tracee = start_tracee(call_kernel);
    if (tracee < 0) return skipped("ptrace is not allowed");
    ptrace(PTRACE_SETOPTIONS, tracee, nullptr, reinterpret_cast<void*>(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL));
    u32 entries = 0;
    u32 exits = 0;
    while (go_on(PTRACE_SYSCALL, tracee) == (SIGTRAP | 0x80)) {
        __ptrace_syscall_info info{};
        SELFTEST_REQUIRE(ptrace(PTRACE_GET_SYSCALL_INFO, tracee, sizeof(info), &info) > 0, "no information on a call");
        if (info.op == PTRACE_SYSCALL_INFO_ENTRY && info.entry.nr == SYS_getppid) ++entries;
        if (info.op == PTRACE_SYSCALL_INFO_EXIT && info.exit.rval == getpid()) ++exits;
    }
    SELFTEST_REQUIRE(entries == 50 && exits >= 50, "%u entries and %u exits of 50 calls", entries, exits);
    return passed("50 seen, in and out");
}

} // namespace gimbal::selftest
