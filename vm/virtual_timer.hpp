// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "base/atomic.hpp"
#include "base/result.hpp"
#include "vm/interrupt_chip.hpp"
#include "vm/types.hpp"

namespace gimbal {

/// The EL1 physical and virtual timers of the Generic Timer (DDI 0487). EL2 timers belong to the engines.
enum class TimerKind : u8 { physical, virtual_timer };
inline constexpr unsigned timer_kind_count = 2;
inline constexpr Intid physical_timer_ppi{30};
inline constexpr Intid virtual_timer_ppi{27};

enum class TimerField : u8 { ctl, cval, tval };

enum class TimerError : u8 {
    already_started, ///< The offset is set once, before the first run.
    not_started,
    not_paused,
};

/// CNTx_CTL_EL0.
namespace timer_ctl {
inline constexpr u64 enable = 1;
inline constexpr u64 imask = 2;
inline constexpr u64 istatus = 4;
} // namespace timer_ctl

/// One timer. The deadline is absolute: nothing but a guest write to CVAL or TVAL changes it.
struct TimerState {
    u64 ctl{};  ///< ENABLE and IMASK; ISTATUS is computed.
    u64 cval{}; ///< On the VM's counter.
};

/// The timers of one VM. All vCPUs share one counter offset, so that they can never disagree about the time.
/// The counter stands still while the VM is paused: pause() and resume() shift the offset by the time between them, and
/// every deadline keeps its distance. Both the physical and the virtual counter of the guest are this counter.
/// A vCPU's timers are touched by its owner thread only; start, pause and resume while no vCPU runs.
class VirtualTimers {
public:
    /// `chip` may be null where the engine owns the timers; they then only hold the offset.
    explicit VirtualTimers(InterruptChip* chip = nullptr) : chip_(chip) {}
    void set_chip(InterruptChip* chip) { chip_ = chip; }

    /// Makes the VM's counter read `start` at the host's `now`.
    Result<void, TimerError> start(HostTicks now, CounterTicks start = {});
    Result<void, TimerError> pause(HostTicks now);
    Result<void, TimerError> resume(HostTicks now);
    bool started() const { return started_; }
    bool paused() const { return paused_; }

    /// CNTVCT_EL0 and CNTPCT_EL0. Stands still while paused.
    CounterTicks counter(HostTicks now) const;
    /// What is subtracted from the host's counter: CNTVOFF_EL2 where hardware does it.
    u64 offset() const { return offset_.load(MemoryOrder::relaxed); }
    /// The moment on the host's counter at which the VM's counter reaches `when`; none if it never does.
    std::optional<HostTicks> host_deadline(CounterTicks when) const;

    u64 read(VcpuId vcpu, TimerKind kind, TimerField field, HostTicks now) const;
    /// Drives the line too, if the write changes it.
    void write(VcpuId vcpu, TimerKind kind, TimerField field, u64 value, HostTicks now);

    /// Drives both PPIs to what the timers ask for now.
    void evaluate(VcpuId vcpu, HostTicks now);
    /// The next moment at which evaluate() would raise a line; none if no timer is armed or all have fired.
    std::optional<HostTicks> next_deadline(VcpuId vcpu, HostTicks now) const;

    /// Power-on reset of one vCPU's timers: disabled, lines low.
    void reset(VcpuId vcpu);
    TimerState save(VcpuId vcpu, TimerKind kind) const { return at(vcpu, kind).state; }
    /// The deadline keeps its absolute value; TVAL is never involved.
    void restore(VcpuId vcpu, TimerKind kind, const TimerState& state, HostTicks now);

private:
    struct Timer {
        TimerState state{};
        bool line{}; // what the chip was last told
    };
    Timer& at(VcpuId vcpu, TimerKind kind) { return timers_[vcpu.value][static_cast<unsigned>(kind)]; }
    const Timer& at(VcpuId vcpu, TimerKind kind) const { return timers_[vcpu.value][static_cast<unsigned>(kind)]; }
    void drive(VcpuId vcpu, TimerKind kind, bool level);
    void evaluate_one(VcpuId vcpu, TimerKind kind, CounterTicks count);

    InterruptChip* chip_;
    Atomic<u64> offset_{0}; // written while no vCPU runs, read by all
    HostTicks paused_at_{};
    bool started_{};
    bool paused_{};
    Timer timers_[max_vcpus][timer_kind_count]{};
};

} // namespace gimbal
