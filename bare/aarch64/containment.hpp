// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "arch/aarch64/context_frame.hpp"
#include "bare/options.hpp"

namespace gimbal::bare {

class Cpu;
class ConsoleMux;

/// The stacks of one CPU, on a 4 KiB boundary. The guards are mapped nowhere.
struct CpuStacks {
    static constexpr usize guard_bytes = 4096;
    static constexpr usize stack_bytes = 16384;
    static constexpr usize report_bytes = 4096;
    u8 guard[guard_bytes];
    u8 stack[stack_bytes];
    u8 report_guard[guard_bytes];
    u8 report[report_bytes]; ///< Of what reports a fault, because the other one may be the fault.

    u64 end() const { return reinterpret_cast<u64>(report_guard); }
    u64 report_end() const { return reinterpret_cast<u64>(this) + sizeof(*this); }
};

/// What the report of a fault needs. Filled in by the first CPU before it starts the others; until `cpus` is there, a
/// fault ends everything.
struct FaultScene {
    u64 image{}; ///< Where the image starts; all of it up to `image_end`.
    u64 image_end{};
    u64 console{}; ///< The board's PL011, mapped.
    ConsoleMux* mux{};
    std::span<Cpu> cpus;
    std::span<CpuStacks> stacks; ///< By the CPU's index.
    void (*power_off)(){};
};
extern FaultScene fault_scene;

/// Makes the fault of `gimbal.test-fault`.
void make_fault(FaultKind kind);

extern "C" {
/// Leaves whatever is on the stack behind. Never returns.
void run_on_stack(u64 end, void (*function)(void*), void* argument);
}

/// The rest of a CPU's life: its scheduler until all of its tasks have ended. `cpu`: a Cpu.
void run_cpu(void* cpu);

/// This CPU's part of `fault_scene` for the vectors. Before its first guest, and after each fault.
void expect_faults(const CpuStacks& stacks);

} // namespace gimbal::bare
