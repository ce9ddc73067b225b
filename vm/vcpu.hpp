// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>

#include "base/result.hpp"
#include "vm/completion.hpp"
#include "vm/exit.hpp"

namespace gimbal {

enum class VcpuError : u8 {
    wrong_state,   ///< The call does not fit the lifecycle state; nothing was changed.
    already_bound, ///< bind() twice.
    not_owner,     ///< A call from a thread other than the one the vCPU is bound to.
    unknown_register,
    out_of_memory,
    host_error,
};

/// created -> (set_up) free -> (bind) ready -> (run) running -> ready; blocked while it waits for an interrupt.
enum class VcpuState : u8 { created, free, ready, running, blocked };

/// Separate from VcpuState: what PSCI AFFINITY_INFO reports (DEN0022).
enum class PowerState : u8 { on, off, on_pending };

/// What a vCPU starts from: reset or CPU_ON (DEN0022, CPU_ON; the Linux boot protocol for the first one).
struct VcpuEntry {
    u64 pc{};
    u64 arguments[4]{}; ///< x0..x3, a0..a3
};

/// Interrupt inputs of a CPU whose interrupt chip lives outside the engine.
enum class InterruptInput : u8 { irq, fiq, serror };

/// What an engine does itself; dispatch never handles these for it.
struct EngineOwns {
    bool psci{};
    bool idle{};
    bool interrupt_chip{};
    bool timer{};
};

/// State groups for snapshots, debuggers and tests.
enum class StateMask : u32 {
    core = 1,
    system = 2,
    fp_simd = 4,
    timer = 8,
    interrupt = 16,
};

/// What the VM may ask of an engine's vCPU. Everything but kick() and set_interrupt() belongs to the owner thread.
template <class V>
concept VcpuEngine =
    requires(V vcpu, const Completion& completion, const VcpuEntry& entry, InterruptInput input, bool level) {
        { V::owns } -> std::convertible_to<EngineOwns>;
        /// Every kind that run() may return; any other one is a failure of the engine and stops its VM.
        { V::raises } -> std::convertible_to<ExitKinds>;
        /// Runs the guest until something needs an answer. `completion` answers the previous exit.
        { vcpu.run(completion) } -> std::same_as<Exit>;
        /// Applies a pending completion without running the guest.
        { vcpu.commit(completion) } -> std::same_as<void>;
        /// Power-on reset of the whole CPU, then `entry`; drops whatever was pending.
        { vcpu.reset(entry) } -> std::same_as<void>;
        /// Makes a run() that is in progress, or the next one, return soon. Any thread; never lost.
        { vcpu.kick() } noexcept;
        /// Level of an interrupt input; any thread. Engines that own the interrupt chip ignore it.
        { vcpu.set_interrupt(input, level) } noexcept;
    };

} // namespace gimbal
