// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "base/atomic.hpp"
#include "base/types.hpp"

namespace gimbal::translator {

/// A block ready to run, made by a backend and owned by the code cache; shared by all vCPUs of a VM. Everything but
/// `stale`, the neighbours and the link words that the backend keeps inside `code` is constant once published.
struct LoweredBlock {
    virtual ~LoweredBlock() = default;

    u64 physical_address{}; ///< Of the first guest instruction.
    u64 mode_key{};
    u16 guest_count{};
    bool loads_exclusive{};       ///< Any of its instructions arms the monitor.
    std::vector<u32> guest_words; ///< What was translated; compared when the guest says that code changed.
    Atomic<u32> stale{};          ///< Set once, under the code cache's lock; the backend's entry then refuses to run.
    usize host_bytes{};

    // Neighbours in the code cache's order of age; under its lock.
    LoweredBlock* older{};
    LoweredBlock* newer{};

    /// Makes the entry refuse: whoever jumps here goes to Runtime::find_block instead. Called under the cache's lock,
    /// while other vCPUs may be running the block; they leave it at its end.
    virtual void retire() = 0;
};

} // namespace gimbal::translator
