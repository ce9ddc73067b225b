// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "base/atomic.hpp"
#include "host/pausable.hpp"
#include "vm/vm.hpp"

namespace gimbal::host {

/// Pauses a VM as a whole: first its vCPUs, which make work for the others, then the workers behind its devices.
/// Everything but changed() belongs to one thread, which is none of those.
class VmPause {
public:
    /// `vm` and `workers` outlive detach(). A VM that was paused when it was stopped is detached like any other.
    void attach(Vm& vm, std::span<Pausable* const> workers);
    void detach();

    /// Returns once every vCPU and every worker is parked and the guest's clock stands still; a VM that stops meanwhile
    /// is an error. How long that takes is the longest kick or the longest operation on a backend.
    Result<void, VmError> pause();
    Result<void, VmError> resume();
    bool paused() const { return paused_; }

    /// What the VM's listener passes on, on any thread and at any time: a vCPU has parked, or the VM stops.
    void changed() noexcept;

private:
    Vm* vm_{};
    std::vector<Pausable*> workers_;
    Atomic<u32> changes_{0}; // what pause() sleeps on
    bool paused_{};
};

} // namespace gimbal::host
