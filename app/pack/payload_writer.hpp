// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "bare/payload.hpp"

namespace gimbal {

/// Appends a payload to a hypervisor's image (bare/payload.hpp).
class PayloadWriter {
public:
    /// `vms`: what is known of them but for their pieces.
    PayloadWriter(std::vector<u8> image, std::vector<bare::payload::Vm> vms,
                  std::vector<bare::payload::Channel> channels);

    /// False if this VM has as many pieces as fit. Empty ones are none.
    bool add_piece(usize vm, u64 gpa, std::span<const u8> bytes);

    /// The whole image, its size and checksum in place. Ends the writer's use.
    std::vector<u8> finish();

private:
    u64 payload_size() const { return image_.size() - start_; }

    std::vector<u8> image_;
    std::vector<bare::payload::Vm> vms_;
    std::vector<bare::payload::Channel> channels_;
    usize start_; // of the payload
};

} // namespace gimbal
