// SPDX-License-Identifier: Apache-2.0
// Opening a disk: what is refused, and in which words.
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <fstream>
#include <sstream>

#include <fmt/format.h>

#include "host/disk.hpp"
#include "host/file.hpp"

namespace gimbal::host {
namespace {

constexpr u64 largest_physical_block = u64{64} << 10;

/// "process 4711 (gimbal)", from the kernel's list of locks; "another program" if that does not say.
std::string lock_holder(const struct stat& file)
{
    const std::string id =
        fmt::format("{:02x}:{:02x}:{}", ::gnu_dev_major(file.st_dev), ::gnu_dev_minor(file.st_dev), file.st_ino);
    std::ifstream locks("/proc/locks");
    for (std::string line; std::getline(locks, line);) {
        // "7: FLOCK  ADVISORY  WRITE 4711 08:01:393 0 EOF"; one that waits for a lock has "->" behind the number.
        std::istringstream words(line);
        std::string number, kind, mode, access, pid, where;
        words >> number >> kind >> mode >> access >> pid >> where;
        if (kind != "FLOCK" || where != id || pid.find_first_not_of("0123456789") != std::string::npos || pid == "0")
            continue;
        std::string name;
        std::getline(std::ifstream("/proc/" + pid + "/comm"), name);
        return fmt::format("process {} ({})", pid, name.empty() ? "gone since" : name);
    }
    return "another program";
}

Result<void, HostError> lock(int fd, const struct stat& file, bool read_only)
{
    while (::flock(fd, (read_only ? LOCK_SH : LOCK_EX) | LOCK_NB) != 0) {
        if (errno == EINTR) continue;
        const int code = errno;
        if (code != EWOULDBLOCK)
            return fail(HostError{fmt::format("it cannot be locked: {}", system_error(code).message), code});
        const std::string holder = lock_holder(file);
        return fail(HostError{read_only ? fmt::format("{} has it open for writing", holder)
                                        : fmt::format("{} has it open; a disk has one writer, or readers only", holder),
                              code});
    }
    return {};
}

Result<Fd, HostError> open_file(const std::string& path, bool read_only)
{
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0) return fail(system_error(errno));
    const bool is_device = S_ISBLK(status.st_mode);
    if (!S_ISREG(status.st_mode) && !is_device) return fail(HostError{file_kind(status.st_mode)});
    // O_NONBLOCK: should a FIFO have taken its place, opening must not wait. O_EXCL: a device that is mounted is
    // refused.
    const int exclusive = is_device && !read_only ? O_EXCL : 0;
    Fd fd(::open(path.c_str(), (read_only ? O_RDONLY : O_RDWR) | exclusive | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (fd) return fd;
    const int code = errno;
    HostError error = system_error(code);
    const bool may_read = ::faccessat(AT_FDCWD, path.c_str(), R_OK, AT_EACCESS) == 0;
    if ((code == EACCES || code == EPERM || code == EROFS) && !read_only && may_read)
        error.message = fmt::format("it may not be written ({}); add ',ro' for a read-only disk", error.message);
    if (code == EBUSY) error.message = "it is in use, mounted for instance";
    return fail(std::move(error));
}

Result<u64, HostError> size_of(int fd, const struct stat& status)
{
    u64 size = static_cast<u64>(status.st_size);
    if (S_ISBLK(status.st_mode) && ::ioctl(fd, BLKGETSIZE64, &size) != 0) return fail(system_error(errno));
    if (size == 0) return fail(HostError{"it is empty; a disk has at least one sector of 512 bytes"});
    if (size % sector_size != 0)
        return fail(HostError{
            fmt::format("its size of {} bytes is no multiple of 512; `truncate -s %512 FILE` rounds it up", size)});
    return size;
}

/// What the guest reads as the serial number: the file's name, as far as it goes.
std::array<u8, 20> identity_of(const std::string& path)
{
    std::array<u8, 20> identity{};
    const std::string name = path.substr(path.rfind('/') + 1);
    std::transform(name.begin(), name.begin() + static_cast<std::ptrdiff_t>(std::min(name.size(), identity.size())),
                   identity.begin(), [](char c) { return static_cast<u8>(c > ' ' && c <= '~' ? c : '_'); });
    return identity;
}

} // namespace

Result<std::unique_ptr<Disk>, HostError> Disk::open(const std::string& path, bool read_only)
{
    GIMBAL_TRY(fd, open_file(path, read_only));
    struct stat status{};
    if (::fstat(fd.get(), &status) != 0) return fail(system_error(errno));
    const bool is_file = S_ISREG(status.st_mode);
    if (!is_file && !S_ISBLK(status.st_mode)) return fail(HostError{file_kind(status.st_mode)});
    GIMBAL_TRY_VOID(lock(fd.get(), status, read_only));
    if (::fstat(fd.get(), &status) != 0) return fail(system_error(errno)); // its last writer is gone: now it stays
    GIMBAL_TRY(size, size_of(fd.get(), status));

    BlockProperties properties{.sectors = size / sector_size, .read_only = read_only, .identity = identity_of(path)};
    u64 block = static_cast<u64>(status.st_blksize);
    unsigned physical = 0;
    if (!is_file) block = ::ioctl(fd.get(), BLKPBSZGET, &physical) == 0 ? physical : sector_size;
    properties.physical_block_size =
        static_cast<u32>(std::bit_floor(std::clamp<u64>(block, sector_size, largest_physical_block)));
    return std::unique_ptr<Disk>(new Disk(std::move(fd), path, properties, is_file));
}

} // namespace gimbal::host
