// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ctime>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.hpp"
#include "host/error.hpp"
#include "host/fd.hpp"

namespace gimbal::host {

/// A regular file that stays open, so that it can be read again later as it was, also when its name is another file's
/// by then. Anything else (a directory, a FIFO, a device) is refused by name without waiting for it.
class RegularFile {
public:
    /// Fails with EFBIG if there are more than `limit` bytes.
    static Result<RegularFile, HostError> open(const std::string& path, u64 limit);

    /// All of it. Fails if it is not what was opened any more, by its size and the time of its last change.
    Result<std::vector<u8>, HostError> read() const;
    u64 size() const { return size_; }

private:
    RegularFile(Fd fd, u64 size, timespec changed) : fd_(std::move(fd)), size_(size), changed_(changed) {}

    Fd fd_;
    u64 size_;
    timespec changed_;
};

/// The whole of a regular file of at most `limit` bytes. An empty file is read as such.
Result<std::vector<u8>, HostError> read_regular_file(const std::string& path, u64 limit);

/// What a file that is not regular is, by its st_mode: "it is a directory".
const char* file_kind(unsigned mode);

/// Replaces `path` by `content` in one step: a reader sees the old file or the whole new one, also after a crash.
/// What is no regular file (/dev/stderr, a FIFO) is written in place instead.
Result<void, HostError> write_file_atomically(const std::string& path, std::string_view content);

/// Whether write_file_atomically() may be expected to succeed; nothing is created.
Result<void, HostError> check_writable(const std::string& path);

/// Writes all of it, through short writes, EINTR and a reader that is slow (waits up to `patience_ms` for each step).
Result<void, HostError> write_all(int fd, std::string_view content, int patience_ms);

/// One short message to standard error, in one write; lost if nobody makes room for it within a tenth of a second.
void say_at_once(std::string_view message) noexcept;

} // namespace gimbal::host
