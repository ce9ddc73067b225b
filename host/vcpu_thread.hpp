// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <utility>

#include <spdlog/spdlog.h>

#include "host/parker.hpp"
#include "vm/run_loop.hpp"

namespace gimbal::host {

/// What is left of a vCPU's counters when its thread has ended.
struct VcpuReport {
    u64 exits[exit_kind_count]{};
    u64 idle_ticks{};
};

/// What `work` failed of if it threw; no exception leaves a vCPU's thread.
template <class Work>
std::optional<FatalReason> failure_of(Work&& work)
{
    try {
        work();
        return std::nullopt;
    } catch (const std::bad_alloc&) {
        return FatalReason::host_memory;
    } catch (const std::exception& error) {
        spdlog::error("a vCPU's engine failed: {}", error.what());
        return FatalReason::host_error;
    }
}

/// The whole life of one vCPU on the thread that owns it: `create` makes the engine's vCPU here, because some engines
/// bind it to its creator; `ready` is called once it exists or has failed; then it runs until the VM stops, and `ended`
/// sees it once more. Whatever the engine throws then stops the whole VM.
/// `create` is VcpuId -> Result<std::unique_ptr<V>, VcpuError>.
template <VcpuEngine V, class Create, class Ready, class Ended>
VcpuReport run_vcpu_thread(Vm& vm, VcpuId id, const Clock& clock, AlarmClock& alarms, Create&& create, Ready&& ready,
                           Ended&& ended)
{
    Result<std::unique_ptr<V>, VcpuError> vcpu = create(id);
    if (!vcpu) {
        vm.vcpu_failed(id, vcpu.error());
        ready();
        return {};
    }
    VcpuSlot& slot = vm.slot(id);
    const OwnerId owner{id.value + 1};
    if (!vm.vcpu_set_up(id) || !slot.lifecycle.bind(owner)) {
        vm.vcpu_failed(id, VcpuError::wrong_state);
        ready();
        return {};
    }
    FutexParker parker(slot, id, alarms);
    EngineHandle<V> handle(**vcpu);
    VcpuRunner<V> runner(vm, id, **vcpu, parker, owner);
    {
        const VcpuAttachment attachment(slot, handle, parker);
        ready();
        if (const auto failure = failure_of([&] { run_vcpu(runner, slot, parker, clock); }))
            vm.request_stop({.reason = StopReason::engine_failure, .vcpu = id, .fatal = *failure});
    }
    if (slot.lifecycle.state() == VcpuState::running) static_cast<void>(slot.lifecycle.leave(owner)); // it threw
    static_cast<void>(slot.lifecycle.unbind(owner));
    ended(**vcpu);
    VcpuReport report;
    for (unsigned kind = 0; kind < exit_kind_count; ++kind)
        report.exits[kind] = runner.stats().exit_count(static_cast<ExitKind>(kind));
    report.idle_ticks = runner.stats().idle_ticks.load();
    return report;
}

} // namespace gimbal::host
