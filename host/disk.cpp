// SPDX-License-Identifier: Apache-2.0
#include "host/disk.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "host/host_call.hpp"

namespace gimbal::host {
namespace {

constexpr usize zeroes_size = usize{256} << 10;

} // namespace

Disk::Disk(Fd fd, const std::string& path, const BlockProperties& properties, bool is_file)
    : fd_(std::move(fd)),
      name_(fmt::format("disk '{}'", path)),
      properties_(properties),
      is_file_(is_file),
      barrier_([this] { return sync(); })
{
}

BlockError Disk::failed(int code, const char* what)
{
    if (!reported_.exchange(true)) {
        spdlog::error("{}: {}: {}; the guest sees I/O errors, and this is said once", name_, what,
                      code == 0 ? "it has been cut short" : system_error(code).message);
    }
    return code == ENOSPC || code == EDQUOT || code == EFBIG ? BlockError::no_space : BlockError::io;
}

Result<void, BlockError> Disk::read(u64 offset, std::span<u8> out)
{
    u64 end;
    if (__builtin_add_overflow(offset, out.size(), &end) || end > properties_.sectors * sector_size)
        return fail(BlockError::range);
    const HostCall call("read", name_);
    while (!out.empty()) {
        const ssize_t count = ::pread(fd_.get(), out.data(), out.size(), static_cast<off_t>(offset));
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return fail(failed(count < 0 ? errno : 0, "read"));
        out = out.subspan(static_cast<usize>(count));
        offset += static_cast<u64>(count);
    }
    return {};
}

Result<void, BlockError> Disk::check_change(u64 offset, u64 size) const
{
    if (properties_.read_only) return fail(BlockError::read_only);
    u64 end;
    if (__builtin_add_overflow(offset, size, &end) || end > properties_.sectors * sector_size)
        return fail(BlockError::range);
    return {};
}

Result<void, BlockError> Disk::write(u64 offset, std::span<const u8> data)
{
    if (const auto allowed = check_change(offset, data.size()); !allowed) return allowed;
    const HostCall call("write", name_);
    if (is_file_) {
        // Writing behind the end of a file that somebody has cut short would make it longer.
        struct stat status{};
        if (::fstat(fd_.get(), &status) != 0) return fail(failed(errno, "write"));
        if (static_cast<u64>(status.st_size) < offset + data.size()) return fail(failed(0, "write"));
    }
    while (!data.empty()) {
        const ssize_t count = ::pwrite(fd_.get(), data.data(), data.size(), static_cast<off_t>(offset));
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return fail(failed(count < 0 ? errno : ENOSPC, "write"));
        data = data.subspan(static_cast<usize>(count));
        offset += static_cast<u64>(count);
    }
    return {};
}

Result<bool, BlockError> Disk::allocate(int mode, u64 offset, u64 size)
{
    const HostCall call("fallocate", name_);
    while (::fallocate(fd_.get(), mode, static_cast<off_t>(offset), static_cast<off_t>(size)) != 0) {
        if (errno == EINTR) continue;
        // EINVAL: a block device whose own sectors are larger than the guest's. EPERM, ENODEV: files of special
        // systems.
        if (errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL || errno == EPERM || errno == ENODEV)
            return false;
        return fail(failed(errno, "fallocate"));
    }
    return true;
}

Result<void, BlockError> Disk::discard(u64 offset, u64 size)
{
    if (const auto allowed = check_change(offset, size); !allowed || size == 0) return allowed;
    const auto done = allocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, size);
    if (!done) return fail(done.error());
    return {}; // what the host cannot forget is kept
}

Result<void, BlockError> Disk::write_zeroes(u64 offset, u64 size, bool may_unmap)
{
    if (const auto allowed = check_change(offset, size); !allowed || size == 0) return allowed;
    for (const int mode : {FALLOC_FL_PUNCH_HOLE, FALLOC_FL_ZERO_RANGE}) {
        if (mode == FALLOC_FL_PUNCH_HOLE && !may_unmap) continue;
        GIMBAL_TRY(done, allocate(mode | FALLOC_FL_KEEP_SIZE, offset, size));
        if (done) return {};
    }
    return write_zero_bytes(offset, size);
}

Result<void, BlockError> Disk::write_zero_bytes(u64 offset, u64 size)
{
    static constexpr u8 zeroes[zeroes_size]{};
    while (size != 0) {
        const usize here = static_cast<usize>(std::min<u64>(size, zeroes_size));
        GIMBAL_TRY_VOID(write(offset, {zeroes, here}));
        offset += here;
        size -= here;
    }
    return {};
}

Result<void, BlockError> Disk::flush()
{
    if (properties_.read_only) return {};
    const HostCall call("flush", name_); // another thread's too, if that one is waited for
    if (!barrier_.flush()) return fail(BlockError::io);
    return {};
}

bool Disk::sync()
{
    while (::fdatasync(fd_.get()) != 0) {
        if (errno == EINTR) continue;
        static_cast<void>(failed(errno, "flush"));
        return false;
    }
    return true;
}

} // namespace gimbal::host
