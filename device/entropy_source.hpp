// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "base/types.hpp"

namespace gimbal {

/// Random bytes of the host, good enough for a guest's keys.
class EntropySource {
public:
    /// Fills `out` (at most 256 bytes) from the front and returns how many bytes are random: fewer than asked for, even
    /// none, if the host fails. What lies behind them is unspecified.
    virtual usize fill(std::span<u8> out) = 0;

protected:
    ~EntropySource() = default;
};

} // namespace gimbal
