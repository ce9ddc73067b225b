// SPDX-License-Identifier: Apache-2.0
// Time never runs backwards and no sleep ends early. How late one ends is the host's business, up to a second.
#include <poll.h>
#include <pthread.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "guest/selftest/architecture.hpp"
#include "guest/selftest/checks.hpp"
#include "guest/selftest/support.hpp"

namespace gimbal::selftest {
namespace {

constexpr std::array<i64, 7> sleep_lengths_ns{1, 1'000, 50'000, 999'999, 3 * ns_per_ms, 10 * ns_per_ms, 60 * ns_per_ms};

// Each returns when `ns` nanoseconds are over, or before with false.
bool by_nanosleep(i64 ns)
{
    const timespec time = to_timespec(ns);
    return nanosleep(&time, nullptr) == 0;
}

bool by_absolute_sleep(i64 ns)
{
    const timespec time = to_timespec(now() + ns);
    return clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nullptr) == 0;
}

bool by_poll(i64 ns)
{
    const timespec time = to_timespec(ns);
    return ppoll(nullptr, 0, &time, nullptr) == 0;
}

bool by_timerfd(i64 ns)
{
    const File timer(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC));
    const itimerspec time{.it_interval = {}, .it_value = to_timespec(ns)};
    u64 expirations = 0;
    return timer.valid() && timerfd_settime(timer.fd(), 0, &time, nullptr) == 0 &&
           read(timer.fd(), &expirations, sizeof(expirations)) == sizeof(expirations) && expirations == 1;
}

struct Sleep {
    const char* name;
    bool (*wait)(i64 ns);
};

constexpr std::array<Sleep, 4> sleeps_by{
    {
     {"nanosleep", by_nanosleep},
     {"clock_nanosleep", by_absolute_sleep},
     {"ppoll", by_poll},
     {"timerfd", by_timerfd},
     }
};

// The counter and the clock, the clock's reading before and after.
struct Reading {
    i64 before{};
    u64 ticks{};
    i64 after{};
};

Reading read_both(clockid_t clock)
{
    Reading result;
    result.before = now(clock);
    result.ticks = architecture::read_counter()->ticks;
    result.after = now(clock);
    return result;
}

// The last time that any thread saw; see `watch_time`.
std::atomic<i64> latest_time;
std::atomic<i64> backwards_by;

// What another thread has published was read before, so no later reading may be less.
void* watch_time(void* cpu)
{
    pin_to(*static_cast<u32*>(cpu));
    for (u32 round = 0; round < 20'000; ++round) {
        const i64 published = latest_time.load();
        const i64 time = now();
        if (time < published) backwards_by.store(published - time);
        i64 seen = published;
        while (seen < time && !latest_time.compare_exchange_weak(seen, time)) {}
    }
    return nullptr;
}

} // namespace

Outcome sleeps()
{
    i64 latest = 0;
    u32 count = 0;
    for (const Sleep& sleep : sleeps_by) {
        for (const i64 length : sleep_lengths_ns) {
            const i64 start = now();
            SELFTEST_REQUIRE(sleep.wait(length), "%s of %lld ns failed", sleep.name, static_cast<long long>(length));
            const i64 late = now() - start - length;
            SELFTEST_REQUIRE(late >= 0, "%s of %lld ns ended %lld ns early", sleep.name, static_cast<long long>(length),
                             static_cast<long long>(-late));
            SELFTEST_REQUIRE(late <= lateness_limit_ns, "%s of %lld ns ended %lld ms late", sleep.name,
                             static_cast<long long>(length), static_cast<long long>(late / ns_per_ms));
            latest = std::max(latest, late);
            ++count;
        }
    }
    return passed("%u, none early, at most %.3f ms late", count, static_cast<double>(latest) / 1e6);
}

Outcome timers()
{
    constexpr i64 period = 2 * ns_per_ms;
    constexpr u64 wanted = 50;
    const File timer(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC));
    const itimerspec time{.it_interval = to_timespec(period), .it_value = to_timespec(period)};
    const i64 start = now();
    SELFTEST_REQUIRE(timer.valid() && timerfd_settime(timer.fd(), 0, &time, nullptr) == 0, "no timerfd");
    u64 expirations = 0;
    while (expirations < wanted) {
        u64 more = 0;
        SELFTEST_REQUIRE(read(timer.fd(), &more, sizeof(more)) == sizeof(more), "timerfd: read failed");
        expirations += more;
        const i64 elapsed = now() - start;
        SELFTEST_REQUIRE(static_cast<i64>(expirations) * period <= elapsed, "%llu periods in %lld us",
                         static_cast<unsigned long long>(expirations), static_cast<long long>(elapsed / 1000));
        SELFTEST_REQUIRE(elapsed - static_cast<i64>(expirations) * period <= lateness_limit_ns + period,
                         "%llu periods only after %lld ms", static_cast<unsigned long long>(expirations),
                         static_cast<long long>(elapsed / ns_per_ms));
    }

    // A POSIX timer's signal, taken with sigtimedwait: the kernel counts the periods in between as overruns.
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    sigprocmask(SIG_BLOCK, &set, nullptr);
    sigevent event{};
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGRTMIN;
    timer_t posix_timer{};
    const i64 begin = now();
    SELFTEST_REQUIRE(timer_create(CLOCK_MONOTONIC, &event, &posix_timer) == 0 &&
                         timer_settime(posix_timer, 0, &time, nullptr) == 0,
                     "no POSIX timer");
    i64 signals = 0;
    for (u32 round = 0; round < 20; ++round) {
        const timespec limit = to_timespec(10 * ns_per_s);
        siginfo_t info{};
        SELFTEST_REQUIRE(sigtimedwait(&set, &info, &limit) == SIGRTMIN, "a POSIX timer stopped after %lld periods",
                         static_cast<long long>(signals));
        signals += 1 + info.si_overrun;
        SELFTEST_REQUIRE(signals * period <= now() - begin, "%lld periods of a POSIX timer are early",
                         static_cast<long long>(signals));
    }
    timer_delete(posix_timer);
    return passed("%llu periods of a timerfd, %lld of a POSIX timer, none early",
                  static_cast<unsigned long long>(expirations), static_cast<long long>(signals));
}

Outcome clocks_agree()
{
    const auto counter = architecture::read_counter();
    const i64 monotonic = now(CLOCK_MONOTONIC);
    const i64 realtime = now(CLOCK_REALTIME);
    if (!counter) {
        by_nanosleep(200 * ns_per_ms);
        const i64 difference = std::abs((now(CLOCK_REALTIME) - realtime) - (now(CLOCK_MONOTONIC) - monotonic));
        SELFTEST_REQUIRE(difference <= lateness_limit_ns, "the clocks part by %lld ns",
                         static_cast<long long>(difference));
        return passed("monotonic and real time; the counter cannot be read");
    }
    SELFTEST_REQUIRE(counter->hz != 0, "the counter's frequency is 0");

    // What passed on the counter lies between the least and the most that can have passed on the clock; a tick and a
    // thousandth for the clock's own steering.
    const Reading first = read_both(CLOCK_MONOTONIC);
    by_nanosleep(300 * ns_per_ms);
    const Reading second = read_both(CLOCK_MONOTONIC);
    const auto elapsed = static_cast<double>(second.ticks - first.ticks) * 1e9 / static_cast<double>(counter->hz);
    const double slack = 2e9 / static_cast<double>(counter->hz) + elapsed / 1000;
    const auto least = static_cast<double>(second.before - first.after);
    const auto most = static_cast<double>(second.after - first.before);
    SELFTEST_REQUIRE(second.ticks > first.ticks, "the counter did not move");
    SELFTEST_REQUIRE(elapsed >= least - slack && elapsed <= most + slack,
                     "%.0f ns passed on the counter, %.0f to %.0f on the clock", elapsed, least, most);
    const i64 difference = std::abs((now(CLOCK_REALTIME) - realtime) - (now(CLOCK_MONOTONIC) - monotonic));
    SELFTEST_REQUIRE(difference <= lateness_limit_ns, "the clocks part by %lld ns", static_cast<long long>(difference));
    return passed("%.3f ms on the counter of %.3f MHz", elapsed / 1e6, static_cast<double>(counter->hz) / 1e6);
}

Outcome clocks_across_cpus()
{
    const u32 cpus = cpu_count();
    if (cpus == 1) return skipped("one CPU");
    std::array<pthread_t, 8> threads{};
    std::array<u32, 8> homes{};
    const u32 count = std::min<u32>(cpus, threads.size());
    for (u32 index = 0; index < count; ++index) {
        homes[index] = cpu_at(index);
        SELFTEST_REQUIRE(pthread_create(&threads[index], nullptr, watch_time, &homes[index]) == 0, "no thread");
    }
    for (u32 index = 0; index < count; ++index) pthread_join(threads[index], nullptr);
    SELFTEST_REQUIRE(backwards_by.load() == 0, "time is %lld ns behind on another CPU",
                     static_cast<long long>(backwards_by.load()));
    return passed("%u CPUs", count);
}

Outcome vdso()
{
    SELFTEST_REQUIRE(getauxval(AT_SYSINFO_EHDR) != 0, "no vdso");
    i64 last = 0;
    for (u32 round = 0; round < 2000; ++round) {
        const i64 fast = now();
        timespec time{};
        SELFTEST_REQUIRE(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &time) == 0, "clock_gettime failed");
        const i64 slow = time.tv_sec * ns_per_s + time.tv_nsec;
        SELFTEST_REQUIRE(fast >= last, "the vdso is %lld ns behind the kernel", static_cast<long long>(last - fast));
        SELFTEST_REQUIRE(slow >= fast, "the kernel is %lld ns behind the vdso", static_cast<long long>(fast - slow));
        last = slow;
    }
    return passed("in order with the system call");
}

} // namespace gimbal::selftest
