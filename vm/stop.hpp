// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "vm/exit.hpp"

namespace gimbal {

enum class StopReason : u8 {
    none,
    guest_power_off,
    guest_reset,
    guest_crash,    ///< The guest said so: a panic event.
    guest_fault,    ///< The guest did what no CPU can go on from; see StopInfo::fatal.
    engine_failure, ///< The engine, or the host under it, failed; see StopInfo::fatal.
    start_failure,  ///< A vCPU could not be created or set up.
    device_failure, ///< The thread of a device could not go on; what it said is in the log.
    debugger,       ///< A debug event that nobody was there to take.
    user_quit,
    timeout,
    signal,
};

/// Why a VM stopped. `vcpu`, `fatal` and `detail` are meaningful for guest_fault, engine_failure and start_failure;
/// for `signal`, detail is the signal's number.
struct StopInfo {
    StopReason reason{StopReason::none};
    VcpuId vcpu{};
    FatalReason fatal{};
    u64 detail{};
};

/// Of the reasons a vCPU may give up for, those the guest brought about.
constexpr StopReason stop_reason_of(FatalReason reason)
{
    switch (reason) {
    case FatalReason::undecodable_access:
    case FatalReason::double_fault:
    case FatalReason::unsupported_state: return StopReason::guest_fault;
    case FatalReason::entry_failed:
    case FatalReason::host_memory:
    case FatalReason::host_error:
    case FatalReason::contract_broken: return StopReason::engine_failure;
    }
    return StopReason::engine_failure;
}

} // namespace gimbal
