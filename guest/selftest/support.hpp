// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sched.h>
#include <sys/mman.h>
#include <sys/types.h>

#include <ctime>
#include <span>

#include "base/types.hpp"

namespace gimbal::selftest {

inline constexpr i64 ns_per_ms = 1'000'000;
inline constexpr i64 ns_per_s = 1'000'000'000;

/// The clock in nanoseconds.
i64 now(clockid_t clock = CLOCK_MONOTONIC);
timespec to_timespec(i64 ns);

/// Later than this is a fault; less is the host's load.
inline constexpr i64 lateness_limit_ns = ns_per_s;

/// A sequence of numbers that depends on nothing but its seed (SplitMix64).
class Sequence {
public:
    explicit Sequence(u64 seed) : state_(seed) {}
    u64 next();
    /// In [0, limit).
    u64 below(u64 limit) { return next() % limit; }

private:
    u64 state_;
};

/// The CRC-32 of ISO 3309, as zlib and gzip have it. `crc` continues one.
u32 crc32(std::span<const u8> bytes, u32 crc = 0);

/// The CPUs this process may use.
u32 cpu_count();
/// The number of the index-th of them, around again after the last.
u32 cpu_at(u32 index);
/// Ties the calling thread to one CPU.
bool pin_to(u32 cpu);

/// Waits for a child: true if it exited with this status.
bool exits_with(pid_t child, int status);

/// Anonymous memory, unmapped at the end; empty if there is none to be had.
class Mapping {
public:
    explicit Mapping(usize size, int protection = PROT_READ | PROT_WRITE, int flags = MAP_PRIVATE);
    ~Mapping();
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;

    std::span<u8> bytes() const { return bytes_; }
    u8* data() const { return bytes_.data(); }
    bool empty() const { return bytes_.empty(); }

private:
    std::span<u8> bytes_;
};

/// A file descriptor, closed at the end.
class File {
public:
    explicit File(int fd) : fd_(fd) {}
    ~File();
    File(const File&) = delete;
    File& operator=(const File&) = delete;

    int fd() const { return fd_; }
    bool valid() const { return fd_ >= 0; }

private:
    int fd_;
};

} // namespace gimbal::selftest
