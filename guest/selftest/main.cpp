// SPDX-License-Identifier: Apache-2.0
// The guest's self-test: what a program can see of its machine, one line for each check. The last line is
// GIMBAL-SELFTEST PASS n/n, or GIMBAL-SELFTEST FAIL k/n and the names of the k that failed of the n that ran.
//
// selftest --guest             every check; words come from the kernel's command line
// selftest [--list] [WORD...]  on a machine that others use too: without the checks that change the whole of it

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "guest/selftest/check.hpp"

namespace gimbal::selftest {
namespace {

// Bounds a check that hangs; the slowest takes seconds.
constexpr unsigned check_limit_s = 240;

char words[4096]; // NUL after each word, and one more at the end

void add_word(const char* text, usize length)
{
    static usize used = 0;
    if (length == 0 || used + length + 2 > sizeof(words)) return;
    memcpy(words + used, text, length);
    used += length + 1;
}

void read_kernel_words()
{
    char line[sizeof(words)];
    const int fd = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);
    const ssize_t length = fd < 0 ? 0 : read(fd, line, sizeof(line) - 1);
    if (fd >= 0) close(fd);
    line[length > 0 ? length : 0] = '\0';
    for (const char* at = line; *at != '\0';) {
        const usize size = strcspn(at, " \n");
        add_word(at, size);
        at += size;
        at += strspn(at, " \n");
    }
}

Outcome format_outcome(Outcome::Kind kind, const char* format, va_list arguments)
{
    Outcome result{.kind = kind, .text = {}};
    vsnprintf(result.text, sizeof(result.text), format, arguments);
    return result;
}

// Whether gimbal.only=NAME,NAME... leaves a check in.
bool is_chosen(const char* name)
{
    const char* at = word("gimbal.only");
    if (at == nullptr) return true;
    for (const usize length = strlen(name); *at != '\0';) {
        const usize size = strcspn(at, ",");
        if (size == length && memcmp(at, name, length) == 0) return true;
        at += size;
        at += strspn(at, ",");
    }
    return false;
}

// Runs a check in a child and puts what became of it into `outcome`, which the child shares.
void run(const Check& check, Outcome& outcome)
{
    outcome = {};
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        // Not SIGALRM, which checks use.
        sigevent event{};
        event.sigev_notify = SIGEV_SIGNAL;
        event.sigev_signo = SIGKILL;
        timer_t timer{};
        const itimerspec limit{
            .it_interval = {},
              .it_value = {.tv_sec = check_limit_s, .tv_nsec = 0}
        };
        if (timer_create(CLOCK_MONOTONIC, &event, &timer) == 0) timer_settime(timer, 0, &limit, nullptr);
        setpgid(0, 0);
        outcome = check.run();
        _exit(0);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child) {
        outcome = failed("no process for it");
    } else if (WIFSIGNALED(status)) {
        outcome = WTERMSIG(status) == SIGKILL
                      ? failed("not done after %u s", check_limit_s)
                      : failed("ended by signal %d, %s", WTERMSIG(status), strsignal(WTERMSIG(status)));
    } else if (outcome.kind == Outcome::Kind::unfinished) {
        outcome = failed("ended with status %d before its end", WEXITSTATUS(status));
    }
    if (child > 0) kill(-child, SIGKILL); // what it left behind; mostly nothing
}

struct Totals {
    u32 run{};
    u32 failed{};
    char names[2048]{}; // of those that failed
};

void run_all(std::span<const Check> checks, bool in_guest, Outcome& outcome, Totals& totals)
{
    for (const Check& check : checks) {
        if (!is_chosen(check.name)) continue;
        if (check.needs_guest && !in_guest)
            outcome = skipped("it changes the whole machine");
        else
            run(check, outcome);
        const char* verdict = "ok  ";
        if (outcome.kind == Outcome::Kind::skipped) {
            verdict = "skip";
        } else {
            ++totals.run;
            if (outcome.kind == Outcome::Kind::failed) {
                verdict = "FAIL";
                ++totals.failed;
                const usize used = strlen(totals.names);
                snprintf(totals.names + used, sizeof(totals.names) - used, " %s", check.name);
            }
        }
        printf("%s %s: %s\n", verdict, check.name, outcome.text);
    }
}

int run_selftest(bool in_guest)
{
    void* const memory = mmap(nullptr, sizeof(Outcome), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        printf("GIMBAL-SELFTEST FAIL 1/1 start\n");
        return 1;
    }
    Totals totals;
    run_all(common_checks(), in_guest, *static_cast<Outcome*>(memory), totals);
    run_all(architecture_checks(), in_guest, *static_cast<Outcome*>(memory), totals);
    if (totals.run == 0) {
        printf("GIMBAL-SELFTEST FAIL 0/0 no-check-ran\n");
        return 1;
    }
    if (totals.failed != 0)
        printf("GIMBAL-SELFTEST FAIL %u/%u%s\n", totals.failed, totals.run, totals.names);
    else
        printf("GIMBAL-SELFTEST PASS %u/%u\n", totals.run, totals.run);
    fflush(stdout);
    return totals.failed == 0 ? 0 : 1;
}

void list_checks(std::span<const Check> checks)
{
    for (const Check& check : checks) printf("%s\n", check.name);
}

} // namespace

Outcome passed(const char* format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const Outcome result = format_outcome(Outcome::Kind::passed, format, arguments);
    va_end(arguments);
    return result;
}

Outcome failed(const char* format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const Outcome result = format_outcome(Outcome::Kind::failed, format, arguments);
    va_end(arguments);
    return result;
}

Outcome skipped(const char* format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const Outcome result = format_outcome(Outcome::Kind::skipped, format, arguments);
    va_end(arguments);
    return result;
}

const char* word(const char* name)
{
    const usize length = strlen(name);
    const char* result = nullptr;
    for (const char* at = words; *at != '\0'; at += strlen(at) + 1)
        if (strncmp(at, name, length) == 0 && at[length] == '=') result = at + length + 1;
    return result;
}

} // namespace gimbal::selftest

int main(int argc, char** argv)
{
    using namespace gimbal::selftest;

    // How the check of exec calls this program.
    if (argc == 3 && strcmp(argv[1], "--exit") == 0) return atoi(argv[2]);
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        list_checks(common_checks());
        list_checks(architecture_checks());
        return 0;
    }
    const bool in_guest = argc == 2 && strcmp(argv[1], "--guest") == 0;
    if (in_guest) {
        read_kernel_words();
    } else {
        for (int index = 1; index < argc; ++index) add_word(argv[index], strlen(argv[index]));
    }
    return run_selftest(in_guest);
}
