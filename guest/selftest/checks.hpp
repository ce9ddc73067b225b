// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "guest/selftest/check.hpp"

/// The checks that every architecture has; checks.cpp lists them in the order they run.
namespace gimbal::selftest {

// time.cpp
Outcome sleeps();
Outcome timers();
Outcome clocks_agree();
Outcome clocks_across_cpus();
Outcome vdso();

// devices.cpp
Outcome wall_clock();
Outcome random_numbers();

// signals.cpp
Outcome queued_signals();
Outcome fault_signals();
Outcome nested_signals();

// registers.cpp
Outcome registers_across_switches();
Outcome registers_across_signals();
Outcome floating_point();

// processes.cpp
Outcome forks();
Outcome pipes();
Outcome programs();

// memory.cpp
Outcome anonymous_memory();
Outcome copy_on_write();
Outcome protection();
Outcome file_mappings();
Outcome huge_pages();

// threads.cpp
Outcome atomics();
Outcome locks();
Outcome conditions();

// code.cpp
Outcome written_code();
Outcome code_of_another_cpu();

// trace.cpp
Outcome single_steps();
Outcome traced_system_calls();

// disk.cpp
Outcome disk();

// network.cpp
Outcome loopback();
Outcome http();

// hotplug.cpp
Outcome cpu_hotplug();

} // namespace gimbal::selftest
