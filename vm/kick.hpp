// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "base/atomic.hpp"
#include "vm/types.hpp"

namespace gimbal {

/// What another thread may ask of a vCPU. Bits of one word: asking twice is asking once.
enum class Request : u32 {
    kick = 1U << 0,  ///< Leave run() soon; nothing else.
    event = 1U << 1, ///< SEV, or an inter-processor event of the same kind.
    stop = 1U << 2,  ///< The VM stops; its reason is in the Vm.
    pause = 1U << 3, ///< Park until `resume`.
    resume = 1U << 4,
    power_on = 1U << 5, ///< PSCI CPU_ON or the first start; the entry is in the vCPU's slot.
    service = 1U << 6,  ///< Work that the engine itself queued for this vCPU (TLB invalidation, snapshots).
};

/// The word through which other threads talk to one vCPU. A request is never lost between the owner's last look and its
/// sleep: the owner reads the sequence, looks at the requests and at its interrupt inputs, and sleeps only while the
/// sequence is still the one it read; a poster changes state first and the sequence after it.
class RequestWord {
public:
    /// Any thread. The caller wakes or kicks the owner afterwards.
    void post(Request request)
    {
        bits_.fetch_or(static_cast<u32>(request), MemoryOrder::release);
        announce();
    }
    /// Any thread: something the owner looks at outside the word (an interrupt level) has changed.
    void announce() { sequence_.fetch_add(1, MemoryOrder::seq_cst); }

    /// The owner, before it looks.
    u32 sequence() const { return sequence_.load(MemoryOrder::seq_cst); }
    bool changed_since(u32 seen) const { return sequence() != seen; }

    /// The owner. True if `request` was posted; it is taken.
    bool take(Request request)
    {
        const u32 mask = static_cast<u32>(request);
        if ((bits_.load(MemoryOrder::relaxed) & mask) == 0) return false;
        return (bits_.fetch_and(~mask, MemoryOrder::acq_rel) & mask) != 0;
    }
    bool any() const { return bits_.load(MemoryOrder::acquire) != 0; }
    bool any_but(Request request) const { return (bits_.load(MemoryOrder::acquire) & ~static_cast<u32>(request)) != 0; }
    bool pending(Request request) const { return (bits_.load(MemoryOrder::acquire) & static_cast<u32>(request)) != 0; }

    /// The 32-bit word that a host waits on with a futex or its equivalent.
    const u32* futex() { return sequence_.raw(); }

private:
    Atomic<u32> bits_{0};     // set by any thread, cleared by the owner
    Atomic<u32> sequence_{0}; // only ever incremented
};

/// Ends a vCPU's sleep.
class Waker {
public:
    /// Any thread, after the word's sequence has moved. Cheap when nobody sleeps.
    virtual void wake() noexcept = 0;

protected:
    ~Waker() = default;
};

/// How one vCPU's thread sleeps: a futex or a condition variable. A scheduler on bare metal is a Waker only.
class Waiter : public Waker {
public:
    /// The owner. Returns once word.changed_since(seen), or wake() was called, or the deadline passed; spurious returns
    /// are allowed. Returns at once if the sequence has moved on already.
    virtual void wait(RequestWord& word, u32 seen, std::optional<HostTicks> deadline) = 0;

protected:
    ~Waiter() = default;
};

} // namespace gimbal
