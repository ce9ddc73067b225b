// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/atomic.hpp"
#include "base/spinlock.hpp"
#include "vm/exit.hpp"
#include "vm/kick.hpp"
#include "vm/lifecycle.hpp"
#include "vm/vcpu.hpp"

namespace gimbal {

/// What other threads need of an engine's vCPU, whatever its type.
class VcpuHandle {
public:
    virtual void kick() noexcept = 0;
    virtual void set_interrupt(InterruptInput input, bool level) noexcept = 0;

protected:
    ~VcpuHandle() = default;
};

/// The same for a VcpuEngine.
template <VcpuEngine V>
class EngineHandle final : public VcpuHandle {
public:
    explicit EngineHandle(V& vcpu) : vcpu_(vcpu) {}
    void kick() noexcept override { vcpu_.kick(); }
    void set_interrupt(InterruptInput input, bool level) noexcept override { vcpu_.set_interrupt(input, level); }

private:
    V& vcpu_;
};

/// Counted by the owner, read by anyone.
struct VcpuStats {
    Atomic<u64> exits[exit_kind_count];
    Atomic<u64> idle_ticks{0}; ///< Host ticks asleep in wait or yield; not while off or paused.

    void count(ExitKind kind)
    {
        if (static_cast<unsigned>(kind) >= exit_kind_count) return; // a broken engine's; dispatch stops the VM for it
        // One writer: a plain increment in two relaxed halves, cheaper than an atomic one.
        Atomic<u64>& counter = exits[static_cast<unsigned>(kind)];
        counter.store(counter.load(MemoryOrder::relaxed) + 1, MemoryOrder::relaxed);
    }
    u64 exit_count(ExitKind kind) const { return exits[static_cast<unsigned>(kind)].load(MemoryOrder::relaxed); }
};

/// One vCPU as the rest of the VM knows it: lifecycle, power, requests, interrupt inputs. It exists from the VM's
/// creation to its end, so that nobody ever holds a stale reference to a vCPU.
class VcpuSlot {
public:
    Lifecycle lifecycle;
    RequestWord requests;
    VcpuStats stats;

    PowerState power() const { return power_.load(MemoryOrder::acquire); }

    /// CPU_ON, any thread. Of several callers one wins; it alone may write the entry. What was found: off is success.
    PowerState begin_power_on(const VcpuEntry& entry)
    {
        PowerState found = PowerState::off;
        if (!power_.compare_exchange(found, PowerState::on_pending, MemoryOrder::acq_rel)) return found;
        entry_ = entry;
        post(Request::power_on);
        return PowerState::off;
    }
    /// The owner, after it took Request::power_on: where to start. The vCPU is on from here.
    VcpuEntry complete_power_on()
    {
        const VcpuEntry entry = entry_;
        power_.store(PowerState::on, MemoryOrder::release);
        return entry;
    }
    /// CPU_OFF, the owner.
    void power_off() { power_.store(PowerState::off, MemoryOrder::release); }

    /// Any thread: asks, wakes the owner if it sleeps and makes it leave run() if it runs.
    void post(Request request)
    {
        requests.post(request);
        SpinGuard guard(lock_);
        if (handle_ != nullptr) handle_->kick();
        if (waker_ != nullptr) waker_->wake();
    }

    /// Any thread: the level of an interrupt input. The engine hears of every call, the sleeper only of rises.
    void set_interrupt(InterruptInput input, bool level) noexcept
    {
        const u32 mask = 1U << static_cast<u32>(input);
        SpinGuard guard(lock_);
        const u32 before = inputs_.load(MemoryOrder::relaxed);
        inputs_.store(level ? before | mask : before & ~mask, MemoryOrder::release);
        if (handle_ != nullptr) handle_->set_interrupt(input, level);
        if (!level || (before & mask) != 0) return;
        requests.announce();
        if (waker_ != nullptr) waker_->wake();
    }
    /// An input is high: a sleeping vCPU wakes whether or not the guest has masked it.
    bool interrupt_asserted() const { return inputs_.load(MemoryOrder::acquire) != 0; }

    /// The owner, once the engine's vCPU is set up; undone before it is destroyed. A set-up that failed never gets
    /// here.
    void attach(VcpuHandle& handle, Waker& waker)
    {
        SpinGuard guard(lock_);
        handle_ = &handle;
        waker_ = &waker;
        const u32 inputs = inputs_.load(MemoryOrder::relaxed);
        for (const InterruptInput input : {InterruptInput::irq, InterruptInput::fiq, InterruptInput::serror})
            if ((inputs & 1U << static_cast<u32>(input)) != 0) handle.set_interrupt(input, true);
    }
    void detach()
    {
        SpinGuard guard(lock_);
        handle_ = nullptr;
        waker_ = nullptr;
    }

private:
    Atomic<PowerState> power_{PowerState::off};
    VcpuEntry entry_{};     // written by the winner of begin_power_on(), read by the owner after Request::power_on
    Atomic<u32> inputs_{0}; // written under lock_
    SpinLock lock_;         // keeps the handle alive while it is used
    VcpuHandle* handle_{};  // under lock_
    Waker* waker_{};        // under lock_
};

/// attach() for as long as it lives.
class [[nodiscard]] VcpuAttachment {
public:
    VcpuAttachment(VcpuSlot& slot, VcpuHandle& handle, Waker& waker) : slot_(slot) { slot_.attach(handle, waker); }
    ~VcpuAttachment() { slot_.detach(); }
    VcpuAttachment(const VcpuAttachment&) = delete;
    VcpuAttachment& operator=(const VcpuAttachment&) = delete;

private:
    VcpuSlot& slot_;
};

} // namespace gimbal
