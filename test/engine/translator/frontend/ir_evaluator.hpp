// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "engine/translator/frontend/aarch64/guest_state.hpp"
#include "engine/translator/ir/ir.hpp"

namespace gimbal::translator::aarch64::test {

/// Says in the plainest way what a block of integer IR does: the frontend's tests need no backend, and a backend has
/// someone to disagree with. Vector and floating-point operations are not covered.
class IrEvaluator {
public:
    /// How a block ended.
    struct Outcome {
        enum class Kind : u8 { jump, event, fault } kind{};
        u64 address{}; ///< jump: the next instruction. fault: the address accessed.
        u64 payload{}; ///< event: its payload.
    };

    /// `memory` is what the guest sees from `memory_address` on.
    IrEvaluator(GuestState& state, std::span<u8> memory, u64 memory_address)
        : state_(state), memory_(memory), memory_address_(memory_address)
    {
    }

    Outcome run(const ir::Block& block);

private:
    struct Fault {
        u64 address;
    };

    u128 value(ir::Value value) const { return values_[value.index]; }
    u64 low(const ir::Inst& inst, unsigned arg) const { return static_cast<u64>(value(inst.args[arg])); }
    u128 compute(const ir::Inst& inst);
    u64 compute_integer(const ir::Inst& inst) const;
    u64 compute_unary(const ir::Inst& inst) const;
    u64 compute_width(const ir::Inst& inst) const;
    u64 compute_comparison(const ir::Inst& inst) const;
    u64 compute_flags(const ir::Inst& inst) const;
    u128 compute_memory(const ir::Inst& inst);
    u8* at(u64 address, ir::MemOp op);
    u128 load(u64 address, ir::MemOp op);
    void store(u64 address, ir::MemOp op, u128 value);
    bool ends(const ir::Inst& inst, Outcome& outcome);

    GuestState& state_;
    std::span<u8> memory_;
    u64 memory_address_;
    std::vector<u128> values_;
    bool exclusive_armed_{};
    u64 exclusive_address_{};
    u128 exclusive_value_{};
};

} // namespace gimbal::translator::aarch64::test
