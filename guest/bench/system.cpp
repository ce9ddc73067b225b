// SPDX-License-Identifier: Apache-2.0
#include <cerrno>

#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest/bench/bench.hpp"

// What a kernel does for a process: exceptions, page tables, switches.
namespace gimbal::bench {
namespace {

/// Waits for `child`; its exit status must be `status`.
void reap(pid_t child, int status)
{
    int found = 0;
    if (waitpid(child, &found, 0) != child) give_up("waitpid");
    errno = 0;
    if (!WIFEXITED(found) || WEXITSTATUS(found) != status) give_up("a child ended in another way than it was told to");
}

void transfer(int fd, u64& word, bool in)
{
    const ssize_t moved = in ? read(fd, &word, sizeof word) : write(fd, &word, sizeof word);
    if (moved != sizeof word) give_up(in ? "reading a pipe" : "writing a pipe");
}

} // namespace

u64 run_syscall(const Job& job, Stopwatch& watch)
{
    const auto parent = static_cast<u64>(getppid());
    u64 same = 0;
    const u64 rounds = job.rounds(64'000);
    watch.start();
    for (u64 i = 0; i < rounds; ++i) same += static_cast<u64>(syscall(SYS_getppid)) == parent;
    watch.stop();
    return same;
}

u64 run_fault(const Job& job, Stopwatch& watch)
{
    constexpr usize page = 4096;
    constexpr usize pages = 64;
    u64 zeroes = 0;
    const u64 rounds = job.rounds(96);
    watch.start();
    for (u64 round = 0; round < rounds; ++round) {
        void* area = mmap(nullptr, pages * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (area == MAP_FAILED) give_up("mmap");
        auto* bytes = static_cast<volatile u8*>(area);
        for (usize i = 0; i < pages; ++i) {
            bytes[i * page] = 1;
            zeroes += bytes[i * page + 1] == 0;
        }
        if (munmap(area, pages * page) != 0) give_up("munmap");
    }
    watch.stop();
    return zeroes;
}

u64 run_pipe(const Job& job, Stopwatch& watch)
{
    int there[2];
    int back[2];
    if (pipe(there) != 0 || pipe(back) != 0) give_up("pipe");
    const u64 rounds = job.rounds(4000);
    const pid_t child = fork();
    if (child < 0) give_up("fork");
    u64 word = 0;
    if (child == 0) {
        for (u64 i = 0; i < rounds; ++i) {
            transfer(there[0], word, true);
            word = mix(word + i);
            transfer(back[1], word, false);
        }
        _exit(7);
    }
    watch.start();
    for (u64 i = 0; i < rounds; ++i) {
        transfer(there[1], word, false);
        transfer(back[0], word, true);
    }
    watch.stop();
    reap(child, 7);
    return word;
}

u64 run_fork(const Job& job, Stopwatch& watch)
{
    u64 children = 0;
    const u64 rounds = job.rounds(64);
    watch.start();
    for (u64 i = 0; i < rounds; ++i) {
        const pid_t child = fork();
        if (child < 0) give_up("fork");
        if (child == 0) _exit(static_cast<int>(i & 0x7F));
        reap(child, static_cast<int>(i & 0x7F));
        ++children;
    }
    watch.stop();
    return children;
}

u64 run_exec(const Job& job, Stopwatch& watch)
{
    u64 children = 0;
    const u64 rounds = job.rounds(32);
    watch.start();
    for (u64 i = 0; i < rounds; ++i) {
        const pid_t child = fork();
        if (child < 0) give_up("fork");
        if (child == 0) {
            execl("/proc/self/exe", "gimbal-bench", "nothing", static_cast<char*>(nullptr));
            _exit(127);
        }
        reap(child, 42);
        ++children;
    }
    watch.stop();
    return children;
}

} // namespace gimbal::bench
