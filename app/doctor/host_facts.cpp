// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sched.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <string_view>

#include <fmt/format.h>

#include "app/doctor/doctor.hpp"
#include "host/error.hpp"
#include "host/fd.hpp"

namespace gimbal {
namespace {

/// Linux's names, /proc/cpuinfo: of x86-64 and of aarch64.
constexpr std::string_view wanted_features[] = {"sse4_2", "avx",    "avx2",  "avx512f", "bmi2",  "fma",  "movbe",
                                                "aes",    "sha_ni", "asimd", "atomics", "crc32", "sha2", "sve"};

/// The value of the first line of `path` that starts with `key`, or nothing.
std::string value_in(const char* path, std::string_view key)
{
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        if (!line.starts_with(key)) continue;
        const usize colon = line.find(':');
        if (colon == std::string::npos) continue;
        const usize start = line.find_first_not_of(" \t", colon + 1);
        return start == std::string::npos ? "" : line.substr(start);
    }
    return {};
}

std::string known_features(const std::string& all)
{
    const std::string padded = " " + all + " ";
    std::string text;
    for (const std::string_view feature : wanted_features)
        if (padded.find(fmt::format(" {} ", feature)) != std::string::npos)
            text += fmt::format("{}{}", text.empty() ? "" : " ", feature);
    return text;
}

unsigned usable_cpus()
{
    cpu_set_t set;
    CPU_ZERO(&set);
    if (::sched_getaffinity(0, sizeof(set), &set) != 0) return 1; // more than CPU_SETSIZE CPUs
    return static_cast<unsigned>(CPU_COUNT(&set));
}

std::string kvm_obstacle()
{
    const host::Fd device(::open("/dev/kvm", O_RDWR | O_CLOEXEC));
    return device ? "" : host::system_error(errno).message;
}

u64 available_memory()
{
    const std::string text = value_in("/proc/meminfo", "MemAvailable"); // "123 kB"
    return std::strtoull(text.c_str(), nullptr, 10) * 1024;
}

} // namespace

HostFacts host_facts()
{
    HostFacts facts;
    utsname name{};
    if (::uname(&name) == 0) {
        facts.system = fmt::format("{} {}", name.sysname, name.release);
        facts.architecture = name.machine;
    }
    constexpr const char* cpuinfo = "/proc/cpuinfo";
    facts.cpu_model = value_in(cpuinfo, "model name");
    const std::string flags = value_in(cpuinfo, "flags");
    facts.cpu_features = known_features(flags.empty() ? value_in(cpuinfo, "Features") : flags);
    facts.cpu_count = usable_cpus();
    facts.memory = static_cast<u64>(::sysconf(_SC_PHYS_PAGES)) * static_cast<u64>(::sysconf(_SC_PAGESIZE));
    facts.memory_available = available_memory();
    facts.kvm_obstacle = kvm_obstacle();
    return facts;
}

} // namespace gimbal
