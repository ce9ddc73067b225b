// SPDX-License-Identifier: Apache-2.0
#include "guest/selftest/checks.hpp"

#include <array>

namespace gimbal::selftest {
namespace {

constexpr std::array<Check, 32> checks{
    {
     {"sleeps", sleeps},
     {"timers", timers},
     {"clocks-agree", clocks_agree},
     {"clocks-across-cpus", clocks_across_cpus},
     {"vdso", vdso},
     {"wall-clock", wall_clock, true},
     {"random-numbers", random_numbers},
     {"queued-signals", queued_signals},
     {"fault-signals", fault_signals},
     {"nested-signals", nested_signals},
     {"registers-across-switches", registers_across_switches},
     {"registers-across-signals", registers_across_signals},
     {"floating-point", floating_point},
     {"forks", forks},
     {"pipes", pipes},
     {"programs", programs},
     {"anonymous-memory", anonymous_memory},
     {"copy-on-write", copy_on_write},
     {"protection", protection},
     {"file-mappings", file_mappings},
     {"huge-pages", huge_pages},
     {"atomics", atomics},
     {"locks", locks},
     {"conditions", conditions},
     {"written-code", written_code},
     {"code-of-another-cpu", code_of_another_cpu},
     {"single-steps", single_steps},
     {"traced-system-calls", traced_system_calls},
     {"disk", disk, true},
     {"loopback", loopback},
     {"http", http},
     {"cpu-hotplug", cpu_hotplug, true},
     }
};

} // namespace

std::span<const Check> common_checks() { return checks; }

} // namespace gimbal::selftest
