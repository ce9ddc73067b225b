// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <csetjmp>
#include <csignal>

#include "guest/selftest/architecture.hpp"
#include "guest/selftest/checks.hpp"
#include "guest/selftest/support.hpp"

namespace gimbal::selftest {
namespace {

struct Taken {
    int signal{};
    int value{};
};

std::array<Taken, 64> taken;
volatile sig_atomic_t taken_count;

void note(int signal, siginfo_t* info, void*)
{
    taken[static_cast<usize>(taken_count)] = {signal, info->si_value.sival_int};
    taken_count = taken_count + 1;
}

// The last fault, and where its handler goes on.
sigjmp_buf after_fault;
siginfo_t fault;
usize handler_stack;

void note_fault(int, siginfo_t* info, void*)
{
    fault = *info;
    handler_stack = reinterpret_cast<usize>(__builtin_frame_address(0));
    siglongjmp(after_fault, 1);
}

void handle(int signal, void (*handler)(int, siginfo_t*, void*), int flags)
{
    struct sigaction action{};
    action.sa_sigaction = handler;
    action.sa_flags = SA_SIGINFO | flags;
    sigaction(signal, &action, nullptr);
}

// Runs `access` and compares the signal it ends with.
template <class Access> Outcome expect_fault(const char* what, int signal, int code, usize address, Access&& access)
{
    fault = {};
    if (sigsetjmp(after_fault, 1) == 0) {
        access();
        return failed("%s: no signal", what);
    }
    SELFTEST_REQUIRE(fault.si_signo == signal && fault.si_code == code, "%s: signal %d code %d, not %d code %d", what,
                     fault.si_signo, fault.si_code, signal, code);
    SELFTEST_REQUIRE(reinterpret_cast<usize>(fault.si_addr) == address, "%s: at %p, not %#zx", what, fault.si_addr,
                     address);
    return passed("%s", what);
}

// Deep enough for a stack of megabytes; the buffer keeps the compiler from making a loop of it.
[[gnu::noinline]] int recurse(int depth)
{
    volatile char buffer[4096];
    buffer[0] = static_cast<char>(depth);
    return depth == 0 ? 0 : recurse(depth - 1) + buffer[0];
}

u32 depth_now;
u32 depth_most;

// Raises the next signal from within the handler of the last.
void nest(int signal, siginfo_t*, void*)
{
    ++depth_now;
    if (depth_now > depth_most) depth_most = depth_now;
    if (depth_now < 24) raise(signal == SIGUSR1 ? SIGUSR2 : SIGUSR1);
    --depth_now;
}

} // namespace

Outcome queued_signals()
{
    constexpr int kinds = 6;
    constexpr int each = 8;
    sigset_t set;
    sigemptyset(&set);
    for (int kind = 0; kind < kinds; ++kind) sigaddset(&set, SIGRTMIN + kind);
    sigset_t before;
    sigprocmask(SIG_BLOCK, &set, &before);
    for (int kind = 0; kind < kinds; ++kind) {
        struct sigaction action{};
        action.sa_sigaction = note;
        action.sa_flags = SA_SIGINFO;
        action.sa_mask = set; // one after the other
        sigaction(SIGRTMIN + kind, &action, nullptr);
    }
    for (int value = 0; value < each; ++value) {
        for (int kind = kinds - 1; kind >= 0; --kind) {
            sigval payload{};
            payload.sival_int = value * 100 + kind;
            SELFTEST_REQUIRE(sigqueue(getpid(), SIGRTMIN + kind, payload) == 0, "sigqueue failed");
        }
    }
    sigprocmask(SIG_SETMASK, &before, nullptr);
    SELFTEST_REQUIRE(taken_count == kinds * each, "%d signals of %d", static_cast<int>(taken_count), kinds * each);
    // The lowest number first, and in the order they were sent within a number (signal(7)).
    for (int index = 0; index < kinds * each; ++index) {
        const int kind = index / each;
        const Taken& signal = taken[static_cast<usize>(index)];
        SELFTEST_REQUIRE(signal.signal == SIGRTMIN + kind && signal.value == index % each * 100 + kind,
                         "number %d is signal %d with %d", index, signal.signal - SIGRTMIN, signal.value);
    }
    return passed("%d in order", kinds * each);
}

Outcome fault_signals()
{
    const auto page = static_cast<usize>(sysconf(_SC_PAGESIZE));
    const Mapping handler_memory(64 * 1024);
    const Mapping memory(4 * page);
    SELFTEST_REQUIRE(!handler_memory.empty() && !memory.empty(), "no memory");
    const stack_t stack{.ss_sp = handler_memory.data(), .ss_flags = 0, .ss_size = handler_memory.bytes().size()};
    SELFTEST_REQUIRE(sigaltstack(&stack, nullptr) == 0, "no alternate stack");
    for (const int signal : {SIGSEGV, SIGBUS, SIGILL}) handle(signal, note_fault, SA_ONSTACK);

    const auto base = reinterpret_cast<usize>(memory.data());
    auto* const at = reinterpret_cast<volatile u8*>(base);
    munmap(memory.data() + 3 * page, page);
    mprotect(memory.data(), page, PROT_READ);
    mprotect(memory.data() + page, page, PROT_NONE);
    SELFTEST_TRY(expect_fault("write to read-only", SIGSEGV, SEGV_ACCERR, base + 5, [&] { at[5] = 1; }));
    SELFTEST_TRY(expect_fault("read of PROT_NONE", SIGSEGV, SEGV_ACCERR, base + page + 9,
                              [&] { static_cast<void>(at[page + 9]); }));
    SELFTEST_TRY(expect_fault("read of nothing", SIGSEGV, SEGV_MAPERR, base + 3 * page,
                              [&] { static_cast<void>(at[3 * page]); }));
    // The faulting byte is the first that is not there, not the first of the access.
    SELFTEST_TRY(expect_fault("read across the end", SIGSEGV, SEGV_MAPERR, base + 3 * page, [&] {
        u64 value = 0;
        __builtin_memcpy(&value, const_cast<u8*>(&at[3 * page - 3]), sizeof(value));
        asm volatile("" ::"r"(value));
    }));
    SELFTEST_TRY(expect_fault("jump to data", SIGSEGV, SEGV_ACCERR, base + 2 * page,
                              [&] { reinterpret_cast<void (*)()>(base + 2 * page)(); }));
    SELFTEST_TRY(expect_fault("undefined instruction", SIGILL, architecture::undefined_code(),
                              architecture::undefined_address(), [] { architecture::execute_undefined(); }));

    const File file(memfd_create("selftest", MFD_CLOEXEC));
    void* const beyond = mmap(nullptr, page, PROT_READ, MAP_SHARED, file.fd(), 0);
    SELFTEST_REQUIRE(beyond != MAP_FAILED, "no file mapping");
    SELFTEST_TRY(expect_fault("read past a file's end", SIGBUS, BUS_ADRERR, reinterpret_cast<usize>(beyond),
                              [&] { static_cast<void>(*static_cast<volatile u8*>(beyond)); }));
    munmap(beyond, page);

    // A stack that is used up: the handler can only run on the other one.
    if (sigsetjmp(after_fault, 1) == 0) return failed("16 GiB of stack, %d", recurse(4 << 20));
    SELFTEST_REQUIRE(fault.si_signo == SIGSEGV, "the stack's end: signal %d", fault.si_signo);
    const auto stack_base = reinterpret_cast<usize>(handler_memory.data());
    SELFTEST_REQUIRE(handler_stack >= stack_base && handler_stack < stack_base + stack.ss_size,
                     "the handler ran on the stack that was used up");
    return passed("addresses and codes, and a stack used up");
}

Outcome nested_signals()
{
    handle(SIGUSR1, nest, SA_NODEFER);
    handle(SIGUSR2, nest, SA_NODEFER);
    for (u32 round = 0; round < 50; ++round) {
        raise(SIGUSR1);
        SELFTEST_REQUIRE(depth_now == 0 && depth_most == 24, "depth %u, %u left", depth_most, depth_now);
    }
    return passed("24 deep, 50 times");
}

} // namespace gimbal::selftest
