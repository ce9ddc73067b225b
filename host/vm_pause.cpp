// SPDX-License-Identifier: Apache-2.0
#include "host/vm_pause.hpp"

#include "host/futex.hpp"

namespace gimbal::host {

void VmPause::changed() noexcept
{
    changes_.fetch_add(1);
    futex_wake_all(changes_.raw());
}

void VmPause::attach(Vm& vm, std::span<Pausable* const> workers)
{
    vm_ = &vm;
    workers_.assign(workers.begin(), workers.end());
    paused_ = false;
}

void VmPause::detach()
{
    vm_ = nullptr;
    workers_.clear();
    paused_ = false;
}

Result<void, VmError> VmPause::pause()
{
    if (vm_ == nullptr) return fail(VmError::wrong_phase);
    GIMBAL_TRY_VOID(vm_->request_pause());
    while (true) {
        const u32 seen = changes_.load();
        if (vm_->stopping()) return fail(VmError::stopping);
        if (vm_->parked_count() == vm_->vcpu_count()) break;
        futex_wait(changes_.raw(), seen, std::nullopt);
    }
    GIMBAL_TRY_VOID(vm_->complete_pause());
    for (Pausable* const worker : workers_) worker->request_pause();
    for (Pausable* const worker : workers_) worker->wait_paused();
    paused_ = true;
    return {};
}

Result<void, VmError> VmPause::resume()
{
    if (!paused_) return fail(VmError::wrong_phase);
    // The workers first: a vCPU that goes on finds its devices at work.
    for (Pausable* const worker : workers_) worker->resume();
    paused_ = false;
    return vm_->resume();
}

} // namespace gimbal::host
