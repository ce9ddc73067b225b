// SPDX-License-Identifier: Apache-2.0
#include "vm/vm.hpp"

namespace gimbal {

Vm::Vm(const VmConfig& config, const Clock& clock)
    : vcpu_count_(config.vcpu_count < max_vcpus ? config.vcpu_count : max_vcpus),
      count_is_valid_(config.vcpu_count >= 1 && config.vcpu_count <= max_vcpus),
      clock_(clock),
      services_{
          .bus = bus, .calls = calls, .timers = timers, .clock = clock, .owns = config.owns, .raises = config.raises}
{
}

Result<void, VmError> Vm::advance(VmPhase from, VmPhase to)
{
    VmPhase expected = from;
    if (!phase_.compare_exchange(expected, to, MemoryOrder::acq_rel)) return fail(VmError::wrong_phase);
    return {};
}

void Vm::post_all(Request request)
{
    for (VcpuSlot& slot : slots()) slot.post(request);
}

Result<void, VmError> Vm::set_interrupt_chip(InterruptChip& chip)
{
    GIMBAL_TRY_VOID(advance(VmPhase::created, VmPhase::chip_ready));
    services_.chip = &chip;
    if (!services_.owns.timer) timers.set_chip(&chip);
    return {};
}

Result<void, VmError> Vm::use_engine_interrupt_chip()
{
    if (!services_.owns.interrupt_chip) return fail(VmError::no_chip);
    return advance(VmPhase::created, VmPhase::chip_ready);
}

Result<void, VmError> Vm::vcpu_set_up(VcpuId vcpu)
{
    if (vcpu.value >= vcpu_count_) return fail(VmError::no_such_vcpu);
    if (phase() != VmPhase::chip_ready) return fail(VmError::wrong_phase);
    if (!slot(vcpu).lifecycle.set_up()) return fail(VmError::wrong_phase);
    vcpus_ready_.fetch_add(1, MemoryOrder::acq_rel);
    return {};
}

void Vm::vcpu_failed(VcpuId vcpu, VcpuError error)
{
    request_stop({.reason = StopReason::start_failure, .vcpu = vcpu, .detail = static_cast<u64>(error)});
}

Result<void, VmError> Vm::finalize()
{
    if (!count_is_valid_) return fail(VmError::bad_vcpu_count);
    if (stopping()) return fail(VmError::stopping);
    if (memory.regions().empty()) return fail(VmError::no_memory);
    if (phase() == VmPhase::created) return fail(VmError::no_chip);
    if (vcpus_ready_.load(MemoryOrder::acquire) != vcpu_count_) return fail(VmError::vcpus_missing);
    for (const Doorbell& doorbell : doorbells.doorbells())
        if (bus.find(doorbell.gpa) == nullptr) return fail(VmError::stray_doorbell);
    GIMBAL_TRY_VOID(advance(VmPhase::chip_ready, VmPhase::finalized));
    // One that is refused is not lost: its write exits and the device rings.
    if (doorbell_port_ != nullptr)
        for (const Doorbell& doorbell : doorbells.doorbells()) static_cast<void>(doorbell_port_->attach(doorbell));
    return {};
}

Result<void, VmError> Vm::start(const VcpuEntry& entry)
{
    if (stopping()) return fail(VmError::stopping);
    if (phase() != VmPhase::finalized) return fail(VmError::wrong_phase);
    if (!timers.start(clock_.now())) return fail(VmError::wrong_phase);
    GIMBAL_TRY_VOID(advance(VmPhase::finalized, VmPhase::running));
    for (u32 id = 0; id < vcpu_count_; ++id)
        if (id == 0 || services_.owns.psci) slots_[id].begin_power_on(id == 0 ? entry : VcpuEntry{});
    return {};
}

void Vm::request_stop(const StopInfo& info)
{
    u32 expected = stop_none;
    if (!stop_state_.compare_exchange(expected, stop_claimed, MemoryOrder::acq_rel)) return;
    stop_ = info;
    stop_state_.store(stop_published, MemoryOrder::release);
    phase_.store(VmPhase::stopped, MemoryOrder::release);
    post_all(Request::stop);
    if (listener_ != nullptr) listener_->stop_requested(info);
}

Result<void, VmError> Vm::request_pause()
{
    if (stopping()) return fail(VmError::stopping);
    GIMBAL_TRY_VOID(advance(VmPhase::running, VmPhase::paused));
    post_all(Request::pause);
    return {};
}

Result<void, VmError> Vm::complete_pause()
{
    if (phase() != VmPhase::paused || parked_count() != vcpu_count_) return fail(VmError::wrong_phase);
    if (!timers.pause(clock_.now())) return fail(VmError::wrong_phase);
    return {};
}

Result<void, VmError> Vm::resume()
{
    if (stopping()) return fail(VmError::stopping);
    // A vCPU that has not parked yet would take both requests at once and never be counted.
    if (phase() != VmPhase::paused || parked_count() != vcpu_count_) return fail(VmError::wrong_phase);
    // Before the next pause can begin: it must not count a vCPU that has not yet seen that this one is over.
    parked_.store(0, MemoryOrder::release);
    GIMBAL_TRY_VOID(advance(VmPhase::paused, VmPhase::running));
    if (timers.paused()) static_cast<void>(timers.resume(clock_.now()));
    post_all(Request::resume);
    return {};
}

void Vm::vcpu_parked(VcpuId vcpu)
{
    parked_.fetch_add(1, MemoryOrder::acq_rel);
    if (listener_ != nullptr) listener_->vcpu_parked(vcpu);
}

void Vm::set_cpu_interrupt(VcpuId vcpu, InterruptInput input, bool level) noexcept
{
    if (vcpu.value < vcpu_count_) slots_[vcpu.value].set_interrupt(input, level);
}

} // namespace gimbal
