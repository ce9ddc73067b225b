// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "device/entropy_source.hpp"

namespace gimbal::host {

/// The system's own generator, getrandom(2). Waits for it to be seeded, which a running system is.
class SystemEntropy final : public EntropySource {
public:
    usize fill(std::span<u8> out) override;
};

} // namespace gimbal::host
