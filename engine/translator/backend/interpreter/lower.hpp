// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "engine/translator/backend/backend.hpp"

namespace gimbal::translator::interpreter {

struct LoweringOptions {
    /// Off: each IR instruction becomes an op of its own, with no value left in a guest register, nothing folded,
    /// merged or dropped. For tests, and for finding out whether lowering is at fault.
    bool fuse{true};
    /// Guards the links between the blocks that share it and outlives them. Null: one lock for all blocks without.
    std::mutex* link_lock{};
};

/// Makes threaded code of a block that the verifier accepts. `physical_address` is its first instruction's; the
/// caller fills in guest_words. Thread-safe.
std::expected<std::unique_ptr<LoweredBlock>, LowerError> lower(const ir::Block& block, u64 physical_address,
                                                               u64 mode_key, const LoweringOptions& options = {});

/// The backend that every host has.
class InterpreterBackend final : public Backend {
public:
    explicit InterpreterBackend(const LoweringOptions& options) : options_(options) {}

    std::expected<std::unique_ptr<LoweredBlock>, LowerError> lower(const ir::Block& block, u64 physical_address,
                                                                   u64 mode_key) override
    {
        return interpreter::lower(block, physical_address, mode_key, options_);
    }
    void run(CpuState& state) override;

private:
    const LoweringOptions options_;
};

} // namespace gimbal::translator::interpreter
