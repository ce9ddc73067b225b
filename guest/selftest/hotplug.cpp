// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "guest/selftest/architecture.hpp"
#include "guest/selftest/checks.hpp"
#include "guest/selftest/support.hpp"

namespace gimbal::selftest {
namespace {

// Of /sys/devices/system/cpu/cpu<N>/online; false with errno.
bool set_online(u32 cpu, bool online)
{
    char path[64];
    snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/online", cpu);
    const File file(open(path, O_WRONLY | O_CLOEXEC));
    return file.valid() && write(file.fd(), online ? "1" : "0", 1) == 1;
}

Outcome off_and_on(u32 cpu)
{
    SELFTEST_REQUIRE(set_online(cpu, false), "CPU %u does not go off: %s", cpu, strerror(errno));
    SELFTEST_REQUIRE(!pin_to(cpu), "a thread can go to CPU %u, which is off", cpu);
    SELFTEST_REQUIRE(set_online(cpu, true), "CPU %u does not come back: %s", cpu, strerror(errno));
    SELFTEST_REQUIRE(pin_to(cpu), "no thread can go to CPU %u, which is on again", cpu);
    // It has its registers, its timer and its interrupts.
    SELFTEST_REQUIRE(architecture::registers_lost(cpu, 10) == 0, "CPU %u loses registers", cpu);
    const i64 start = now();
    usleep(2000);
    SELFTEST_REQUIRE(now() - start >= 2 * ns_per_ms, "a sleep on CPU %u ended early", cpu);
    SELFTEST_REQUIRE(pin_to(0), "no thread can go to CPU 0");
    return passed("back");
}

} // namespace

Outcome cpu_hotplug()
{
    const u32 cpus = cpu_count();
    if (cpus == 1) return skipped("one CPU");
    constexpr u32 rounds = 3;
    for (u32 round = 0; round < rounds; ++round)
        for (u32 index = 1; index < cpus; ++index) SELFTEST_TRY(off_and_on(cpu_at(index)));
    // All of them away at once.
    for (u32 index = 1; index < cpus; ++index) SELFTEST_REQUIRE(set_online(cpu_at(index), false), "not all go off");
    for (u32 index = 1; index < cpus; ++index) SELFTEST_REQUIRE(set_online(cpu_at(index), true), "not all come back");
    return passed("%u CPUs, %u times each, then all at once", cpus - 1, rounds);
}

} // namespace gimbal::selftest
