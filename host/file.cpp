// SPDX-License-Identifier: Apache-2.0
#include "host/file.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <system_error>

#include <fmt/format.h>

namespace gimbal::host {
namespace {

constexpr int file_patience_ms = 10'000;

/// Standard output or error if `file` is what it writes to; else -1.
int standard_stream(const struct stat& file)
{
    for (const int fd : {STDOUT_FILENO, STDERR_FILENO}) {
        struct stat own{};
        if (::fstat(fd, &own) == 0 && own.st_dev == file.st_dev && own.st_ino == file.st_ino) return fd;
    }
    return -1;
}

/// Where the file that exists at `path` really is: a link to it stays when the file is replaced.
std::string behind_links(const std::string& path)
{
    const std::unique_ptr<char, void (*)(void*)> target(::realpath(path.c_str(), nullptr), std::free);
    return target ? target.get() : path;
}

Result<void, HostError> replace_file(const std::string& path, std::string_view content)
{
    std::string temporary = path + ".XXXXXX";
    Fd fd(::mkostemp(temporary.data(), O_CLOEXEC));
    if (!fd) return fail(system_error(errno));
    // mkstemp makes a private file; a report is as readable as any other new file.
    const mode_t mask = ::umask(0);
    ::umask(mask);
    auto written = write_all(fd.get(), content, file_patience_ms);
    if (written && (::fchmod(fd.get(), 0666 & ~mask) != 0 || ::fsync(fd.get()) != 0))
        written = fail(system_error(errno));
    if (written && ::rename(temporary.c_str(), path.c_str()) != 0) written = fail(system_error(errno));
    if (!written) ::unlink(temporary.c_str());
    return written;
}

} // namespace

const char* file_kind(unsigned mode)
{
    if (S_ISDIR(mode)) return "it is a directory";
    if (S_ISFIFO(mode)) return "it is a FIFO";
    if (S_ISSOCK(mode)) return "it is a socket";
    if (S_ISCHR(mode)) return "it is a character device";
    if (S_ISBLK(mode)) return "it is a block device";
    return "it is no regular file";
}

HostError system_error(int code) { return {std::generic_category().message(code), code}; }

Result<RegularFile, HostError> RegularFile::open(const std::string& path, u64 limit)
{
    // O_NONBLOCK: opening a FIFO must not wait for its writer.
    Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!fd) return fail(system_error(errno));
    struct stat status{};
    if (::fstat(fd.get(), &status) != 0) return fail(system_error(errno));
    if (!S_ISREG(status.st_mode)) return fail(HostError{file_kind(status.st_mode)});
    const u64 size = static_cast<u64>(status.st_size);
    if (size > limit)
        return fail(HostError{fmt::format("it has {} bytes, more than the {} that can be used", size, limit), EFBIG});
    return RegularFile(std::move(fd), size, status.st_mtim);
}

Result<std::vector<u8>, HostError> RegularFile::read() const
{
    std::vector<u8> bytes(static_cast<usize>(size_));
    usize filled = 0;
    while (filled < bytes.size()) {
        const ssize_t count =
            ::pread(fd_.get(), bytes.data() + filled, bytes.size() - filled, static_cast<off_t>(filled));
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return fail(system_error(errno));
        if (count == 0) return fail(HostError{"it shrank while it was read"});
        filled += static_cast<usize>(count);
    }
    // Behind the reading, so that a change in the middle of it is seen too.
    struct stat status{};
    if (::fstat(fd_.get(), &status) != 0) return fail(system_error(errno));
    const bool same = static_cast<u64>(status.st_size) == size_ && status.st_mtim.tv_sec == changed_.tv_sec &&
                      status.st_mtim.tv_nsec == changed_.tv_nsec;
    if (!same) return fail(HostError{"it was changed while it was in use"});
    return bytes;
}

Result<std::vector<u8>, HostError> read_regular_file(const std::string& path, u64 limit)
{
    GIMBAL_TRY(file, RegularFile::open(path, limit));
    return file.read();
}

Result<void, HostError> write_all(int fd, std::string_view content, int patience_ms)
{
    while (!content.empty()) {
        const ssize_t count = ::write(fd, content.data(), content.size());
        if (count >= 0) {
            content.remove_prefix(static_cast<usize>(count));
        } else if (errno == EAGAIN) {
            pollfd writable{fd, POLLOUT, 0};
            if (::poll(&writable, 1, patience_ms) == 0) return fail(system_error(ETIMEDOUT));
        } else if (errno != EINTR) {
            return fail(system_error(errno));
        }
    }
    return {};
}

void say_at_once(std::string_view message) noexcept
{
    constexpr int patience_ms = 100;
    pollfd writable{STDERR_FILENO, POLLOUT, 0};
    if (::poll(&writable, 1, patience_ms) <= 0) return;
    static_cast<void>(!::write(STDERR_FILENO, message.data(), std::min<usize>(message.size(), PIPE_BUF)));
}

Result<void, HostError> check_writable(const std::string& path)
{
    struct stat status{};
    if (::stat(path.c_str(), &status) == 0) {
        if (S_ISDIR(status.st_mode)) return fail(HostError{file_kind(status.st_mode)});
        if (!S_ISREG(status.st_mode) || standard_stream(status) >= 0) return {};
    }
    const std::string target = behind_links(path);
    const usize slash = target.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : target.substr(0, slash + 1);
    if (::access(folder.c_str(), W_OK | X_OK) != 0) return fail(system_error(errno));
    return {};
}

Result<void, HostError> write_file_atomically(const std::string& path, std::string_view content)
{
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0) return replace_file(path, content);
    if (S_ISDIR(status.st_mode)) return fail(HostError{file_kind(status.st_mode)});
    // /dev/stdout and its like: behind what was written there, never in its place.
    if (const int own = standard_stream(status); own >= 0) return write_all(own, content, file_patience_ms);
    if (!S_ISREG(status.st_mode)) {
        const Fd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
        if (!fd) return fail(system_error(errno));
        return write_all(fd.get(), content, file_patience_ms);
    }
    return replace_file(behind_links(path), content);
}

} // namespace gimbal::host
