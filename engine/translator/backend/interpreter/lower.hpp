// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>
#include <memory>
#include <mutex>

#include "engine/translator/core/lowered_block.hpp"
#include "engine/translator/ir/ir.hpp"

namespace gimbal::translator::interpreter {

struct LoweringOptions {
    /// Off: each IR instruction becomes an op of its own, with no value left in a guest register, nothing folded,
    /// merged or dropped. For tests, and for finding out whether lowering is at fault.
    bool fuse{true};
    /// Guards the links between the blocks that share it and outlives them. Null: one lock for all blocks without.
    std::mutex* link_lock{};
};

enum class LowerError : u8 {
    too_large,   ///< More live values than temporaries, or more ops than an exit can reach; a shorter block will do.
    unsupported, ///< An operation or type that this backend does not have.
};

/// Makes threaded code of a block that the verifier accepts. `physical_address` is its first instruction's; the
/// caller fills in guest_words. Thread-safe.
std::expected<std::unique_ptr<LoweredBlock>, LowerError> lower(const ir::Block& block, u64 physical_address,
                                                               u64 mode_key, const LoweringOptions& options = {});

} // namespace gimbal::translator::interpreter
