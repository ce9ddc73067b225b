// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>
#include <memory>
#include <mutex>

#include "engine/translator/core/lowered_block.hpp"
#include "engine/translator/ir/ir.hpp"

namespace gimbal::translator {

enum class LowerError : u8 {
    too_large,   ///< More live values or code than a block may have; a shorter block will do.
    unsupported, ///< An operation or type that this backend does not have.
    no_room,     ///< The code region is full: blocks have to go first.
};

/// Makes host code of blocks, and runs it. One for each VM, shared by its vCPUs.
class Backend {
public:
    virtual ~Backend() = default;

    /// Makes a block that the verifier accepts ready to run. `physical_address` is its first instruction's; the caller
    /// fills in guest_words. Thread-safe.
    virtual std::expected<std::unique_ptr<LoweredBlock>, LowerError> lower(const ir::Block& block, u64 physical_address,
                                                                           u64 mode_key) = 0;
    /// Runs the guest from `state.pc` until `state.unwind` is other than none; then `pc` is exact. Blocks come from
    /// Runtime::find_block, made by this backend. To be called on the vCPU's own thread.
    virtual void run(CpuState& state) = 0;
};

} // namespace gimbal::translator
