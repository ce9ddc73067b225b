// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "base/types.hpp"

namespace gimbal::host {

/// Whether a frame is an unfragmented IPv4 or IPv6 packet without options whose TCP or UDP checksum is there and right,
/// so that its receiver need not look again. Everything else is "no".
bool has_good_transport_checksum(std::span<const u8> frame);

} // namespace gimbal::host
