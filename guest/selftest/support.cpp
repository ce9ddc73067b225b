// SPDX-License-Identifier: Apache-2.0
#include "guest/selftest/support.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <array>

namespace gimbal::selftest {
namespace {

constexpr std::array<u32, 256> crc32_table = [] {
    std::array<u32, 256> table{};
    for (u32 byte = 0; byte < table.size(); ++byte) {
        u32 value = byte;
        for (u32 bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? 0xEDB8'8320U : 0);
        table[byte] = value;
    }
    return table;
}();

// Taken before any thread is pinned.
const cpu_set_t& allowed_cpus()
{
    static const cpu_set_t set = [] {
        cpu_set_t result;
        CPU_ZERO(&result);
        sched_getaffinity(0, sizeof(result), &result);
        return result;
    }();
    return set;
}

} // namespace

i64 now(clockid_t clock)
{
    timespec time{};
    clock_gettime(clock, &time);
    return time.tv_sec * ns_per_s + time.tv_nsec;
}

timespec to_timespec(i64 ns) { return {.tv_sec = ns / ns_per_s, .tv_nsec = ns % ns_per_s}; }

u64 Sequence::next()
{
    state_ += 0x9E37'79B9'7F4A'7C15;
    u64 value = state_;
    value = (value ^ (value >> 30)) * 0xBF58'476D'1CE4'E5B9;
    value = (value ^ (value >> 27)) * 0x94D0'49BB'1331'11EB;
    return value ^ (value >> 31);
}

u32 crc32(std::span<const u8> bytes, u32 crc)
{
    crc = ~crc;
    for (const u8 byte : bytes) crc = (crc >> 8) ^ crc32_table[(crc ^ byte) & 0xFF];
    return ~crc;
}

u32 cpu_count() { return static_cast<u32>(CPU_COUNT(&allowed_cpus())); }

u32 cpu_at(u32 index)
{
    index %= cpu_count();
    u32 cpu = 0;
    while (!CPU_ISSET(cpu, &allowed_cpus()) || index-- != 0) ++cpu;
    return cpu;
}

bool pin_to(u32 cpu)
{
    static_cast<void>(allowed_cpus());
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    return sched_setaffinity(0, sizeof(set), &set) == 0;
}

bool exits_with(pid_t child, int status)
{
    int state = 0;
    return child > 0 && waitpid(child, &state, 0) == child && WIFEXITED(state) && WEXITSTATUS(state) == status;
}

Mapping::Mapping(usize size, int protection, int flags)
{
    void* const memory = mmap(nullptr, size, protection, flags | MAP_ANONYMOUS, -1, 0);
    if (memory != MAP_FAILED) bytes_ = {static_cast<u8*>(memory), size};
}

Mapping::~Mapping()
{
    if (!bytes_.empty()) munmap(bytes_.data(), bytes_.size());
}

File::~File()
{
    if (fd_ >= 0) close(fd_);
}

} // namespace gimbal::selftest
