// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>

#include "base/types.hpp"

namespace gimbal::el2::test {

/// What a stage 2 walk of one address ends in.
struct WalkResult {
    bool mapped{};
    u64 physical{}; ///< mapped: the output address
    u64 covers{};   ///< Bytes that the last descriptor speaks for.
    unsigned level{};
    u64 raw{}; ///< The last descriptor.
    // mapped:
    unsigned mem_attr{};
    unsigned shareability{};
    bool access_flag{}, read{}, write{}, execute_el0{}, execute_el1{};
};

/// A second stage 2 walker, written from DDI 0487 ("VMSAv8-64 address translation", "VTCR_EL2", "VTTBR_EL2", "Stage 2
/// memory region attributes") and from nothing in engine/el2 or arch: it shares no code with what it judges.
class Walker {
public:
    /// `read` answers with the doubleword at a physical address.
    Walker(u64 vtcr, u64 vttbr, bool xnx, std::function<u64(u64)> read);

    /// None: the control registers or a descriptor are not what the architecture allows.
    std::optional<WalkResult> walk(u64 ipa) const;
    unsigned ipa_bits() const { return ipa_bits_; }
    unsigned start_level() const { return start_level_; }
    unsigned root_tables() const { return root_tables_; }
    u64 root() const { return root_; }
    bool legal() const { return legal_; }

private:
    std::function<u64(u64)> read_;
    bool xnx_;
    bool legal_{};
    unsigned ipa_bits_{}, start_level_{}, root_tables_{}, pa_bits_{};
    u64 root_{};
};

} // namespace gimbal::el2::test
