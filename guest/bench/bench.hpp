// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ctime>

#include "base/types.hpp"

// Benchmark programs that time and check themselves. Each does the same work wherever it runs: its checksum depends on
// the scale and, for disks and networks, on what is read, and on nothing else.
namespace gimbal::bench {

/// Nanoseconds since some moment.
inline u64 now_ns()
{
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<u64>(time.tv_sec) * 1'000'000'000 + static_cast<u64>(time.tv_nsec);
}

/// Times what a program is about: making its data and checking it are outside.
class Stopwatch {
public:
    void start() { start_ = now_ns(); }
    void stop() { total_ += now_ns() - start_; }
    [[nodiscard]] u64 nanoseconds() const { return total_; }

private:
    u64 start_{};
    u64 total_{};
};

struct Job {
    u64 scale;            ///< how much work, in sixteenths of the usual amount
    u64 threads;          ///< for programs that use several CPUs
    const char* argument; ///< a path, or host:port; "" if none was given

    /// `usual` rounds, scaled; at least one.
    [[nodiscard]] u64 rounds(u64 usual) const
    {
        const u64 scaled = usual * scale / 16;
        return scaled == 0 ? 1 : scaled;
    }
};

using Run = u64 (*)(const Job& job, Stopwatch& watch);

struct Program {
    const char* name;
    Run run; ///< returns the checksum
};

/// Ends the program with its only line: it could not do its work, and why (errno if it is not 0).
[[noreturn]] void give_up(const char* why);

/// A 64-bit mixer (xorshift-multiply), for data and checksums.
constexpr u64 mix(u64 value)
{
    value ^= value >> 32;
    value *= 0xD6E8'FEB8'6659'FD93;
    value ^= value >> 32;
    return value;
}

/// Numbers that look random; the same everywhere.
class Sequence {
public:
    explicit constexpr Sequence(u64 seed) : state_(seed) {}

    constexpr u64 next()
    {
        state_ += 0x9E37'79B9'7F4A'7C15;
        return mix(state_);
    }

    constexpr u64 below(u64 bound) { return next() % bound; }

private:
    u64 state_;
};

/// Makes the compiler believe that `value` may have changed, so that a loop over it is not folded.
template <class T>
void opaque(T& value)
{
    asm volatile("" : "+m"(value) : : "memory");
}

// integer.cpp
u64 run_integer(const Job&, Stopwatch&);
u64 run_divide(const Job&, Stopwatch&);
u64 run_bits(const Job&, Stopwatch&);
// calls.cpp
u64 run_recursion(const Job&, Stopwatch&);
u64 run_calls(const Job&, Stopwatch&);
u64 run_indirect(const Job&, Stopwatch&);
u64 run_interpreter(const Job&, Stopwatch&);
u64 run_sort(const Job&, Stopwatch&);
// memory.cpp
u64 run_chase(const Job&, Stopwatch&);
u64 run_sieve(const Job&, Stopwatch&);
u64 run_copy(const Job&, Stopwatch&);
u64 run_copy_small(const Job&, Stopwatch&);
u64 run_stream(const Job&, Stopwatch&);
// digest.cpp
u64 run_crc32(const Job&, Stopwatch&);
u64 run_crc32c(const Job&, Stopwatch&);
u64 run_sha256(const Job&, Stopwatch&);
u64 run_sha256_unit(const Job&, Stopwatch&);
// scalar.cpp
u64 run_bodies(const Job&, Stopwatch&);
u64 run_matrix(const Job&, Stopwatch&);
u64 run_single(const Job&, Stopwatch&);
// vector.cpp
u64 run_saxpy(const Job&, Stopwatch&);
u64 run_dot(const Job&, Stopwatch&);
u64 run_fused(const Job&, Stopwatch&);
u64 run_pixels(const Job&, Stopwatch&);
u64 run_lanes(const Job&, Stopwatch&);
// system.cpp
u64 run_syscall(const Job&, Stopwatch&);
u64 run_fault(const Job&, Stopwatch&);
u64 run_pipe(const Job&, Stopwatch&);
u64 run_fork(const Job&, Stopwatch&);
u64 run_exec(const Job&, Stopwatch&);
// shared.cpp
u64 run_atomic(const Job&, Stopwatch&);
u64 run_lock(const Job&, Stopwatch&);
// transfer.cpp
u64 run_disk_read(const Job&, Stopwatch&);
u64 run_disk_random(const Job&, Stopwatch&);
u64 run_disk_write(const Job&, Stopwatch&);
u64 run_network(const Job&, Stopwatch&);

} // namespace gimbal::bench
