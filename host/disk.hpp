// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "base/atomic.hpp"
#include "device/block_backend.hpp"
#include "host/error.hpp"
#include "host/fd.hpp"
#include "host/flush_barrier.hpp"

namespace gimbal::host {

/// A raw disk image or a block device of the host. It is locked while it is open: one writer, or any number of readers.
/// Its size is what it was when it was opened; nothing here makes it longer or shorter. Accesses go through the page
/// cache and never through a mapping, so that a file that somebody cuts short gives I/O errors and no signal.
class Disk final : public BlockBackend {
public:
    /// Refused with words for the user: what is neither a regular file nor a block device, whose size is zero or no
    /// multiple of 512, or that another program has locked (it is named).
    static Result<std::unique_ptr<Disk>, HostError> open(const std::string& path, bool read_only);

    const BlockProperties& properties() const override { return properties_; }
    Result<void, BlockError> read(u64 offset, std::span<u8> out) override;
    Result<void, BlockError> write(u64 offset, std::span<const u8> data) override;
    Result<void, BlockError> discard(u64 offset, u64 size) override;
    Result<void, BlockError> write_zeroes(u64 offset, u64 size, bool may_unmap) override;
    Result<void, BlockError> flush() override;
    unsigned begin_write() override { return barrier_.begin_write(); }
    void end_write(unsigned ticket) override { barrier_.end_write(ticket); }

private:
    Disk(Fd fd, const std::string& path, const BlockProperties& properties, bool is_file);

    Result<void, BlockError> check_change(u64 offset, u64 size) const;
    Result<bool, BlockError> allocate(int mode, u64 offset, u64 size); ///< False: not supported here.
    Result<void, BlockError> write_zero_bytes(u64 offset, u64 size);
    bool sync();
    BlockError failed(int code, const char* what); ///< Logs the first failure of this disk.

    Fd fd_;
    std::string name_; ///< "disk 'vm.img'", for messages.
    BlockProperties properties_;
    bool is_file_;                 ///< Else a block device.
    Atomic<bool> reported_{false}; ///< A guest can cause failures at will; one line in the log is enough.
    FlushBarrier barrier_;
};

} // namespace gimbal::host
