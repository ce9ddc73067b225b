// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "base/types.hpp"

namespace gimbal {

/// Where a serial device's output goes. Called with the device's lock held, so from one thread at a time.
class CharSink {
public:
    /// Takes as many bytes as there is room for now and returns how many, from the front. Never waits. After a refusal
    /// the owner calls the device's transmit_ready() once there is room.
    virtual usize put(std::span<const u8> bytes) = 0;
    /// The device refused input before and may take some now. Must not call back into the device.
    virtual void receiver_ready() noexcept = 0;

protected:
    ~CharSink() = default;
};

} // namespace gimbal
