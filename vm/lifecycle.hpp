// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/atomic.hpp"
#include "base/result.hpp"
#include "vm/vcpu.hpp"

namespace gimbal {

/// Names the thread (or physical CPU) that a vCPU is bound to. Any value but zero.
struct OwnerId {
    u64 value{};
    friend constexpr bool operator==(OwnerId, OwnerId) = default;
};

/// The vCPU's lifecycle. Each transition is one atomic step: of two racing callers one gets the error, and a refused
/// call changes nothing. PowerState is another matter: a vCPU that is bound may be off.
class Lifecycle {
public:
    VcpuState state() const { return decode(word_.load(MemoryOrder::acquire)).state; }
    /// The owner; zero while the vCPU is not bound.
    OwnerId owner() const { return decode(word_.load(MemoryOrder::acquire)).owner; }

    Result<void, VcpuError> set_up() { return move({}, VcpuState::created, {}, VcpuState::free); }
    /// Takes set_up() back: after a failed start the vCPU is as good as new.
    Result<void, VcpuError> tear_down() { return move({}, VcpuState::free, {}, VcpuState::created); }
    Result<void, VcpuError> bind(OwnerId owner)
    {
        auto moved = move({}, VcpuState::free, owner, VcpuState::ready);
        if (!moved && this->owner() != OwnerId{}) return fail(VcpuError::already_bound);
        return moved;
    }
    Result<void, VcpuError> enter(OwnerId owner) { return move(owner, VcpuState::ready, owner, VcpuState::running); }
    Result<void, VcpuError> leave(OwnerId owner) { return move(owner, VcpuState::running, owner, VcpuState::ready); }
    Result<void, VcpuError> block(OwnerId owner) { return move(owner, VcpuState::ready, owner, VcpuState::blocked); }
    Result<void, VcpuError> unblock(OwnerId owner) { return move(owner, VcpuState::blocked, owner, VcpuState::ready); }
    Result<void, VcpuError> unbind(OwnerId owner) { return move(owner, VcpuState::ready, {}, VcpuState::free); }

private:
    struct Word {
        VcpuState state;
        OwnerId owner;
    };
    // State in the low byte, owner above it, so that both change in one step.
    static constexpr u64 encode(OwnerId owner, VcpuState state) { return owner.value << 8 | static_cast<u64>(state); }
    static constexpr Word decode(u64 word) { return {static_cast<VcpuState>(word & 0xff), {word >> 8}}; }

    Result<void, VcpuError> move(OwnerId from_owner, VcpuState from, OwnerId to_owner, VcpuState to)
    {
        u64 expected = encode(from_owner, from);
        if (word_.compare_exchange(expected, encode(to_owner, to), MemoryOrder::acq_rel)) return {};
        const Word found = decode(expected);
        const bool other_owner = found.owner != OwnerId{} && from_owner != OwnerId{} && found.owner != from_owner;
        return fail(other_owner ? VcpuError::not_owner : VcpuError::wrong_state);
    }

    Atomic<u64> word_{encode({}, VcpuState::created)};
};

} // namespace gimbal
