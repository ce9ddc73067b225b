// SPDX-License-Identifier: Apache-2.0
// Preloaded into the command: makes one file, GIMBAL_FAULT_FILE, behave as GIMBAL_FAULT says.
//
//   power-loss     what is written stays in this process until fdatasync(): SIGKILL loses what a power cut would lose
//   lying-disk     the same, but fdatasync() does nothing: what a disk with a lying cache would lose
//   read-error     EIO for reads that touch GIMBAL_FAULT_RANGE, "first-last" in bytes
//   write-error    EIO for writes that do
//   no-space       ENOSPC for writes that do
//   flush-error    EIO from the first fdatasync(), success afterwards, as a kernel does it
//   short          at most 1000 bytes at a time, every third call is interrupted (EINTR)
//   stuck-read     reads that touch the range never return; the first says so on standard error
//   stuck-write    the same for writes that do
//   stuck-flush    the same for fdatasync()
//   no-fallocate   the file system can neither punch holes nor zero ranges
#include <dlfcn.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <vector>

namespace {

struct Pending {
    off_t offset;
    std::vector<char> data;
};

struct Faults {
    std::string mode;
    struct stat file{};
    off_t first{};
    off_t last{-1};
    std::mutex mutex;
    std::vector<Pending> pending;
    unsigned calls{};
    bool flush_failed{};

    Faults()
    {
        const char* const name = std::getenv("GIMBAL_FAULT");
        const char* const path = std::getenv("GIMBAL_FAULT_FILE");
        const char* const range = std::getenv("GIMBAL_FAULT_RANGE");
        if (name == nullptr || path == nullptr || ::stat(path, &file) != 0) {
            std::fputs("disk_faults: GIMBAL_FAULT or GIMBAL_FAULT_FILE is missing\n", stderr);
            std::abort();
        }
        mode = name;
        if (range != nullptr) std::sscanf(range, "%ld-%ld", &first, &last);
    }
    bool applies(int fd) const
    {
        struct stat status{};
        return ::fstat(fd, &status) == 0 && status.st_dev == file.st_dev && status.st_ino == file.st_ino;
    }
    bool hits(off_t offset, size_t size) const { return offset <= last && offset + static_cast<off_t>(size) > first; }
    bool caches() const { return mode == "power-loss" || mode == "lying-disk"; }
};

Faults& faults()
{
    static Faults instance;
    return instance;
}

template <class Function>
Function* original(const char* name)
{
    return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

ssize_t real_pread(int fd, void* data, size_t size, off_t offset)
{
    static auto* const function = original<ssize_t(int, void*, size_t, off_t)>("pread");
    return function(fd, data, size, offset);
}

ssize_t real_pwrite(int fd, const void* data, size_t size, off_t offset)
{
    static auto* const function = original<ssize_t(int, const void*, size_t, off_t)>("pwrite");
    return function(fd, data, size, offset);
}

/// Says so, for the test to wait for, and never returns.
[[noreturn]] void stay()
{
    static std::atomic_flag said;
    if (!said.test_and_set()) std::fputs("disk_faults: stuck\n", stderr);
    while (true) ::pause();
}

ssize_t fail_with(int code)
{
    errno = code;
    return -1;
}

/// EINTR, or a size to go on with.
bool interrupted(Faults& faults, size_t& size)
{
    if (faults.mode != "short") return false;
    size = std::min<size_t>(size, 1000);
    return ++faults.calls % 3 == 0;
}

} // namespace

extern "C" {

ssize_t pread(int fd, void* data, size_t size, off_t offset)
{
    Faults& faults = ::faults();
    if (!faults.applies(fd)) return real_pread(fd, data, size, offset);
    if (faults.mode == "stuck-read" && faults.hits(offset, size)) stay();
    const std::lock_guard lock(faults.mutex);
    if (faults.mode == "read-error" && faults.hits(offset, size)) return fail_with(EIO);
    if (interrupted(faults, size)) return fail_with(EINTR);
    const ssize_t count = real_pread(fd, data, size, offset);
    for (const Pending& write : faults.pending) {
        const off_t from = std::max(write.offset, offset);
        const off_t to = std::min(write.offset + static_cast<off_t>(write.data.size()), offset + count);
        if (from < to)
            std::memcpy(static_cast<char*>(data) + (from - offset), write.data.data() + (from - write.offset),
                        static_cast<size_t>(to - from));
    }
    return count;
}

ssize_t pwrite(int fd, const void* data, size_t size, off_t offset)
{
    Faults& faults = ::faults();
    if (!faults.applies(fd)) return real_pwrite(fd, data, size, offset);
    if (faults.mode == "stuck-write" && faults.hits(offset, size)) stay();
    const std::lock_guard lock(faults.mutex);
    if (faults.mode == "write-error" && faults.hits(offset, size)) return fail_with(EIO);
    if (faults.mode == "no-space" && faults.hits(offset, size)) return fail_with(ENOSPC);
    if (interrupted(faults, size)) return fail_with(EINTR);
    if (!faults.caches()) return real_pwrite(fd, data, size, offset);
    const char* const bytes = static_cast<const char*>(data);
    faults.pending.push_back({
        offset, {bytes, bytes + size}
    });
    return static_cast<ssize_t>(size);
}

int fdatasync(int fd)
{
    static auto* const function = original<int(int)>("fdatasync");
    Faults& faults = ::faults();
    if (!faults.applies(fd)) return function(fd);
    if (faults.mode == "stuck-flush") stay();
    const std::lock_guard lock(faults.mutex);
    if (faults.mode == "lying-disk") return 0;
    if (faults.mode == "flush-error" && !faults.flush_failed) {
        faults.flush_failed = true;
        return static_cast<int>(fail_with(EIO));
    }
    for (const Pending& write : faults.pending)
        if (real_pwrite(fd, write.data.data(), write.data.size(), write.offset) !=
            static_cast<ssize_t>(write.data.size()))
            std::abort();
    faults.pending.clear();
    return function(fd);
}

int fallocate(int fd, int mode, off_t offset, off_t size)
{
    static auto* const function = original<int(int, int, off_t, off_t)>("fallocate");
    Faults& faults = ::faults();
    if (faults.applies(fd) && (faults.caches() || faults.mode == "no-fallocate"))
        return static_cast<int>(fail_with(EOPNOTSUPP));
    return function(fd, mode, offset, size);
}

// What a program with 64-bit offsets asked for calls instead.
ssize_t pread64(int fd, void* data, size_t size, off_t offset) { return pread(fd, data, size, offset); }
ssize_t pwrite64(int fd, const void* data, size_t size, off_t offset) { return pwrite(fd, data, size, offset); }
int fallocate64(int fd, int mode, off_t offset, off_t size) { return fallocate(fd, mode, offset, size); }

} // extern "C"
