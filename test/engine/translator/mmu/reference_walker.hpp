// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>

#include "base/types.hpp"

// Stage 1 of the EL1&0 regime as the pseudocode of the Arm ARM (DDI 0487, J1 and D8) has it, function for function and
// with its names. Written from the manual alone, to judge the engine's walker: it shares no code with it. Fixed
// choices: one Security state, no stage 2, FEAT_HAFDBS, FEAT_HPDS, FEAT_PAN2, FEAT_E0PD; no FEAT_LPA, LPA2, LVA, TTST,
// EPAN, TBID.
namespace gimbal::reference {

struct Registers {
    u64 ttbr0{};
    u64 ttbr1{};
    u64 tcr{};
    u64 mair{};
    u64 sctlr{};
};

enum class Access : u8 { read, write, execute };

/// Physical memory as the walk sees it; a read of what is not there is an external abort.
struct Memory {
    std::function<std::optional<u64>(u64 address)> read;
    std::function<void(u64 address, u64 value)> write;
};

struct Result {
    bool faulted{};
    u8 status{}; ///< DFSC or IFSC, with the level
    u64 address{};
    u8 attribute{}; ///< MAIR byte
    u8 shareability{};
    bool global{};
    unsigned level{};
    unsigned leaf_shift{}; ///< log2 of what the descriptor maps, with its contiguous set
};

/// AArch64.S1Translate, without alignment. `privileged` and `pan` are the access's.
Result translate(const Memory& memory, const Registers& registers, u64 va, Access access, bool privileged, bool pan);

} // namespace gimbal::reference
