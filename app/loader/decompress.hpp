// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "app/user_error.hpp"
#include "base/types.hpp"

namespace gimbal::loader {

enum class Compression : u8 { none, gzip, zstd };

/// What the first bytes say (RFC 1952, RFC 8878).
Compression detect_compression(std::span<const u8> bytes);

const char* compression_name(Compression compression);

/// The first member or frame of `packed`; bytes behind it are ignored. Never holds more than `limit` bytes: what would
/// grow beyond it is refused, so that a small file cannot take all of the host's memory.
Result<std::vector<u8>, UserError> decompress(Compression compression, std::span<const u8> packed, u64 limit);

} // namespace gimbal::loader
