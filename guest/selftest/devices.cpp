// SPDX-License-Identifier: Apache-2.0
// Devices that every board has, through the drivers' files.
#include <fcntl.h>
#include <linux/rtc.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <ctime>

#include "guest/selftest/checks.hpp"
#include "guest/selftest/support.hpp"

namespace gimbal::selftest {
namespace {

time_t to_seconds(const rtc_time& time)
{
    tm parts{};
    parts.tm_sec = time.tm_sec;
    parts.tm_min = time.tm_min;
    parts.tm_hour = time.tm_hour;
    parts.tm_mday = time.tm_mday;
    parts.tm_mon = time.tm_mon;
    parts.tm_year = time.tm_year;
    return timegm(&parts);
}

void to_rtc_time(time_t seconds, rtc_time& time)
{
    tm parts{};
    gmtime_r(&seconds, &parts);
    time = {};
    time.tm_sec = parts.tm_sec;
    time.tm_min = parts.tm_min;
    time.tm_hour = parts.tm_hour;
    time.tm_mday = parts.tm_mday;
    time.tm_mon = parts.tm_mon;
    time.tm_year = parts.tm_year;
}

} // namespace

Outcome wall_clock()
{
    const File rtc(open("/dev/rtc0", O_RDONLY | O_CLOEXEC));
    if (!rtc.valid()) return skipped("no /dev/rtc0");
    rtc_time time{};
    SELFTEST_REQUIRE(ioctl(rtc.fd(), RTC_RD_TIME, &time) == 0, "RTC_RD_TIME failed");
    const time_t start = to_seconds(time);
    const auto difference = static_cast<long long>(start - now(CLOCK_REALTIME) / ns_per_s);
    SELFTEST_REQUIRE(std::llabs(difference) <= 2, "it is %lld s off the kernel's clock", difference);

    // The alarm of the second after next.
    rtc_wkalrm alarm{};
    alarm.enabled = 1;
    to_rtc_time(start + 2, alarm.time);
    SELFTEST_REQUIRE(ioctl(rtc.fd(), RTC_WKALM_SET, &alarm) == 0, "RTC_WKALM_SET failed");
    unsigned long events = 0;
    SELFTEST_REQUIRE(read(rtc.fd(), &events, sizeof(events)) == sizeof(events) && (events & RTC_AF) != 0,
                     "no alarm, events %#lx", events);
    SELFTEST_REQUIRE(ioctl(rtc.fd(), RTC_RD_TIME, &time) == 0, "RTC_RD_TIME failed");
    const auto late = static_cast<long long>(to_seconds(time) - (start + 2));
    SELFTEST_REQUIRE(late >= 0, "the alarm came %lld s early", -late);
    return passed("%lld s off the kernel's clock, the alarm %lld s late", difference, late);
}

Outcome random_numbers()
{
    std::array<u8, 4096> bytes{};
    SELFTEST_REQUIRE(getrandom(bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()),
                     "getrandom failed");
    const File device(open("/dev/hwrng", O_RDONLY | O_CLOEXEC));
    usize from_device = 0;
    if (device.valid()) {
        while (from_device < bytes.size()) {
            const ssize_t length = read(device.fd(), bytes.data() + from_device, bytes.size() - from_device);
            if (length <= 0) break;
            from_device += static_cast<usize>(length);
        }
        SELFTEST_REQUIRE(from_device == bytes.size() || from_device == 0, "/dev/hwrng stopped after %zu bytes",
                         from_device);
    }
    // 4096 fair bytes hit a value 16 times on average; 100 times is past all chance.
    std::array<u32, 256> hits{};
    for (const u8 byte : bytes) ++hits[byte];
    const u32 most = *std::ranges::max_element(hits);
    SELFTEST_REQUIRE(most < 100, "one value %u times in %zu bytes", most, bytes.size());
    return passed(from_device != 0 ? "%zu bytes of /dev/hwrng" : "the kernel's; /dev/hwrng gave %zu bytes",
                  from_device);
}

} // namespace gimbal::selftest
