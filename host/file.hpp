// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/types.hpp"
#include "host/error.hpp"

namespace gimbal::host {

/// The whole of a regular file of at most `limit` bytes. Anything that is not one (a directory, a FIFO, a device) is
/// refused by name without waiting for it. An empty file is read as such.
Result<std::vector<u8>, HostError> read_regular_file(const std::string& path, u64 limit);

/// Replaces `path` by `content` in one step: a reader sees the old file or the whole new one, also after a crash.
/// What is no regular file (/dev/stderr, a FIFO) is written in place instead.
Result<void, HostError> write_file_atomically(const std::string& path, std::string_view content);

/// Whether write_file_atomically() may be expected to succeed; nothing is created.
Result<void, HostError> check_writable(const std::string& path);

/// Writes all of it, through short writes, EINTR and a reader that is slow (waits up to `patience_ms` for each step).
Result<void, HostError> write_all(int fd, std::string_view content, int patience_ms);

} // namespace gimbal::host
