// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "guest/bench/bench.hpp"

// gimbal-bench list | run NAME SCALE THREADS [ARGUMENT] | agent
//
// Every program prints one line: "BENCH <name> sum=<hex> ns=<timed>" or "BENCH <name> error=<why>". The agent reads
// such commands from its standard input, runs each in a process of its own and adds "BENCH-END <name> status=<n>
// ns=<whole process> at=<its clock>"; so that the host can have several guests take turns.
namespace gimbal::bench {
namespace {

constexpr Program programs[] = {
    {"integer",      run_integer    },
    {"divide",       run_divide     },
    {"bits",         run_bits       },
    {"recursion",    run_recursion  },
    {"calls",        run_calls      },
    {"indirect",     run_indirect   },
    {"interpreter",  run_interpreter},
    {"qsort",        run_sort       },
    {"chase",        run_chase      },
    {"sieve",        run_sieve      },
    {"memcpy",       run_copy       },
    {"memcpy-small", run_copy_small },
    {"stream",       run_stream     },
    {"crc32",        run_crc32      },
    {"crc32c-unit",  run_crc32c     },
    {"sha256",       run_sha256     },
    {"sha256-unit",  run_sha256_unit},
    {"bodies",       run_bodies     },
    {"matrix",       run_matrix     },
    {"single",       run_single     },
    {"saxpy",        run_saxpy      },
    {"dot",          run_dot        },
    {"fused",        run_fused      },
    {"pixels",       run_pixels     },
    {"lanes",        run_lanes      },
    {"syscall",      run_syscall    },
    {"fault",        run_fault      },
    {"pipe",         run_pipe       },
    {"fork",         run_fork       },
    {"exec",         run_exec       },
    {"atomic",       run_atomic     },
    {"lock",         run_lock       },
    {"disk-read",    run_disk_read  },
    {"disk-random",  run_disk_random},
    {"disk-write",   run_disk_write },
    {"network",      run_network    },
};

const char* running = "?";

const Program* find(const char* name)
{
    for (const Program& program : programs)
        if (std::strcmp(program.name, name) == 0) return &program;
    return nullptr;
}

/// A positive number; 0 if it is none.
u64 number(const char* text)
{
    char* end = nullptr;
    const u64 value = std::strtoull(text, &end, 10);
    return end != text && *end == '\0' ? value : 0;
}

int run(const char* name, const Job& job)
{
    running = name;
    const Program* program = find(name);
    if (program == nullptr) give_up("no such program");
    if (job.scale == 0 || job.threads == 0) give_up("the scale and the number of threads are at least 1");
    Stopwatch watch;
    const u64 sum = program->run(job, watch);
    std::printf("BENCH %s sum=%016" PRIx64 " ns=%" PRIu64 "\n", name, sum, watch.nanoseconds());
    std::fflush(stdout);
    return 0;
}

/// One command: "NAME SCALE THREADS [ARGUMENT]".
void obey(char* line)
{
    char* rest = nullptr;
    const char* words[4] = {"", "", "", ""};
    usize count = 0;
    for (char* word = strtok_r(line, " \r\n", &rest); word != nullptr && count < 4;
         word = strtok_r(nullptr, " \r\n", &rest))
        words[count++] = word;
    if (count == 0) return;
    const u64 start = now_ns();
    std::fflush(stdout);
    const pid_t child = fork();
    if (child == 0) _exit(run(words[0], {number(words[1]), number(words[2]), words[3]}));
    int status = -1;
    if (child > 0) waitpid(child, &status, 0);
    const u64 end = now_ns();
    std::printf("BENCH-END %s status=%d ns=%" PRIu64 " at=%" PRIu64 "\n", words[0], status, end - start, end);
    std::fflush(stdout);
}

/// Takes commands until "quit" or the end of the input.
int agent()
{
    termios settings{};
    if (tcgetattr(STDIN_FILENO, &settings) == 0) {
        // A command's echo would stand between the answers.
        settings.c_lflag &= ~static_cast<tcflag_t>(ECHO);
        tcsetattr(STDIN_FILENO, TCSANOW, &settings);
    }
    std::printf("BENCH-READY\n");
    std::fflush(stdout);
    char line[256];
    while (std::fgets(line, sizeof line, stdin) != nullptr && std::strcmp(line, "quit\n") != 0) obey(line);
    return 0;
}

int usage()
{
    std::fputs("usage: gimbal-bench list | run NAME SCALE THREADS [ARGUMENT] | agent\n", stderr);
    return 2;
}

int start(int argc, char** argv)
{
    const char* verb = argc > 1 ? argv[1] : "";
    if (std::strcmp(verb, "nothing") == 0) return 42;
    if (std::strcmp(verb, "agent") == 0 && argc == 2) return agent();
    if (std::strcmp(verb, "run") == 0 && (argc == 5 || argc == 6))
        return run(argv[2], {number(argv[3]), number(argv[4]), argc == 6 ? argv[5] : ""});
    if (std::strcmp(verb, "list") != 0 || argc != 2) return usage();
    for (const Program& program : programs) std::puts(program.name);
    return 0;
}

} // namespace

void give_up(const char* why)
{
    const int number = errno;
    std::printf("BENCH %s error=%s%s%s\n", running, why, number != 0 ? ": " : "",
                number != 0 ? std::strerror(number) : "");
    std::fflush(stdout);
    _exit(1);
}

} // namespace gimbal::bench

int main(int argc, char** argv) { return gimbal::bench::start(argc, argv); }
