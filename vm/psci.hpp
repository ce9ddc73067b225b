// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "vm/calls.hpp"
#include "vm/memory.hpp"
#include "vm/vcpu_slot.hpp"

namespace gimbal {

/// PSCI 1.1 (DEN0022) and the general calls of SMCCC 1.1 (DEN0028), the same over HVC and SMC.
/// Called from every vCPU's thread at once; the vCPUs' atomic power states are all the state there is.
class Psci final : public CallHandler {
public:
    /// `slots` are the VM's vCPUs by VcpuId. Entry points outside `memory` are refused.
    Psci(std::span<VcpuSlot> slots, const GuestMemory& memory) : slots_(slots), memory_(memory) {}

    /// Enters the function ranges of PSCI and of the Arm architecture calls.
    Result<void, CallTableError> register_in(CallTable& table);

    CallOutcome call(VcpuId vcpu, Conduit conduit, const CallExit& call) override;

private:
    struct Arguments {
        u64 a1, a2, a3;
    };
    i64 cpu_on(const Arguments& arguments);
    i64 affinity_info(const Arguments& arguments) const;
    CallOutcome cpu_suspend(VcpuId vcpu, u32 function, const Arguments& arguments);
    bool is_entry_point(u64 address) const;

    std::span<VcpuSlot> slots_;
    const GuestMemory& memory_;
};

/// PSCI return codes (DEN0022).
namespace psci {
inline constexpr i64 success = 0;
inline constexpr i64 not_supported = -1;
inline constexpr i64 invalid_parameters = -2;
inline constexpr i64 denied = -3;
inline constexpr i64 already_on = -4;
inline constexpr i64 on_pending = -5;
inline constexpr i64 internal_failure = -6;
inline constexpr i64 not_present = -7;
inline constexpr i64 disabled = -8;
inline constexpr i64 invalid_address = -9;
} // namespace psci

} // namespace gimbal
